"""POST /v1/repairs, GET /v1/repairs, GET /v1/repairs/{run}: the admin key's API to what makes up for faults."""

from functools import partial

from attune.runtime.callers import by_admin
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.repairs import ManageRepairsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_repairs import manage_repairs

manage, record = manage_repairs(ManageRepairsSettings.from_env())


def answer(request: Request) -> Response:
    """One route each; who is not the admin learns nothing of what exists."""
    manage.authorise(bearer(request.headers))
    match request.route:
        case "POST /v1/repairs":
            recorded = partial(record, by_admin(request))
            return Response(status=202, body=manage.start(request.body, recorded))  # accepted: a run takes minutes
        case "GET /v1/repairs":
            return Response(body=manage.show())
        case "GET /v1/repairs/{run}":
            return Response(body=manage.one_run(request.parameters["run"]))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_repairs"), answer)
