"""What became of all that arrived, day by day, as it was counted from the lake's rows."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Ended(msgspec.Struct, frozen=True, array_like=True):
    """How many arrivals of a source came to one end: a verdict and its reason, as in the lake's rows.

    `received_at`: of the newest of them, ms.
    """

    source: str
    verdict: str
    reason: str
    arrivals: int
    received_at: int


class DayOfArrivals(msgspec.Struct, frozen=True, kw_only=True):
    """`day`: ISO date in UTC on which the rows that tell of them arrived; `counted_at`: of which instant, ms."""

    day: str
    counted_at: int
    ended: tuple[Ended, ...]


class ArrivalHistory(Protocol):
    """Of each day the last count."""

    def keep(self, day: DayOfArrivals) -> None:
        """Takes the place of an earlier count of that day."""
        ...

    def since(self, day: str) -> list[DayOfArrivals]:
        """From a day (ISO; "": the first) on, the oldest first."""
        ...
