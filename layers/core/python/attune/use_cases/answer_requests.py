"""The step of the privacy machine that asks the lake: shows people what is held, and finds all that a shop has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.exports import as_page
from attune.use_cases.fulfil_requests import is_stuck
from attune.use_cases.manage_privacy import export_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.privacy_requests import PrivacyRequest
    from attune.ports import Clock
    from attune.ports.documents import Documents
    from attune.ports.privacy import PrivacyRequests
    from attune.use_cases.export_profiles import ExportProfiles
    from attune.use_cases.find_shop_people import FindShopPeople

type Json = dict[str, Any]

#: ms that a request rests after it has failed several times: for a day it is not in the others' way
REST: Final = 24 * 3_600_000


class AnswerRequests:
    """Callable with ids of requests and the answer before; until it is `done`. Killed anywhere, it begins anew."""

    def __init__(
        self,
        *,
        requests: PrivacyRequests,
        export: ExportProfiles,
        find_people: FindShopPeople,
        documents: Documents,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._export = export
        self._find_people = find_people
        self._documents = documents

    def __call__(self, request_ids: Sequence[str], position: Any, has_time: Callable[[], bool]) -> Json:
        """`{done, position}`; one piece of work at least, and on as long as `has_time`."""
        at: int = (position or {}).get("at", 0)
        found: Any = (position or {}).get("found")
        while at < len(request_ids):
            request = self._requests.get(request_ids[at])
            found = None if request is None or request.state != "running" else self._answer(request, found)
            if found is None:
                at += 1
            if not has_time():
                break
        return {"done": at >= len(request_ids), "position": {"at": at, "found": found}}

    def _answer(self, request: PrivacyRequest, position: Any) -> Any:
        """None once the request has what it takes from the lake, else how far it has come."""
        if not position:
            if (tried := self._tried(request)) is None:
                return None
            request = tried
        if request.kind == "access":
            self._lay_out(request)
            self._note(request, {"exported": True, "attempts": 0})
        elif request.kind == "shop_erasure":
            found = self._find_people(request, position)
            if not found.done:
                return msgspec.to_builtins(found)
            self._note(request, {"people": found.people, "attempts": 0})
        return None

    def _tried(self, request: PrivacyRequest) -> PrivacyRequest | None:
        """Noted before it is begun, as who runs out of time cannot; None where the others go on without it for now."""
        now = self._clock()
        rests = now - int(request.outcome.get("tried_at", 0)) < REST
        if rests and is_stuck(request):
            return None
        attempts = int(request.outcome.get("attempts", 0)) + 1
        return self._note(request, {"attempts": attempts if rests else 1, "tried_at": now})

    def _lay_out(self, request: PrivacyRequest) -> None:
        """The data last: they are what is asked for to know whether both are there."""
        data = self._export(request)
        plain = msgspec.json.format(msgspec.json.encode(data), indent=2)
        self._documents.put(export_key(request.request_id, "html"), as_page(data).encode(), "text/html; charset=utf-8")
        self._documents.put(export_key(request.request_id, "json"), plain)

    def _note(self, request: PrivacyRequest, outcome: Json) -> PrivacyRequest:
        noted = msgspec.structs.replace(request, outcome=request.outcome | outcome)
        self._requests.save(noted, read_state="running")
        return noted
