"""/v1/privacy/requests: the admin key's API to what people ask about their data."""

from functools import partial

from attune.runtime.callers import by_admin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.privacy import ManagePrivacySettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_privacy import manage_privacy
from attune.use_cases.privacy.manage_privacy import ALL

ONE = "/v1/privacy/requests/{request}"

manage, record = manage_privacy(ManagePrivacySettings.from_env())
SHOWN = {f"GET {ONE}": manage.one, f"GET {ONE}/export": manage.export, f"GET {ONE}/receipt": manage.receipt}


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing of what exists; who is, leaves a record first."""
    manage.authorise(bearer(request.headers))
    recorded = partial(record, by_admin(request))
    if request.route == "POST /v1/privacy/requests":
        return Response(status=202, body=manage.ask(request.body, recorded))
    if request.route == "GET /v1/privacy/requests":
        recorded([ALL])
        return Response(body=manage.show(request.query))
    request_id = request.parameters.get("request", "")
    recorded(manage.about(request_id))
    if request.route in SHOWN:
        return Response(body=SHOWN[request.route](request_id))
    if request.route == f"POST {ONE}/fulfil":
        return Response(status=202, body=manage.fulfil(request_id))
    if request.route == f"POST {ONE}/refuse":
        return Response(body=manage.refuse(request_id, request.body))
    raise not_found()


handler = endpoint_handler(Telemetry("manage_privacy"), answer)
