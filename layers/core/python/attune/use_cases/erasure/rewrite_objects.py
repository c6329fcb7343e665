"""An object of lines, plain or gzip, read one by one and written anew where a line changes.

However long a line is, no more than a few MB of it are in memory. What we write has no line of more than `MAX_LINE`
bytes, and in a file no row of that length is an event; but it may name somebody.
"""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from contextlib import closing
from typing import IO, TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.ports.erasure import Stored, VersionedBucket

_GZIP: Final = b"\x1f\x8b"
#: bytes of a new object that stay in memory
_IN_MEMORY: Final = 16 * 1024 * 1024
#: bytes of a line that is read at once, and of each further piece of a longer one
MAX_LINE: Final = 2 * 1024 * 1024
_PIECE: Final = 256 * 1024
#: bytes before a piece that are searched with it: as far as a name with its key may reach, in any spelling
_REACH: Final = 64 * 1024
#: base64 that begins before that: its middle cannot be read
_DARK: Final = re.compile(rb"[A-Za-z0-9+/_\-]+")
#: what is raised where compressed bytes end too soon or are none
UNREADABLE: Final = (EOFError, gzip.BadGzipFile, zlib.error)

#: what a line is from now on; None: it stays as it is
type Judge = Callable[[bytes], bytes | None]
#: an object's lines, with their ends, put together to what is judged at once
type Split = Callable[[Iterable[bytes]], Iterable[bytes]]


class Piece(NamedTuple):
    """Of a long line: its bytes, those in which names are looked for, and whether nobody can tell who is named."""

    data: bytes
    searched: bytes
    is_dark: bool


class LongLine:
    """A line of more than `MAX_LINE` bytes: its pieces, in order, once."""

    def __init__(self, begin: bytes, file: IO[bytes]) -> None:
        self._pieces = _pieces(begin, file)

    def __iter__(self) -> Iterator[Piece]:
        return self._pieces


def _pieces(begin: bytes, file: IO[bytes]) -> Iterator[Piece]:
    data, before = begin, b""
    while data:
        searched = before + data
        yield Piece(data, searched, _DARK.fullmatch(before) is not None)
        before = searched[-_REACH:]
        data = b"" if data.endswith(b"\n") else file.readline(_PIECE)


def rows_in(file: IO[bytes], split: Split = iter) -> Iterator[bytes | LongLine]:
    """A file's lines with their ends, put together by `split`; a long one stands for itself. Raises `UNREADABLE`."""
    begun: list[bytes] = []

    def lines() -> Iterator[bytes]:
        while line := file.readline(MAX_LINE):
            if len(line) == MAX_LINE and not line.endswith(b"\n"):
                begun.append(line)
                return
            yield line

    while True:
        yield from split(lines())
        if not begun:
            return
        long = LongLine(begun.pop(), file)
        yield long
        for _ in long:
            pass  # whoever has seen enough of it leaves the rest to us


def plain(file: IO[bytes]) -> IO[bytes]:
    """What it says without compression, whatever it is called."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return gzip.open(file) if packed else file  # type: ignore[return-value]


def lines_in(bucket: VersionedBucket, key: str) -> Iterator[bytes]:
    """An object's lines with their ends; none where it is gone. Raises `UNREADABLE`."""
    file = bucket.open(key)
    if file is not None:
        with file:
            yield from plain(file)


def rewrite(
    bucket: VersionedBucket, found: Stored, judge: Judge, *, split: Split = iter, to: str | None = None
) -> bool:
    """Whether anything changed; then the object is replaced, or put at `to`, and there is no other version of it.

    Of a long line each piece is judged, and for one of them the line goes whole: an empty one stays. Compressed if it
    was. Raises `UNREADABLE`, and `ChangedError` where it became another meanwhile.
    """
    file = bucket.open(found.key)
    if file is None:
        return False
    with file, tempfile.SpooledTemporaryFile(_IN_MEMORY) as fresh:
        content = plain(file)
        if not _judge_all(rows_in(content, split), judge, fresh, packed=content is not file):
            return False
        fresh.seek(0)
        if to is not None:
            bucket.put(to, fresh)
        elif not bucket.replace(found, fresh):
            raise ChangedError(found.key)
    return True


class ChangedError(Exception):
    """Somebody else has written the object since it was listed."""


class _Fresh:
    """What is written anew, packed or not. What was written behind a mark can be taken back."""

    def __init__(self, file: IO[bytes], *, packed: bool) -> None:
        self._file = file
        self._packed = packed
        self._out = self._begun()

    def write(self, data: bytes) -> None:
        self._out.write(data)

    def mark(self) -> int:
        """Packed, what follows is a member of its own."""
        self.close()
        place = self._file.tell()
        self._out = self._begun()
        return place

    def back(self, place: int) -> None:
        self.close()
        self._file.seek(place)
        self._file.truncate()
        self._out = self._begun()

    def close(self) -> None:
        if self._packed:
            self._out.close()

    def _begun(self) -> IO[bytes]:
        # no time and no name in the header, so that the same lines are the same bytes
        if self._packed:
            return gzip.GzipFile(filename="", mode="wb", fileobj=self._file, mtime=0)  # type: ignore[return-value]
        return self._file


def _judge_all(rows: Iterable[bytes | LongLine], judge: Judge, fresh: IO[bytes], *, packed: bool) -> bool:
    """Everything goes into the new object; whether it is another one."""
    changed = False
    with closing(_Fresh(fresh, packed=packed)) as out:
        for row in rows:
            if isinstance(row, LongLine):
                changed |= _judge_long(row, judge, out)
                continue
            judged = judge(row)
            changed |= judged is not None
            out.write(row if judged is None else judged)
    return changed


def _judge_long(line: LongLine, judge: Judge, out: _Fresh) -> bool:
    """Whether it goes; its number stays."""
    place = out.mark()
    for piece in line:
        if piece.is_dark or judge(piece.searched) is not None:
            out.back(place)
            out.write(b"\n")
            return True
        out.write(piece.data)
    return False
