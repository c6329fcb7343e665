"""GET /v1/models, POST /v1/models/train, GET /v1/models/runs/{run}: the admin key's API to what was learnt."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.learning import ManageModelsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_models import manage_models

manage = manage_models(ManageModelsSettings.from_env())


def answer(request: Request) -> Response:
    """One route each; who is not the admin learns nothing of what exists."""
    manage.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/models":
            return Response(body=manage.show())
        case "POST /v1/models/train":
            return Response(status=202, body=manage.train())  # accepted: a run takes minutes
        case "GET /v1/models/runs/{run}":
            return Response(body=manage.one_run(request.parameters["run"]))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("manage_models"), answer)
