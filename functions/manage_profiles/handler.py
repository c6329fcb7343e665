"""GET /v1/profiles/{profile} and PUT /v1/profiles/{profile}/consent: the server keys' API."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings import ManageProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_profiles import manage_profiles

manage = manage_profiles(ManageProfilesSettings.from_env())


def answer(request: Request) -> Response:
    """One route each."""
    key = manage.authorise(bearer(request.headers))
    address = request.parameters.get("profile", "")
    match request.route:
        case "GET /v1/profiles/{profile}":
            return Response(body=manage.read(address))
        case "PUT /v1/profiles/{profile}/consent":
            return Response(status=202, body=manage.set_consent(address, request.body, key))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_profiles"), answer)
