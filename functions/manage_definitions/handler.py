"""GET, PUT, DELETE /v1/definitions/…, keys, secrets, the catalog: the admin key's API."""

from attune.runtime.definition_routes import about_counts, about_definitions, about_keys
from attune.runtime.http import Request, Response, bearer, endpoint_handler
from attune.runtime.settings.management import ManageDefinitionsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_definitions import manage_definitions

manage, sizes, arrivals, show_catalog = manage_definitions(ManageDefinitionsSettings.from_env())


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing of what exists."""
    manage.authorise(bearer(request.headers))
    _, _, path = request.route.partition(" ")
    if path.startswith("/v1/definitions/"):
        body = about_definitions(request, manage)
    elif path.startswith(("/v1/sources/", "/v1/channels/")):
        body = about_keys(request, manage)
    else:
        body = about_counts(request, sizes, arrivals, show_catalog)
    return Response(status=201 if request.route.startswith("POST ") else 200, body=body)


handler = endpoint_handler(Telemetry("manage_definitions"), answer)
