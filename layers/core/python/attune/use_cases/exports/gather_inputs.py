"""What was kept as it came and names somebody: refused input, batches that a consumer gave up on, dropped files.

Nothing there says whose it is, so all of it is looked through, as an erasure does; and it may name others beside them.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.collection.imports import UnusableFileError
from attune.domain.collection.quarantine import Came, Quarantined, encode_came
from attune.domain.events import decode_record
from attune.ports.quarantine import Wanted
from attune.sources.cut_batches import records_of
from attune.sources.failed_batches import UnreadableBatchError
from attune.sources.file_pieces import MAX_ROW
from attune.use_cases.erasure.read_files import ReadFiles, is_csv, is_table
from attune.use_cases.erasure.rewrite_objects import UNREADABLE, LongLine
from attune.use_cases.erasure.sweep_batches import FAILED
from attune.use_cases.exports.gather_events import shown
from attune.use_cases.exports.open_cases import Step
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune.domain.events import Rejected
    from attune.ports.erasure import VersionedBucket
    from attune.ports.imports import RowTables
    from attune.ports.quarantine import Listed, QuarantineStore
    from attune.use_cases.exports.open_cases import Case

#: refused inputs that are read at a time, by as many hands as a client has connections
_TOGETHER: Final = 40
_HANDS: Final = 10
_PAGE: Final = 1_000
#: a line that names them and is longer than any row that is an event
TOO_LONG: Final = "too_long"
#: rows of a file, after which it can be gone on with later
_ROWS: Final = 1_000

type Json = dict[str, Any]


class GatherRefused:
    """The part `refused_input`. Places are ids of inputs."""

    def __init__(self, quarantine: QuarantineStore) -> None:
        self._quarantine = quarantine

    def __call__(self, case: Case, place: str) -> Iterator[Step]:
        """All there is, many at a time: each takes a request."""
        after = Quarantined.named(place)
        with ThreadPoolExecutor(_HANDS) as hands:
            while True:
                page = self._quarantine.listed(Wanted(), after, _PAGE)
                for some in itertools.batched(page.found, _TOGETHER, strict=False):
                    read = hands.map(self._quarantine.read, [listed.one for listed in some])
                    for listed, kept in zip(some, read, strict=True):
                        yield Step(_refused(case, listed, kept), listed.one.id)
                if (after := page.reached) is None:
                    return
                yield Step(place=after.id)


class GatherBatches:
    """The part `failed_batches`. Places are keys."""

    def __init__(self, failures: VersionedBucket) -> None:
        self._failures = failures

    def __call__(self, case: Case, place: str) -> Iterator[Step]:
        """Those that were run again since, too: they lie there."""
        for found in self._failures.listed(FAILED, place):
            file = self._failures.open(found.key)
            if file is not None:
                with file:
                    document = file.read()
                yield from _batch(case, found.key, document)
            yield Step(place=found.key)


class GatherFiles:
    """The part `dropped_files`. A place is a file and how many of its rows are behind us."""

    def __init__(self, imports: VersionedBucket, tables: RowTables) -> None:
        self._imports = imports
        self._read = ReadFiles(imports, tables)

    def __call__(self, case: Case, place: str) -> Iterator[Step]:
        """A file that has become another since is read from its begin. A line that is too long is left out."""
        key, tag, row = msgspec.json.decode(place, type=tuple[str, str, int]) if place else ("", "", 0)
        begun = (one for one in self._imports.listed(key) if one.key == key) if tag else iter(())
        for found in itertools.chain(itertools.islice(begun, 1), self._read.listed(key)):
            try:
                yield from self._file(case, found.key, found.tag, row if (found.key, found.tag) == (key, tag) else 0)
            except (*UNREADABLE, UnusableFileError):
                yield Step(left_out="unreadable")
            yield Step(place=_place(found.key, "", 0))

    def _file(self, case: Case, key: str, tag: str, behind: int) -> Iterator[Step]:
        columns = ""
        for number, row in enumerate(self._read(key), 1):
            if isinstance(row, LongLine):
                if number > behind and any(piece.is_dark or case.mentions(piece.searched) for piece in row):
                    yield Step(left_out=TOO_LONG)
                continue
            if number == 1 and is_csv(key):
                columns = _text(row)
            if number > behind and case.mentions(row):
                yield Step(_row(key, number, columns, _text(row)))
            if number > behind and number % _ROWS == 0:
                yield Step(place=_place(key, tag, number))


def _refused(case: Case, listed: Listed, kept: tuple[bytes, Came] | None) -> Json | None:
    """How it came may name them too: what a batch says for all that is in it."""
    if kept is None or not (case.mentions(kept[0]) or case.mentions(encode_came(kept[1]))):
        return None
    return {
        "at": iso(listed.one.received_at),
        "source": listed.one.source,
        "reason": listed.one.reason,
        "input": _text(kept[0]),
        "came_with": kept[1].how,
        "id": listed.one.id,
    }


def _batch(case: Case, key: str, document: bytes) -> Iterator[Step]:
    """A record each. What cannot be read as records may hold keys of profiles, and is not shown."""
    try:
        records = records_of(document)
    except UnreadableBatchError:
        if case.mentions(document):
            yield Step(left_out="unreadable")
        return
    for one in records:
        if case.mentions(one.raw):
            yield Step((_change(one.raw) if one.data is None else _record(one.data)) | {"batch": key})


def _record(data: bytes) -> Json:
    """What it says of them as far as it is of ours."""
    try:
        record = decode_record(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {"at": "", "input": _text(data)}
    return {
        "at": iso(record.received_at),
        "source": record.source,
        "events": [shown(event) for event in record.events],
        "refused": [_told(rejected) for rejected in record.rejected],
    }


def _change(raw: bytes) -> Json:
    """That their profile has changed. As what lies in it: packed, with its key, and whom it was unlinked from."""
    try:
        change = _changes.decode(raw)
    except msgspec.MsgspecError:
        change = _TableChange()
    return {"at": iso(round(change.dynamodb.at * 1_000)), "change": change.eventName}


def _told(rejected: Rejected) -> Json:
    return {"reason": rejected.reason, "input": _text(rejected.raw), "came_with": rejected.how}


def _row(key: str, number: int, columns: str, text: str) -> Json:
    """Tables are read no further than the longest row that is an event."""
    entry: Json = {"file": key, "row": number, "columns": columns, "input": text}
    return entry | ({"is_cut": True} if is_table(key) and len(text) > MAX_ROW else {})


def _place(key: str, tag: str, row: int) -> str:
    return msgspec.json.encode((key, tag, row)).decode()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


class _OfTable(msgspec.Struct):
    at: float = msgspec.field(name="ApproximateCreationDateTime", default=0.0)


class _TableChange(msgspec.Struct):
    eventName: str = ""  # noqa: N815 (Lambda's word)
    dynamodb: _OfTable = msgspec.field(default_factory=_OfTable)


_changes: Final = msgspec.json.Decoder(_TableChange)
