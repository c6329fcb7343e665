"""/v1/quarantine…: what lies in quarantine, one input with its bytes, replays. For the admin key."""

from attune.runtime.callers import by_admin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.management import ManageQuarantineSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_quarantine import manage_quarantine
from attune.use_cases.repairs.select_quarantined import named_one

telemetry = Telemetry("manage_quarantine")
manage, record = manage_quarantine(ManageQuarantineSettings.from_env(), telemetry.count)


def answer(request: Request) -> Response:
    """One route each; who is not the admin learns nothing of what exists."""
    who = manage.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/quarantine":
            return Response(body=manage.counts(request.query))
        case "GET /v1/quarantine/inputs":
            return Response(body=manage.inputs(request.query))
        case "GET /v1/quarantine/inputs/{input}":
            one = named_one(request.parameters["input"])
            record(by_admin(request), [f"quarantine {one.id}"])  # nobody knows whose it is
            return Response(body=manage.one(one.id))
        case "POST /v1/quarantine/replay":
            record(by_admin(request), ["quarantine"])
            return Response(body=manage.replay(request.body, who))
        case _:
            raise not_found()


handler = endpoint_handler(telemetry, answer)
