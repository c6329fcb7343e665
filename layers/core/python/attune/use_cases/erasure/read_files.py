"""Dropped files row by row, as they came: what is judged, cut or shown at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.collection.imports import FOLDER, UnusableFileError, source_of
from attune.sources.file_rows import CSV, NDJSON, PARQUET, format_of
from attune.use_cases.erasure.rewrite_objects import plain, rows_in
from attune.use_cases.erasure.sweep_inputs import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.ports.erasure import Stored, VersionedBucket
    from attune.ports.imports import RowTables
    from attune.use_cases.erasure.rewrite_objects import LongLine

#: where files lie that were written anew, without somebody's rows
TAKEN: Final = "taken/"
#: in the order in which they are looked through
FOLDERS: Final = (FOLDER, TAKEN)
_PIECE: Final = 4 * 1024 * 1024


class ReadFiles:
    """Callable with a key: its rows, each with its end of line; none where the file is gone."""

    def __init__(self, bucket: VersionedBucket, tables: RowTables) -> None:
        self._bucket = bucket
        self._tables = tables

    def __call__(self, key: str) -> Iterator[bytes | LongLine]:
        """Of a table (Parquet) each as a JSON object. Raises `UNREADABLE`, `UnusableFileError`."""
        file = self._bucket.open(key)
        if file is None:
            return
        with file:
            if is_table(key):
                yield from self._tables.rows(iter(lambda: file.read(_PIECE), b""), 0)
            else:
                yield from rows_in(plain(file), split_of(key))

    def listed(self, behind: str) -> Iterator[Stored]:
        """All there are, behind the key `behind`."""
        for folder in FOLDERS:
            for found in self._bucket.listed(folder, behind):
                if folder == TAKEN or source_of(found.key) is not None:
                    yield found


def is_table(key: str) -> bool:
    """Whether it is read by row number."""
    return _format(key) == PARQUET


def is_csv(key: str) -> bool:
    """Whether its first row names the columns."""
    return _format(key) == CSV


def split_of(key: str) -> Callable[[Iterable[bytes]], Iterable[bytes]]:
    """How lines of such a file are put together to rows."""
    return rows_of if is_csv(key) else iter


def _format(key: str) -> str:
    """Of a file that no format is known of each line is looked at."""
    try:
        return format_of(key)
    except UnusableFileError:
        return NDJSON
