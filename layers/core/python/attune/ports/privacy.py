"""Where requests about people's data lie until they are done with."""

from __future__ import annotations

from typing import Protocol

import msgspec

from attune.domain.privacy.requests import PrivacyRequest, State


class After(msgspec.Struct, frozen=True):
    """A place in the order of requests: behind the one of this id, which is due then (ms)."""

    due_at: int
    request_id: str


class PrivacyRequests(Protocol):
    """Durable: what was kept once is there until it is done with."""

    def keep(self, request: PrivacyRequest) -> bool:
        """Whether it is new: what has the same id lies here as it first came, and stays so."""
        ...

    def get(self, request_id: str) -> PrivacyRequest | None:
        """As it is now, read consistently; None where there is none of this id."""
        ...

    def save(self, request: PrivacyRequest, *, read_state: State) -> None:
        """In place of what lies there; `ConflictError` unless that is in `read_state`."""
        ...

    def waiting(self, limit: int, after: After | None = None, *, state: State = "received") -> list[PrivacyRequest]:
        """In this state, in the order in which they are due; at most `limit`. Eventually consistent."""
        ...

    def take_turn(self, run: str, now: int, until: int) -> bool:
        """Whether this run may work on requests until then (ms): nobody else may, whose turn lasts at `now`."""
        ...

    def end_turn(self, run: str) -> None:
        """The next one may; nothing happens where it is another's turn."""
        ...
