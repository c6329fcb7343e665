"""GET, PUT, DELETE /v1/definitions/…, keys of sources, secrets of sources and channels: the admin key's API."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings import ManageDefinitionsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_definitions import manage_definitions

manage, sizes = manage_definitions(ManageDefinitionsSettings.from_env())


def answer(request: Request) -> Response:
    """One route each; who is not the admin learns nothing of what exists."""
    manage.authorise(bearer(request.headers))
    named = request.parameters
    match request.route:
        case "GET /v1/definitions/{kind}":
            body = manage.all_of(named["kind"])
        case "GET /v1/definitions/{kind}/{id}":
            body = manage.one(named["kind"], named["id"])
        case "GET /v1/definitions/{kind}/{id}/versions":
            body = manage.past(named["kind"], named["id"])
        case "PUT /v1/definitions/{kind}/{id}":
            body = manage.put(named["kind"], named["id"], request.body)
        case "DELETE /v1/definitions/{kind}/{id}":
            body = manage.delete(named["kind"], named["id"])
        case "GET /v1/segments/sizes":
            body = sizes(request.query.get("weeks", "0"))
        case "POST /v1/sources/{source}/keys":
            body = manage.create_key(named["source"], request.body)
        case "PUT /v1/sources/{source}/secrets":
            body = manage.put_source_secrets(named["source"], request.body)
        case "POST /v1/channels/{channel}/secrets":
            body = manage.create_channel_secret(named["channel"])
        case _:
            raise not_found()
    return Response(status=201 if request.route.startswith("POST ") else 200, body=body)


handler = endpoint_handler(Telemetry("manage_definitions"), answer)
