"""`PrivacyRequests` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.ports.privacy import After

if TYPE_CHECKING:
    from attune.domain.privacy_requests import PrivacyRequest


class MemoryPrivacyRequests:
    """By id."""

    def __init__(self) -> None:
        self._kept: dict[str, PrivacyRequest] = {}

    def keep(self, request: PrivacyRequest) -> bool:
        """What is there already stays."""
        return self._kept.setdefault(request.request_id, request) is request

    def waiting(self, limit: int, after: After | None = None) -> list[PrivacyRequest]:
        """By when they are due, then by id."""
        behind = (after.due_at, after.request_id) if after else (-1, "")
        places = sorted((one.due_at, one.request_id) for one in self._kept.values())
        return [self._kept[request] for due_at, request in places if (due_at, request) > behind][:limit]
