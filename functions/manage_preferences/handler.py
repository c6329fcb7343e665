"""/v1/preferences: what people decide about themselves, for whoever holds a link. /.well-known/gpc.json."""

from attune.runtime.callers import by_link
from attune.runtime.http import Request, Response, endpoint_handler, not_found
from attune.runtime.preference_forms import Unsubscribe, read_form
from attune.runtime.preference_pages import choices_page, in_pages, saved_page, unsubscribed_page
from attune.runtime.settings.management import ManagePreferencesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.manage_preferences import manage_preferences

SHOW, CHANGE = "GET /v1/preferences/{token}", "POST /v1/preferences/{token}"
manage, record = manage_preferences(ManagePreferencesSettings.from_env())


def answer(request: Request) -> Response:
    """One route each."""
    if request.route == "GET /.well-known/gpc.json":
        # https://w3c.github.io/gpc/: without a date, as definitions say nothing of since when they have meant it
        return Response(body={"gpc": manage.heeds_gpc()}, headers={"cache-control": "public, max-age=3600"})
    if request.route not in (SHOW, CHANGE):
        raise not_found()
    link = manage.open(request.parameters.get("token", ""))
    record(by_link(request), [link.identity_key])  # before anything of the person is read or changed
    if request.route == SHOW:
        return choices_page(manage.show(link))
    said = read_form(request)
    if isinstance(said, Unsubscribe):
        return unsubscribed_page(manage.unsubscribe(link))
    return saved_page(manage.save(link, said.choices, said.seen))


handler = in_pages(endpoint_handler(Telemetry("manage_preferences"), answer), frozenset({SHOW, CHANGE}))
