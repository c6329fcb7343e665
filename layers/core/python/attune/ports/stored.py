"""Everything that is stored, as bytes, to be looked through: items, objects with all versions, messages, log lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class UnreadableError(Exception):
    """Bytes that are packed and cannot be unpacked."""


class Piece(NamedTuple):
    """One stored thing. `where`: what an operator finds it by; it may itself say what is looked for.

    `blocks`: all its bytes, unpacked where its store packs whole things, cut where no text is cut: at an end of a line,
    or with so much of the block before that a text of `OVERLAP` bytes is whole in one of them. `UnreadableError` from
    iterating: the rest cannot be read.
    """

    where: str
    blocks: Iterable[bytes]


#: bytes that two blocks share where no line ends
OVERLAP = 16 * 1024


class Page(NamedTuple):
    """Pieces, read when they are asked for, and the position behind them: "" at the end of the store.

    `missed`: how many more there are that cannot be looked at.
    """

    pieces: Iterable[Piece]
    next: str
    missed: int = 0


class Stored(Protocol):
    """One store. It is not of one instant: what is written behind the position while somebody reads is not seen."""

    def page(self, position: str) -> Page:
        """Some, from a position on: "", or the `next` of the page before."""
        ...
