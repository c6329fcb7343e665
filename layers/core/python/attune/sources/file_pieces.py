"""The bytes of a file in pieces: without gzip, from a place on, line by line, never more than a few MB in memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from attune.domain.collection.imports import UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: bytes of a row: more than that no event may have
MAX_ROW: Final = 32 * 1024
#: bytes of a file without its compression
MAX_INFLATED: Final = 20 * 1024**3
_GZIP_WINDOW: Final = 31
_PIECE: Final = 1024 * 1024


def lines_of(pieces: Iterable[bytes], limit: int = MAX_ROW) -> Iterator[tuple[bytes, int, bool]]:
    """Each line without its line feed, how many bytes it took with it, and whether it was cut.

    Of one that is longer than `limit` bytes the first `limit` are told. The last one may end without a line feed.
    """
    rest, skipped = b"", 0
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line[:limit], skipped + len(line) + 1, skipped + len(line) > limit
            skipped = 0
        if len(rest) > limit:
            skipped += len(rest) - limit
            rest = rest[:limit]
    if rest:
        yield rest, skipped + len(rest), skipped > 0


def inflated(pieces: Iterable[bytes], limit: int = MAX_INFLATED) -> Iterator[bytes]:
    """Without gzip, of one member or several.

    Raises `UnusableFileError`: `invalid_gzip` where it is damaged or cut short, `too_large` beyond `limit` bytes.
    """
    inflater, size = zlib.decompressobj(_GZIP_WINDOW), 0
    begun = False
    for piece in pieces:
        while piece:
            if inflater.eof:
                inflater = zlib.decompressobj(_GZIP_WINDOW)
            begun = True
            try:
                made = inflater.decompress(piece, _PIECE)
            except zlib.error:
                raise UnusableFileError("invalid_gzip") from None
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail  # noqa: PLW2901 (what is left of it)
            size += len(made)
            if size > limit:
                raise UnusableFileError("too_large")
            if made:
                yield made
    yield from _last(inflater)
    if begun and not inflater.eof:
        raise UnusableFileError("invalid_gzip")


def skipping(pieces: Iterable[bytes], offset: int) -> Iterator[bytes]:
    """What lies behind the first `offset` bytes."""
    for piece in pieces:
        if offset < len(piece):
            yield piece[offset:] if offset else piece
        offset = max(0, offset - len(piece))


def _last(inflater: zlib._Decompress) -> Iterator[bytes]:
    """What it has kept back, because a piece ended where its room did."""
    if not inflater.eof:
        made = inflater.flush()
        if made:
            yield made
