"""How many were in each segment, day by day, as it was counted."""

from __future__ import annotations

from typing import Protocol

import msgspec


class SegmentSizes(msgspec.Struct, frozen=True, kw_only=True):
    """One count. `day`: ISO date in UTC; `counted_at`: ms; `profiles`: of how many; `segments`: by segment id."""

    day: str
    counted_at: int
    profiles: int
    segments: dict[str, int]


class SizeHistory(Protocol):
    """Of each day the last count."""

    def keep(self, sizes: SegmentSizes) -> None:
        """Takes the place of an earlier count of that day."""
        ...

    def newest(self, days: int) -> list[SegmentSizes]:
        """Of at most so many days on which there was a count, the newest first."""
        ...
