"""Dropped files without the rows of the erased.

A file that was read, or failed, is written anew under `taken/`, where nothing reads it again: in its old place it would
be another file and be imported once more. Rows that are cut leave empty lines, so that the numbers in its report still
tell the others. A table (Parquet) cannot be cut and goes as a whole: what it said was taken. A file that is being read
waits for the next sweep.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

import msgspec

from attune.domain.imports import FOLDER, Report, State, UnusableFileError, report_key, source_of
from attune.sources.file_rows import CSV, NDJSON, PARQUET, format_of
from attune.use_cases.rewrite_objects import UNREADABLE, plain, rewrite
from attune.use_cases.sweep_inputs import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.domain.erasure import Subject
    from attune.ports.erasure import Stored, VersionedBucket
    from attune.ports.imports import RowTables
    from attune.use_cases.sweep_inputs import Named
    from attune.use_cases.sweep_tallies import Tallies

IMPORTS: Final = "imports"
TAKEN: Final = "taken/"
_PIECE: Final = 4 * 1024 * 1024


class SweepFiles:
    """Callable with how far it has come, until it answers None."""

    def __init__(self, *, bucket: VersionedBucket, tables: RowTables) -> None:
        self._bucket = bucket
        self._tables = tables

    def __call__(self, named: Named, position: str, tallies: Tallies, has_time: Callable[[], bool]) -> str | None:
        """At least one file, others as long as `has_time`; answers the key of the last one."""
        for prefix in (FOLDER, TAKEN):
            for found in self._bucket.listed(prefix, position):
                if prefix == TAKEN or source_of(found.key) is not None:
                    self._sweep(found, named, tallies)
                if not has_time():
                    return found.key
        return None

    def _sweep(self, found: Stored, named: Named, tallies: Tallies) -> None:
        try:
            owners = self._named_in(found, named)
        except (*UNREADABLE, UnusableFileError):
            tallies.add(named.subjects, IMPORTS, unreadable=1)
            return
        if not owners:
            return
        if not self._is_over(found):
            tallies.add(owners, IMPORTS, found=1, left=1)
            return
        is_table = _format(found.key) == PARQUET
        if not is_table:
            self._cut(found, named)
        if is_table or not found.key.startswith(TAKEN):
            self._bucket.remove(found.key)
        tallies.add(owners, IMPORTS, found=1, removed=is_table, rewritten=not is_table)
        tallies.save()

    def _named_in(self, found: Stored, named: Named) -> list[Subject]:
        file = self._bucket.open(found.key)
        if file is None:
            return []
        with file:
            return [owner for row in self._rows(file, found.key) for owner in named(row)]

    def _rows(self, file: IO[bytes], key: str) -> Iterable[bytes]:
        if _format(key) == PARQUET:
            return self._tables.rows(iter(lambda: file.read(_PIECE), b""), 0)
        return _split(key)(plain(file))

    def _is_over(self, found: Stored) -> bool:
        """Whether nobody reads it (any more): it was taken, or failed."""
        if found.key.startswith(TAKEN):
            return True
        file = self._bucket.open(report_key(found.key))
        if file is None:
            return False
        with file:
            try:
                report = msgspec.json.decode(file.read(), type=Report)
            except msgspec.MsgspecError:
                return False
        return report.state is not State.READING and report.etag.strip('"') == found.tag.strip('"')

    def _cut(self, found: Stored, named: Named) -> None:
        def judge(row: bytes) -> bytes | None:
            return b"\n" * row.count(b"\n") if named(row) else None

        to = None if found.key.startswith(TAKEN) else TAKEN + found.key.removeprefix(FOLDER)
        rewrite(self._bucket, found, judge, split=_split(found.key), to=to)


def _format(key: str) -> str:
    """Of a file that no format is known of each line is looked at."""
    try:
        return format_of(key)
    except UnusableFileError:
        return NDJSON


def _split(key: str) -> Callable[[Iterable[bytes]], Iterator[bytes]]:
    return rows_of if _format(key) == CSV else iter
