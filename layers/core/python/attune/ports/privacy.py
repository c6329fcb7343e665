"""Where requests about people's data lie until they are done with."""

from __future__ import annotations

from typing import Protocol

import msgspec

from attune.domain.privacy_requests import PrivacyRequest


class After(msgspec.Struct, frozen=True):
    """A place in the order of requests: behind the one of this id, which is due then (ms)."""

    due_at: int
    request_id: str


class PrivacyRequests(Protocol):
    """Durable: what was kept once is there until it is done with."""

    def keep(self, request: PrivacyRequest) -> bool:
        """Whether it is new: what has the same id lies here as it first came, and stays so."""
        ...

    def waiting(self, limit: int, after: After | None = None) -> list[PrivacyRequest]:
        """In state `received`, in the order in which they are due; at most `limit`. Eventually consistent."""
        ...
