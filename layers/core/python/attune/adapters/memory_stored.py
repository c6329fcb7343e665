"""`Stored` in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.ports.stored import Page, Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class MemoryStored:
    """Over whatever `read` answers at the time: bytes by place. A page has `size` pieces."""

    def __init__(self, read: Callable[[], Mapping[str, bytes]], *, size: int = 100) -> None:
        self._read = read
        self._size = size

    def page(self, position: str) -> Page:
        """In order of places; the position is the last one."""
        found = sorted((where, data) for where, data in self._read().items() if where > position)
        some = found[: self._size]
        pieces = [Piece(where, [data]) for where, data in some]
        return Page(pieces, some[-1][0] if len(found) > len(some) else "")
