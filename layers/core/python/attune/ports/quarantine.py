"""What looking at quarantined input, and replaying it, needs of the world."""

from __future__ import annotations

from typing import Protocol

import msgspec

from attune.domain.collection.quarantine import Came, Quarantined, Trace


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which inputs: of a reason, of a source, received from `since` on and before `until` (ms); empty: whichever."""

    reason: str = ""
    source: str = ""
    since: int = 0
    until: int | None = None

    def has(self, one: Quarantined) -> bool:
        """Whether it is one of these."""
        return (
            self.reason in ("", one.reason)
            and self.source in ("", one.source)
            and self.since <= one.received_at
            and (self.until is None or one.received_at < self.until)
        )


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One input as a listing shows it: its name, its size in bytes, each attempt at it (when, ms, and its outcome)."""

    one: Quarantined
    size: int
    tried: tuple[tuple[int, str], ...] = ()


class Page(msgspec.Struct, frozen=True):
    """A part of a listing. `reached`: the last one that was looked at, wanted or not; None at the end."""

    found: tuple[Listed, ...]
    reached: Quarantined | None


class QuarantineStore(Protocol):
    """Quarantined input, to be looked at and replayed. Its bytes are never written again; traces lie beside them.

    What an erasure has swept is not there, and its place is taken: keeping it again does nothing.
    """

    def listed(self, wanted: Wanted, after: Quarantined | None, limit: int) -> Page:
        """By reason, day, source and time, at most `limit` behind `after`; fewer, or none, where it looks for long."""
        ...

    def read(self, one: Quarantined) -> tuple[bytes, Came] | None:
        """Its bytes and how they came; None where there is no such input (any more)."""
        ...

    def traces(self, one: Quarantined) -> list[Trace]:
        """Every attempt at it, oldest first."""
        ...

    def leave_trace(self, one: Quarantined, trace: Trace) -> None:
        """Adds an attempt, for good."""
        ...
