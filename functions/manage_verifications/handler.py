"""/v1/privacy/verifications: the admin key's API to whether anything of somebody is left in any store."""

from functools import partial

from attune.runtime.callers import by_admin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.privacy import ManageVerificationsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_verifications import manage_verifications

manage, record = manage_verifications(ManageVerificationsSettings.from_env())


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing; who looks for somebody leaves a record first."""
    manage.authorise(bearer(request.headers))
    match request.route:
        case "POST /v1/privacy/verifications":
            recorded = partial(record, by_admin(request))
            return Response(status=202, body=manage.start(request.body, recorded))  # accepted: a run takes minutes
        case "GET /v1/privacy/verifications":
            return Response(body=manage.show())
        case "GET /v1/privacy/verifications/{run}":
            return Response(body=manage.one_run(request.parameters["run"]))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_verifications"), answer)
