"""/v1/quarantine…: what lies in quarantine, one input with its bytes, replays. For the admin key."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings import ManageQuarantineSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_quarantine import manage_quarantine

telemetry = Telemetry("manage_quarantine")
manage = manage_quarantine(ManageQuarantineSettings.from_env(), telemetry.count)


def answer(request: Request) -> Response:
    """One route each; who is not the admin learns nothing of what exists."""
    who = manage.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/quarantine":
            return Response(body=manage.counts(request.query))
        case "GET /v1/quarantine/inputs":
            return Response(body=manage.inputs(request.query))
        case "GET /v1/quarantine/inputs/{input}":
            return Response(body=manage.one(request.parameters["input"]))
        case "POST /v1/quarantine/replay":
            return Response(body=manage.replay(request.body, who))
        case _:
            raise not_found()


handler = endpoint_handler(telemetry, answer)
