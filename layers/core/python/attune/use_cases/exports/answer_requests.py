"""The step of the privacy machine that asks the lake: shows people what is held, and finds all that a shop has sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.use_cases.privacy.fulfil_requests import TURN, is_stuck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Clock
    from attune.ports.privacy import PrivacyRequests
    from attune.use_cases.exports.export_profiles import ExportProfiles
    from attune.use_cases.privacy.find_shop_people import FindShopPeople

type Json = dict[str, Any]
type HasTime = Callable[[], bool]

#: ms that a request rests after it has failed several times: for a day it is not in the others' way
REST: Final = 24 * 3_600_000
#: in place of how far an export has come, which lies beside it
_UNDER_WAY: Final = {"exporting": True}


class AnswerRequests:
    """Callable with ids of requests and the answer before; until it is `done`. Killed anywhere, it goes on."""

    def __init__(
        self, *, requests: PrivacyRequests, export: ExportProfiles, find_people: FindShopPeople, clock: Clock
    ) -> None:
        self._clock = clock
        self._requests = requests
        self._export = export
        self._find_people = find_people

    def __call__(self, run: str, request_ids: Sequence[str], position: Any, has_time: HasTime) -> Json:
        """`{done, position}`; one piece of work at least, and on as long as `has_time`.

        Done as well where it is another run's turn: this one ends then.
        """
        at: int = (position or {}).get("at", 0)
        found: Any = (position or {}).get("found")
        while at < len(request_ids):
            now = self._clock()
            if not self._requests.take_turn(run, now, now + TURN):
                return {"done": True, "position": {"at": at, "found": found}}
            request = self._requests.get(request_ids[at])
            is_open = request is not None and request.state == "running"
            found = self._answer(request, run, found, has_time) if request and is_open else None
            if found is None:
                at += 1
            if not has_time():
                break
        return {"done": at >= len(request_ids), "position": {"at": at, "found": found}}

    def _answer(self, request: PrivacyRequest, run: str, position: Any, has_time: HasTime) -> Any:
        """None once the request has what it takes from the lake, else how far it has come."""
        if request.outcome.get("exported"):
            self._export.forget(request)  # whoever noted it was killed before that
            return None
        if not position:
            if (tried := self._tried(request)) is None:
                return None
            request = tried
        if request.kind == "access":
            return self._show(request, run, has_time)
        if request.kind == "shop_erasure":
            found = self._find_people(request, position)
            if not found.done:
                return msgspec.to_builtins(found)
            self._note(request, {"people": found.people, "attempts": 0})
        return None

    def _show(self, request: PrivacyRequest, run: str, has_time: HasTime) -> Any:
        """Noted before its pieces go: who is killed in between need not gather them again."""
        ended = self._export(request, run, has_time)
        if ended is None:
            return _UNDER_WAY
        left_out = {"left_out": ended.left_out} if ended.left_out else {}
        self._note(request, {"exported": True, "attempts": 0} | left_out)
        self._export.forget(request)
        return None

    def _tried(self, request: PrivacyRequest) -> PrivacyRequest | None:
        """Noted before it is begun, as who runs out of time cannot; None where the others go on without it for now."""
        now = self._clock()
        rests = now - int(request.outcome.get("tried_at", 0)) < REST
        if rests and is_stuck(request):
            return None
        attempts = int(request.outcome.get("attempts", 0)) + 1
        return self._note(request, {"attempts": attempts if rests else 1, "tried_at": now})

    def _note(self, request: PrivacyRequest, outcome: Json) -> PrivacyRequest:
        noted = msgspec.structs.replace(request, outcome=request.outcome | outcome)
        self._requests.save(noted, read_state="running")
        return noted
