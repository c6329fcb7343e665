"""GET /v1/privacy/requests: the admin key's API to what people ask about their data."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings import ManagePrivacySettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_privacy import manage_privacy

manage = manage_privacy(ManagePrivacySettings.from_env())


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing of what exists."""
    manage.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/privacy/requests":
            return Response(body=manage.show(request.query))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_privacy"), answer)
