"""A dropped file, chunk by chunk: rows onto the stream, then how far it has come, so that a crash repeats one chunk.

The report beside the file is the progress. It is written under the condition that nobody else has written it since,
so of two runs one stops. What a repeated chunk puts onto the stream again has the same message ids, which profiles
remember for a day; a chunk is smaller than what they remember.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.imports import Report, State, UnusableFileError, report_key, source_of
from attune.domain.profiles.duplicates import WINDOW
from attune.ports import ConflictError, StreamUnavailableError
from attune.ports.imports import FileChangedError
from attune.sources.file_rows import PARQUET, format_of, table_rows, text_rows
from attune.use_cases.collection.take_rows import TakeRows, Terms
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune.domain.collection.imports import Row
    from attune.domain.definitions.sources import Source
    from attune.ports import Clock, DefinitionReader
    from attune.ports.imports import ImportBucket, RowTables, StoredFile
    from attune.use_cases.collection.take_turns import TakeTurns

#: rows of one chunk; it ends sooner where rows become several events (`TOGETHER` in `take_rows`)
CHUNK: Final = 500
#: bytes of a file that is read as a stream, and of one that must lie on the function's disk
MAX_TEXT: Final = 5 * 1024**3
MAX_TABLE: Final = 1024**3
#: ms that a run keeps a file to itself without a sign of life: longer than an invocation with all its retries
HELD: Final = 30 * 60_000
_HOUR: Final = 3_600_000


class Answer(msgspec.Struct, frozen=True):
    """`done`: nothing is left to do for this run. `state`: the file's, or why this run leaves it to others."""

    done: bool
    state: str


