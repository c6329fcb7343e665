"""POST /v1/previews, GET /v1/previews, GET /v1/previews/{run}: the admin key's API to what a segment would hold."""

from functools import partial

from attune.runtime.callers import by_admin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.past import ManagePreviewsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_previews import manage_previews

manage, record = manage_previews(ManagePreviewsSettings.from_env())


def answer(request: Request) -> Response:
    """Who is not the admin learns nothing of what exists; who asks for a draft leaves a record first."""
    manage.authorise(bearer(request.headers))
    recorded = partial(record, by_admin(request))
    match request.route:
        case "POST /v1/previews":
            return Response(status=202, body=manage.start(request.body, recorded))  # accepted: a run takes minutes
        case "GET /v1/previews":
            return Response(body=manage.show())
        case "GET /v1/previews/{run}":
            return Response(body=manage.one_run(request.parameters["run"], recorded))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_previews"), answer)
