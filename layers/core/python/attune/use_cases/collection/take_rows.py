"""Rows of a file onto the stream: read by their source's mapping, admitted; what is refused, with its reason."""

from __future__ import annotations

from collections import Counter
from itertools import batched
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.imports import RejectedRow, Report, Row
from attune.domain.definitions.kinds import Definitions
from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Origin, Record, Rejected, short_hash
from attune.sources.file_rows import read_file_row, refused
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.collection.admit_readings import admit_reading
from attune.use_cases.collection.write_records import count_intake, intake_entries, stream_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune.ports import Count, Identified
    from attune.use_cases.collection.pace_stream import PaceStream

#: A rejected row is an object that the processor writes, one after the other: so many of one record, and each
#: record counts as so many.
_REJECTED: Final = 10
_HEAVY: Final = 100


#: what a chunk's rows become at the most, unless a row becomes more alone: half of the ids that a profile remembers
#: (`duplicates.MAX_SEEN`), if all are one person's; and what is put within seconds
TOGETHER: Final = 500


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a file are read with. `arrived_at`: when it came, ms."""

    file: str
    source: Source
    definitions: Definitions
    arrived_at: int


class Taken(msgspec.Struct):
    """What became of some rows."""

    events: list[Event] = []
    made: list[Event] = []
    rejected: list[Rejected] = []

    def __len__(self) -> int:
        return len(self.events) + len(self.made) + len(self.rejected)

    def add(self, other: Taken) -> None:
        """What became of the next one."""
        self.events += other.events
        self.made += other.made
        self.rejected += other.rejected


class TakeRows:
    """Callable with rows; answers the report that has them too, once all that they say is stored."""

    def __init__(self, *, pseudonyms: Identified, pace: PaceStream, count: Count) -> None:
        self._pseudonyms = pseudonyms
        self._admit = AdmitEvents(pseudonyms, count)
        self._pace = pace
        self._count = count

    def __call__(self, rows: Sequence[Row], report: Report, terms: Terms, now: int) -> Report:
        """Of the first rows, as many as become 500 events; at least one. Raises `StreamUnavailableError`."""
        taken = Taken()
        problems: list[tuple[Row, str]] = []
        number = 0
        for row in rows:
            one = self._read(row, terms)
            if number and len(taken) + len(one) > TOGETHER:
                break
            number += 1
            if one.rejected:
                problems.append((row, one.rejected[0].reason))
                one.rejected = _told_apart(one.rejected, terms.file, row)
            taken.add(one)
        kept = {row.number for row, _ in problems[: report.room]}
        self._put(taken, [one for one in taken.rejected if one.how["row"] in kept], terms, now)
        count_intake(self._count, terms.source.id, len(taken.events) + len(taken.made), taken.rejected)
        report = _noted(report, rows[:number], problems)
        return msgspec.structs.replace(report, events=report.events + len(taken.events), place=rows[number - 1].after)

    def _read(self, row: Row, terms: Terms) -> Taken:
        place = {"file": terms.file, "row": row.number}
        if row.document is None:
            return Taken(rejected=[Rejected(reason=row.problem, raw=row.raw, how=place)])
        said = read_file_row(row.document, row.raw, terms.source, terms.arrived_at, file=terms.file, row=row.number)
        made, events, rejected = admit_reading(self._admit, said, row.raw, terms.source, terms.definitions)
        return Taken(events=events, made=made, rejected=[refused(one, place) for one in rejected])

    def _put(self, taken: Taken, rejected: Iterable[Rejected], terms: Terms, now: int) -> None:
        request = Record(source=terms.source.id, origin=Origin.FILE, received_at=now, key="", trusted=True)
        self._pace(intake_entries(self._pseudonyms, request, taken.made, taken.events))
        # As of when the file came, whoever reads it: quarantine knows an input that comes again by that time.
        with_file = msgspec.structs.replace(request, received_at=terms.arrived_at)
        for some in batched(rejected, _REJECTED, strict=False):
            self._pace(stream_entries(self._pseudonyms, with_file, (), some), weight=_HEAVY)


def _told_apart(rejected: Sequence[Rejected], file: str, row: Row) -> list[Rejected]:
    """Equal rows, and equal items of one, are arrivals of their own: told by where they are, however often it is read.

    In files that came in one second, too. 48 bits: no number of JSON loses one.
    """
    places = (short_hash("row", file, str(row.number), str(nth))[:6] for nth in range(len(rejected)))
    return [
        msgspec.structs.replace(one, copy=int.from_bytes(place)) for one, place in zip(rejected, places, strict=True)
    ]


def _noted(report: Report, rows: Sequence[Row], problems: Sequence[tuple[Row, str]]) -> Report:
    """With these rows counted; those that were refused by their first reason."""
    counts = Counter(report.rejected)
    counts.update(reason for _, reason in problems)
    names = [RejectedRow(row.number, row.line, reason) for row, reason in problems[: report.room]]
    return msgspec.structs.replace(
        report,
        rows=report.rows + len(rows),
        accepted=report.accepted + len(rows) - len(problems),
        rejected=dict(counts),
        rejected_rows=(*report.rejected_rows, *names),
    )
