"""/v1/profiles: reading and consent for server keys, unlinking for the admin's. /v1/lists: whom companies list."""

from functools import partial

from attune.runtime.callers import by_admin, by_server_key
from attune.runtime.collect_routes import api_origin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.management import ManageProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_profiles import manage_profiles

manage, lists, unlink, link, explain, record = manage_profiles(ManageProfilesSettings.from_env())


def answer(request: Request) -> Response:
    """One route each."""
    token, address = bearer(request.headers), request.parameters.get("profile", "")
    if request.route == "POST /v1/profiles/{profile}/unlink":
        unlink.authorise(token)
        return Response(status=202, body=unlink(address, request.body, partial(record.record, by_admin(request))))
    by = by_server_key(request, key := manage.authorise(token))
    if address:
        record(by, address)  # before anything of the person is read or changed
    match request.route:
        case "GET /v1/profiles/{profile}":
            return Response(body=manage.read(address, key))
        case "GET /v1/profiles/{profile}/consent":
            return Response(body=explain(address, key))
        case "PUT /v1/profiles/{profile}/consent":
            return Response(status=202, body=manage.set_consent(address, request.body, key))
        case "POST /v1/profiles/{profile}/preferences-link":
            return Response(status=201, body=link(address, request.body, key, api_origin(request.headers)))
        case "POST /v1/lists/{list}":
            recorded = partial(record.record, by)
            return Response(status=202, body=lists.change(request.parameters["list"], request.body, key, recorded))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_profiles"), answer)
