"""An object of lines, plain or gzip, read one by one and written anew where a line changes."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from contextlib import nullcontext
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.ports.erasure import Stored, VersionedBucket

_GZIP: Final = b"\x1f\x8b"
#: bytes of a new object that stay in memory
_IN_MEMORY: Final = 16 * 1024 * 1024
#: what is raised where compressed bytes end too soon or are none
UNREADABLE: Final = (EOFError, gzip.BadGzipFile, zlib.error)

#: what a line is from now on; None: it stays as it is
type Judge = Callable[[bytes], bytes | None]
#: an object's lines, with their ends, put together to what is judged at once
type Split = Callable[[Iterable[bytes]], Iterable[bytes]]


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

    Compressed if it was. Raises `UNREADABLE`, and `ChangedError` where it became another meanwhile.
    """
    file = bucket.open(found.key)
    if file is None:
        return False
    with file, tempfile.SpooledTemporaryFile(_IN_MEMORY) as fresh:
        content = plain(file)
        if not _judge_all(split(content), judge, fresh, packed=content is not file):
            return False
        fresh.seek(0)
        if to is not None:
            bucket.put(to, fresh)
        elif not bucket.replace(found, fresh):
            raise ChangedError(found.key)
    return True


class ChangedError(Exception):
    """Somebody else has written the object since it was listed."""


def _judge_all(parts: Iterable[bytes], judge: Judge, fresh: IO[bytes], *, packed: bool) -> bool:
    """Everything goes into the new object; whether it is another one."""
    changed = False
    # no time and no name in the header, so that the same lines are the same bytes
    packing = gzip.GzipFile(filename="", mode="wb", fileobj=fresh, mtime=0) if packed else nullcontext(fresh)
    with packing as out:
        for part in parts:
            judged = judge(part)
            changed |= judged is not None
            out.write(part if judged is None else judged)
    return changed
