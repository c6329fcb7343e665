"""Rows of the erased that reach the raw lake after their sweep: Firehose tries for a day to lay down what it took in.

What they are known by, ids and no address, lies beside the lake until nothing can come any more; then the newest days
are swept once more, and it goes. Meanwhile the tables are made as if that had been done.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.erasure.subjects import Subject
from attune.domain.identifiers import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune.domain.erasure.erased_rows import ErasedRows
    from attune.ports import Clock
    from attune.ports.erasure import VersionedBucket
    from attune.use_cases.erasure.sweep_lake import SweepLake

NOTES: Final = "late/notes/"
#: of a sweep that goes on in another invocation
PROGRESS: Final = "late/progress.json"
#: ms after a sweep after which nothing comes that was on its way then: a day, and an hour because clocks differ
WAITS: Final = DAY + DAY // 24
#: ms before the end of a sweep at which a row may have been on its way already, and how long a sweep may take
_EARLIER: Final = 2 * DAY
_RECEIVED: Final = re.compile(rb'"received_at":([0-9]+)')
#: before the id that a row names, which has so many digits
_NAMES: Final = b'"profile_id":"'
_DIGITS: Final = 32
_ALWAYS: Final = 1 << 62


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows may still come, and from when on (ms) none does."""

    subject: Subject
    due_at: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of the notes that a sweep is about, and the object that it has come to."""

    notes: tuple[str, ...]
    position: str


class NoteLate:
    """Callable with the subjects of a sweep that has come to its end."""

    def __init__(self, bucket: VersionedBucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock

    def __call__(self, subjects: Sequence[Subject]) -> None:
        """Of each what rows name, for the days that may lie before us. Called again it waits from then on."""
        now = self._clock()
        first_day = datetime.fromtimestamp((now - _EARLIER) / 1_000, UTC).date().isoformat()
        for number, subject in enumerate(subjects):
            known = Subject(
                request_id=subject.request_id,
                variant=subject.variant,
                suppressed=subject.suppressed,
                profile_ids=subject.profile_ids,
                identity_keys=subject.identity_keys,
                first_day=first_day,
                erased_at=subject.erased_at,
            )
            key = f"{NOTES}{subject.request_id}-{number:04d}.json"
            self._bucket.put(key, io.BytesIO(msgspec.json.encode(Late(subject=known, due_at=now + WAITS))))
            self._bucket.forget(key)


class SweepLate:
    """Callable before the lake is compacted: sweeps whose time has come. And the rule for rows of all whose has not."""

    def __init__(self, *, bucket: VersionedBucket, sweep: SweepLake, clock: Clock) -> None:
        """`sweep`: one that leaves no notes."""
        self._bucket = bucket
        self._sweep = sweep
        self._clock = clock

    def __call__(self, has_time: Callable[[], bool]) -> bool:
        """Whether it is done; at least one object, others as long as `has_time`."""
        now = self._clock()
        due = {key: late for key, late in self._notes() if late.due_at <= now}
        under_way = self._read(PROGRESS, Progress)
        chosen, position = tuple(due), ""
        if under_way is not None and due.keys() >= set(under_way.notes):
            chosen, position = under_way.notes, under_way.position
        if not chosen:
            return True
        counts = _Counts()
        reached = self._sweep([due[key].subject for key in chosen], position, counts, has_time)
        if reached is not None:
            self._put(PROGRESS, Progress(notes=chosen, position=reached))
            return False
        self._bucket.remove(PROGRESS)
        for key in () if counts.left else chosen:
            self._bucket.remove(key)
        return True

    def lines(self, erased: Mapping[str, int]) -> LateLines:
        """What lines are to be read as. `erased`: ids of graves, each with when they were erased (ms)."""
        subjects = [
            Subject(request_id="", profile_ids=tuple(erased), erased_at=max(erased.values(), default=0)),
            *(late.subject for _, late in self._notes()),  # last: they say how somebody was erased
        ]
        rows, unborn = self._sweep.rules(subjects)
        until = dict.fromkeys(unborn, _ALWAYS)
        for subject in subjects[1:]:
            until |= dict.fromkeys(subject.profile_ids, _ALWAYS if subject.suppressed else subject.erased_at or _ALWAYS)
        return LateLines(rows, until | {one: max(at, until.get(one, 0)) for one, at in erased.items()})

    def _notes(self) -> Iterable[tuple[str, Late]]:
        for found in self._bucket.listed(NOTES):
            if (late := self._read(found.key, Late)) is not None:
                yield found.key, late

    def _read[T](self, key: str, kind: type[T]) -> T | None:
        file = self._bucket.open(key)
        if file is None:
            return None
        with file:
            return msgspec.json.decode(file.read(), type=kind)

    def _put(self, key: str, what: Progress) -> None:
        self._bucket.put(key, io.BytesIO(msgspec.json.encode(what)))


class LateLines:
    """Callable with a line of the raw lake: as it is, or as a sweep would leave it; empty where that takes it away."""

    def __init__(self, rows: ErasedRows, until: Mapping[str, int]) -> None:
        """`until`, by profile id: what was received later (ms) is of a new life, whoever it was archived under."""
        self._rows = rows
        self._until = {profile_id.encode(): at for profile_id, at in until.items()}

    def __call__(self, line: bytes) -> bytes:
        """Nearly all lines are told from theirs by the one id that they name."""
        at = line.find(_NAMES) + len(_NAMES)
        until = self._until.get(line[at : at + _DIGITS])
        if until is None:
            return line
        received = _RECEIVED.search(line)
        if received is None or int(received[1]) > until:
            return line
        judged = self._rows.judged(line, {})
        return line if judged is None else judged[0]


class _Counts:
    """Of a sweep that no receipt tells of only what it has left."""

    def __init__(self) -> None:
        self.left = 0

    def add(self, subjects: Iterable[Subject], store: str, *, left: int = 0, **counts: int) -> None:
        del subjects, store, counts
        self.left += left

    def save(self) -> None:
        """There is nothing to save."""
