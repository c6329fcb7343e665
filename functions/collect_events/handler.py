"""POST /v1/{batch,track,identify,page,screen,group,alias}: clients' events. Also the API's answer to unknown routes."""

from attune.runtime.clock import now
from attune.runtime.http import Request, Response, basic_user, bearer, endpoint_handler, not_found
from attune.runtime.settings import CollectEventsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.collect_events import collect_events
from attune.use_cases.collect_events import Submission

telemetry = Telemetry("collect_events")
collect = collect_events(CollectEventsSettings.from_env(), telemetry.count)


def answer(request: Request) -> Response:
    """200 says that everything is stored."""
    if not request.route.startswith("POST /v1/"):
        raise not_found()
    headers = request.headers
    submission = Submission(
        call=request.route.rpartition("/")[2],
        body=request.body,
        encoding=headers.get("content-encoding", ""),
        token=basic_user(headers) or bearer(headers) or headers.get("x-write-key"),
        origin=headers.get("origin"),
    )
    collect(submission, now())
    return Response(body={"success": True})


handler = endpoint_handler(telemetry, answer)
