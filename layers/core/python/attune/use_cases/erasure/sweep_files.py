"""Dropped files without the rows of the erased.

A file that was read, or failed, is written anew under `taken/`, where nothing reads it again: in its old place it would
be another file and be imported once more. Rows that are cut leave empty lines, so that the numbers in its report still
tell the others. A table (Parquet) cannot be cut and goes as a whole: what it said was taken. A file that is being read
waits for the next sweep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.imports import FOLDER, Report, State, UnusableFileError, report_key
from attune.use_cases.erasure.read_files import TAKEN, ReadFiles, is_table, split_of
from attune.use_cases.erasure.rewrite_objects import UNREADABLE, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.domain.erasure.subjects import Subject
    from attune.ports.erasure import Stored, VersionedBucket
    from attune.ports.imports import RowTables
    from attune.use_cases.erasure.sweep_inputs import Named
    from attune.use_cases.erasure.sweep_tallies import Tallies

IMPORTS: Final = "imports"


class SweepFiles:
    """Callable with how far it has come, until it answers None."""

    def __init__(self, *, bucket: VersionedBucket, tables: RowTables) -> None:
        self._bucket = bucket
        self._rows = ReadFiles(bucket, tables)

    def __call__(self, named: Named, position: str, tallies: Tallies, has_time: Callable[[], bool]) -> str | None:
        """At least one file, others as long as `has_time`; answers the key of the last one."""
        for found in self._rows.listed(position):
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
        goes_whole = is_table(found.key)
        if not goes_whole:
            self._cut(found, named)
        if goes_whole or not found.key.startswith(TAKEN):
            self._bucket.remove(found.key)
        tallies.add(owners, IMPORTS, found=1, removed=goes_whole, rewritten=not goes_whole)
        tallies.save()

    def _named_in(self, found: Stored, named: Named) -> list[Subject]:
        return [owner for row in self._rows(found.key) for owner in named.in_row(row)]

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
            end = b"\0\n" if row.startswith(b"\0") else b"\n"  # of UTF-16 a character has two bytes
            return end * row.count(b"\n") if named(row) else None

        to = None if found.key.startswith(TAKEN) else TAKEN + found.key.removeprefix(FOLDER)
        rewrite(self._bucket, found, judge, split=split_of(found.key), to=to)
