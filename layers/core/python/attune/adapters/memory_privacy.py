"""`PrivacyRequests` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.ports import ConflictError
from attune.ports.privacy import After

if TYPE_CHECKING:
    from attune.domain.privacy.requests import PrivacyRequest, State


class MemoryPrivacyRequests:
    """By id."""

    def __init__(self) -> None:
        self._kept: dict[str, PrivacyRequest] = {}
        self._turn = ("", 0)

    def keep(self, request: PrivacyRequest) -> bool:
        """What is there already stays."""
        return self._kept.setdefault(request.request_id, request) is request

    def get(self, request_id: str) -> PrivacyRequest | None:
        """By id."""
        return self._kept.get(request_id)

    def save(self, request: PrivacyRequest, *, read_state: State) -> None:
        """`ConflictError` unless what lies there is in `read_state`, or is this already."""
        known = self._kept.get(request.request_id)
        if known is None or (known != request and known.state != read_state):
            raise ConflictError
        self._kept[request.request_id] = request

    def waiting(self, limit: int, after: After | None = None, *, state: State = "received") -> list[PrivacyRequest]:
        """By when they are due, then by id."""
        behind = (after.due_at, after.request_id) if after else (-1, "")
        places = sorted((one.due_at, one.request_id) for one in self._kept.values() if one.state == state)
        return [self._kept[request] for due_at, request in places if (due_at, request) > behind][:limit]

    def take_turn(self, run: str, now: int, until: int) -> bool:
        """One after the other."""
        if self._turn[0] != run and self._turn[1] > now:
            return False
        self._turn = (run, until)
        return True

    def end_turn(self, run: str) -> None:
        """Only of this run."""
        if self._turn[0] == run:
            self._turn = ("", 0)
