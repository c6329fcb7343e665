"""GET /v1/profiles/{profile}/segments/{segment}: why somebody is in a segment or not, for server keys."""

from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings import ExplainSegmentsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.explain_segments import explain_segments

explain = explain_segments(ExplainSegmentsSettings.from_env())


def answer(request: Request) -> Response:
    """One route."""
    explain.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/profiles/{profile}/segments/{segment}":
            named = request.parameters
            return Response(body=explain(named["profile"], named["segment"], request.query))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("explain_segments"), answer)
