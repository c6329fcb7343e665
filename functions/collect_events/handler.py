"""Clients' events (`POST /v1/{batch,track,…}` and their aliases), and what clients ask before they send.

Also the API's answer to unknown routes.
"""

from attune.runtime.clock import now
from attune.runtime.collect_routes import api_host, asks_source_config, settings_key, submission_in, write_key
from attune.runtime.http import Request, Response, endpoint_handler, not_found
from attune.runtime.settings.path import CollectEventsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.collect_events import collect_events

telemetry = Telemetry("collect_events")
collect, settings = collect_events(CollectEventsSettings.from_env(), telemetry.count)
#: for the caller alone: the answer depends on who asks, and under which name
KEPT = {"cache-control": "private, max-age=300"}


def answer(request: Request) -> Response:
    """200 says that everything is stored."""
    if submission := submission_in(request):
        collect(submission, now())
        return Response(body={"success": True})
    origin = request.headers.get("origin")
    if key := settings_key(request):
        return Response(body=settings.for_segment(key, origin, *api_host(request.headers)), headers=KEPT)
    if asks_source_config(request):
        key = write_key(request.headers) or request.query.get("writeKey")
        return Response(body=settings.for_rudder(key, origin), headers=KEPT)
    raise not_found()


handler = endpoint_handler(telemetry, answer)
