"""GET /v1/profiles/{profile}/segments/{segment}: why somebody is in a segment or not, for server keys."""

from attune.runtime.callers import by_server_key
from attune.runtime.http import Request, Response, bearer, endpoint_handler, not_found
from attune.runtime.settings.past import ExplainSegmentsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.explain_segments import explain_segments

explain, record = explain_segments(ExplainSegmentsSettings.from_env())


def answer(request: Request) -> Response:
    """One route."""
    key = explain.authorise(bearer(request.headers))
    match request.route:
        case "GET /v1/profiles/{profile}/segments/{segment}":
            named = request.parameters
            record(by_server_key(request, key), named["profile"])
            return Response(body=explain(named["profile"], named["segment"], request.query, key))
        case _:
            raise not_found()


handler = endpoint_handler(Telemetry("explain_segments"), answer)
