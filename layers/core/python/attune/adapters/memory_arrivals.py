"""`ArrivalHistory` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune.ports.arrivals import DayOfArrivals


class MemoryArrivals:
    """By day."""

    def __init__(self) -> None:
        self._days: dict[str, DayOfArrivals] = {}

    def keep(self, day: DayOfArrivals) -> None:
        """The last one stays."""
        self._days[day.day] = day

    def since(self, day: str) -> list[DayOfArrivals]:
        """By day."""
        return [self._days[one] for one in sorted(self._days) if one >= day]
