"""`SizeHistory` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attune.ports.sizes import SegmentSizes


class MemorySizes:
    """By day."""

    def __init__(self) -> None:
        self._days: dict[str, SegmentSizes] = {}

    def keep(self, sizes: SegmentSizes) -> None:
        """The last one stays."""
        self._days[sizes.day] = sizes

    def newest(self, days: int) -> list[SegmentSizes]:
        """By day, backwards."""
        return [self._days[day] for day in sorted(self._days, reverse=True)[:days]]