class ImportFiles:
    """Callable with a run's id and a file's key, again and again until done."""

    def __init__(
        self,
        *,
        bucket: ImportBucket,
        tables: RowTables,
        turns: TakeTurns,
        definitions: DefinitionReader,
        take: TakeRows,
        clock: Clock,
        chunk: int = CHUNK,
    ) -> None:
        self._bucket = bucket
        self._tables = tables
        self._turns = turns
        self._definitions = definitions
        self._take = take
        self._clock = clock
        self._chunk = chunk

    def __call__(self, run: str, key: str, has_time: Callable[[], bool]) -> Answer:
        """At least one chunk, others as long as `has_time`. Not done where the stream cannot take more now."""
        name = source_of(key)
        file = self._bucket.look(key) if name else None
        if name is None or file is None:
            return Answer(done=True, state="no_file")
        try:
            begun = self._begin(run, file, name)
            if begun is None:
                return Answer(done=True, state="left_to_another")
            return self._in_turn(file, _Work(self._bucket, self._clock, *begun), has_time)
        except ConflictError:
            # Somebody else has written the report: the next call sees what that means. It may have been a run of the
            # file that lay there before this one.
            return Answer(done=False, state="waiting")

    def _in_turn(self, file: StoredFile, work: _Work, has_time: Callable[[], bool]) -> Answer:
        if not self._turns.take(work.report.run):
            return Answer(done=False, state="waiting")
        try:
            return self._import(file, work, has_time)
        finally:
            self._turns.leave()

    def _import(self, file: StoredFile, work: _Work, has_time: Callable[[], bool]) -> Answer:
        try:
            for chunk in _chunks(self._rows(file, work.report), self._chunk):
                while chunk:
                    terms = self._terms(file, work.report)
                    report = self._take(chunk, work.report, terms, self._clock())
                    chunk = chunk[report.rows - work.report.rows :]  # noqa: PLW2901 (what is left of it)
                    work.keep(report)
                    if not has_time():
                        return Answer(done=False, state=State.READING)
                    self._turns.keep(work.report.run)
        except UnusableFileError as unusable:
            return work.end(State.FAILED, unusable.reason)
        except FileChangedError:
            return work.end(State.FAILED, "file_changed")
        except StreamUnavailableError:
            return Answer(done=False, state="stream_busy")
        return work.end(State.DONE, "" if work.report.rows else "no_rows")

    def _begin(self, run: str, file: StoredFile, source: str) -> tuple[Report, str] | None:
        """The report as this run goes on with it, and its tag; None where the file is done or another run's."""
        now = self._clock()
        found = self._bucket.note(report_key(file.key))
        known = _decoded(found.content) if found else None
        if known is None or known.etag != file.etag:
            known = Report(file=file.key, source=source, etag=file.etag, size=file.size, started_at=iso(now))
        elif known.state is State.DONE or (
            known.state is State.READING and known.run != run and known.held_until > now
        ):
            return None
        report = msgspec.structs.replace(
            self._doubtful(known, now), state=State.READING, reason="", run=run, held_until=now + HELD
        )
        return report, self._bucket.keep_note(report_key(file.key), _encoded(report), found.tag if found else None)

    def _doubtful(self, report: Report, now: int) -> Report:
        """A chunk whose progress was not written may be stored, for longer than anybody remembers it."""
        last = report.held_until - HELD
        if report.state is not State.READING or not report.run or now - last < WINDOW - _HOUR:
            return report
        first = report.place.row + 1
        return msgspec.structs.replace(report, unsure=(*report.unsure, (first, first + self._chunk - 1)))

    def _rows(self, file: StoredFile, report: Report) -> Iterator[Row]:
        """Raises `UnusableFileError` as its rows do."""
        source = self._source(report.source)
        if file.size == 0:
            raise UnusableFileError("empty_file")
        kind = format_of(file.key)
        if file.size > (MAX_TABLE if kind == PARQUET else MAX_TEXT):
            raise UnusableFileError("too_large")
        if kind == PARQUET:
            documents = self._tables.rows(self._bucket.pieces(file, 0), report.place.row)
            return table_rows(documents, report.place)
        return text_rows(file.key, partial(self._bucket.pieces, file), report.place, source.delimiter or ",")

    def _terms(self, file: StoredFile, report: Report) -> Terms:
        """With the definitions as they are now."""
        return Terms(
            file=file.key,
            source=self._source(report.source),
            definitions=self._definitions.current(),
            arrived_at=file.arrived_at,
        )

    def _source(self, name: str) -> Source:
        source = self._definitions.current().sources.get(name)
        if source is None:
            raise UnusableFileError("unknown_source")
        if source.type != "file" or source.mapping is None:
            raise UnusableFileError("not_a_file_source")
        return source


class _Work:
    """The report of a file in hand."""

    def __init__(self, bucket: ImportBucket, clock: Clock, report: Report, tag: str) -> None:
        self._bucket = bucket
        self._clock = clock
        self.report = report
        self._tag = tag
        self._since = clock()

    def keep(self, report: Report) -> None:
        """Written, or `ConflictError`: then another run goes on."""
        now = self._clock()
        seconds = round(report.seconds + (now - self._since) / 1_000, 3)
        self.report = msgspec.structs.replace(report, updated_at=iso(now), seconds=seconds, held_until=now + HELD)
        self._since = now
        self._tag = self._bucket.keep_note(report_key(report.file), _encoded(self.report), self._tag)

    def end(self, state: State, reason: str) -> Answer:
        """For good, or until somebody has it begun again."""
        self.keep(msgspec.structs.replace(self.report, state=state, reason=reason))
        return Answer(done=True, state=state)


def _chunks(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """Where nothing more can be read, what was read before counts all the same."""
    chunk: list[Row] = []
    try:
        for row in rows:
            chunk.append(row)
            if len(chunk) == size:
                yield chunk
                chunk = []
    except UnusableFileError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _encoded(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2)


def _decoded(content: bytes) -> Report | None:
    """None for what somebody else has put there."""
    try:
        return msgspec.json.decode(content, type=Report)
    except msgspec.MsgspecError:
        return None
