"""The raw lake without the erased: each object that holds lines of theirs is written anew, all others stay as they are.

Lines of one event lie within some days of each other, told by people and by nobody. So before an object is judged, the
days within reach are read for the pseudonyms of events that are theirs: those of lines erased before are there again,
so that a sweep may be broken off anywhere.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from attune.domain.erasure.erased_rows import ErasedRows
from attune.domain.identifiers import DAY, UNLINKING
from attune.use_cases.erasure.rewrite_objects import UNREADABLE, ChangedError, lines_in, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from attune.domain.erasure.erased_rows import Known
    from attune.domain.erasure.subjects import Subject
    from attune.ports import Identified, ProfileReader, Seal
    from attune.ports.erasure import Stored, VersionedBucket

LAKE: Final = "lake"
RAW: Final = "events/"
_DAY: Final = re.compile(re.escape(RAW) + r"dt=([0-9]{4}-[0-9]{2}-[0-9]{2})/.*[^/]")
#: those that are tried first, of each life
_GENERATIONS: Final = tuple(life * UNLINKING + one for life in range(4) for one in range(5))
#: ms for which a batch may wait before it is run again: of people who are not stored no older row can lie there
_WAITING: Final = 30 * DAY
#: profiles of which it is remembered whether they are stored
_KNOWN: Final = 10_000

type Events = dict[str, "Known"]


class Counts(Protocol):
    """What becomes of objects and lines; `sweep_tallies.Tallies` where a receipt tells of it."""

    def add(
        self,
        subjects: Iterable[Subject],
        store: str,
        *,
        found: int = 0,
        rewritten: int = 0,
        left: int = 0,
        unreadable: int = 0,
    ) -> None:
        """Once a request, however many of its subjects are named."""
        ...

    def save(self) -> None:
        """What has changed since the last time."""
        ...


class SweepLake:
    """Callable with how far it has come, until it answers None."""

    def __init__(
        self,
        *,
        bucket: VersionedBucket,
        profiles: ProfileReader,
        pseudonyms: Identified,
        seal: Seal,
        retention_hours: int,
        note: Callable[[Sequence[Subject]], None] = lambda _: None,
    ) -> None:
        """`retention_hours`: the stream's, by which lines of one event may lie apart.

        `note` is told of whom when all is swept: what comes later is theirs too.
        """
        self._bucket = bucket
        self._profiles = profiles
        self._pseudonyms = pseudonyms
        self._seal = seal
        self._reach = timedelta(days=-(-retention_hours // 24) + 1)
        self._note = note

    def __call__(
        self, subjects: Sequence[Subject], position: str, tallies: Counts, has_time: Callable[[], bool]
    ) -> str | None:
        """At least one object, others as long as `has_time`; answers the key of the last one."""
        rows, _ = self.rules(subjects)
        events: dict[date, Events] = {}
        for found in self._bucket.listed(RAW, max(position, _before(subjects))):
            named = _DAY.fullmatch(found.key)
            if named is None:
                continue
            near = self._near(date.fromisoformat(named[1]), rows, events)
            self._sweep(found, rows, near, tallies, subjects)
            if not has_time():
                return found.key
        self._note(subjects)
        return None

    def rules(self, subjects: Sequence[Subject]) -> tuple[ErasedRows, Collection[str]]:
        """By which lines of theirs are told, and the ids of profiles of theirs that may never have come to be."""
        unborn = {profile_id: subject for subject in subjects for profile_id in self._unborn(subject)}
        rows = ErasedRows(
            subjects,
            unborn=unborn,
            key_of=self._pseudonyms.key,
            unsealed=self._seal.open,
            is_nobody=lru_cache(_KNOWN)(self._is_nobody),
        )
        return rows, unborn.keys()

    def _unborn(self, subject: Subject) -> set[str]:
        """The profiles that their identifiers would have founded, had a fold not lost its race or died."""
        return {self._pseudonyms.profile_id(key, one) for key in subject.identity_keys for one in _GENERATIONS}

    def _sweep(
        self, found: Stored, rows: ErasedRows, events: Events, tallies: Counts, subjects: Sequence[Subject]
    ) -> None:
        whose: list[Subject] = []

        def judge(line: bytes) -> bytes | None:
            judged = rows.judged(line, events)
            if judged is None:
                return None
            data, owner = judged
            whose.append(owner) if owner else None
            return data + b"\n" if data else data

        try:
            changed = rewrite(self._bucket, found, judge)
        except UNREADABLE:
            tallies.add(subjects, LAKE, unreadable=1)
        except ChangedError:
            tallies.add(subjects, LAKE, left=1)
        else:
            if changed:
                for owner in whose:
                    tallies.add([owner], LAKE, found=1, rewritten=1)
                tallies.save()

    def _near(self, day: date, rows: ErasedRows, known: dict[date, Events]) -> Events:
        """Events of theirs that are told of within reach; days that are out of reach by now are forgotten."""
        for one in [one for one in known if one < day - self._reach]:
            del known[one]
        near: Events = {}
        for offset in range(-self._reach.days, self._reach.days + 1):
            one = day + timedelta(days=offset)
            if one not in known:
                known[one] = self._events(one, rows)
            near |= {pseudonym: told.joined(near.get(pseudonym)) for pseudonym, told in known[one].items()}
        return near

    def _events(self, day: date, rows: ErasedRows) -> Events:
        events: Events = {}
        for found in self._bucket.listed(f"{RAW}dt={day.isoformat()}/"):
            try:
                for line in lines_in(self._bucket, found.key):
                    told = rows.event_of(line)
                    if told is not None:
                        events[told[0]] = told[1].joined(events.get(told[0]))
            except UNREADABLE:
                continue  # told when its turn comes
        return events

    def _is_nobody(self, profile_id: str) -> bool:
        return not self._profiles.items([profile_id], consistent=True)


def _before(subjects: Sequence[Subject]) -> str:
    """Behind which key their lines lie; a day more than the first one, because clocks differ."""
    first = min(map(_first_day, subjects), default="")
    if not first:
        return ""
    return f"{RAW}dt={(date.fromisoformat(first) - timedelta(days=1)).isoformat()}/"


def _first_day(subject: Subject) -> str:
    if subject.shared:  # who was split off was somebody else's before
        return ""
    if subject.profile_ids or subject.first_day or not subject.erased_at:
        return subject.first_day
    return datetime.fromtimestamp((subject.erased_at - _WAITING) / 1_000, UTC).date().isoformat()
