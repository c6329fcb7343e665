"""The raw lake into tables that queries read: a file a day, one row an event, and a snapshot of who there is.

With each day it is counted what became of all that arrived, with the snapshot how many are in each segment.

A compacted day holds the rows that arrived on that day and count. A row may be archived again for as long as the
stream redelivers and producers are recognised, so each day is judged together with its neighbours; and it is made again
when anything that it was made from has changed. Whatever is interrupted is found undone, and done again.

Where storing is for a purpose whose rows are kept for a number of days only, a day that is older goes, whoever its rows
are of. No rule of the bucket could do it: an erasure writes objects anew, and they are young again.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from attune.domain.consent.gate import Edge
from attune.domain.learning.models import MODELS
from attune.domain.privacy.lake_retention import days_kept
from attune.domain.profiles.consent import STORE
from attune.domain.profiles.profile import spell_score
from attune.domain.profiles.state import decode_profile
from attune.ports import ConflictError
from attune.ports.arrivals import DayOfArrivals
from attune.ports.learning import KnownProfile, UnreadableObjectError
from attune.use_cases.consent.judge_people import JudgePeople
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.processing.count_changes import count_refusals
from attune.use_cases.profiles.find_graves import graves
from attune.use_cases.segments.count_segments import CountSegments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, Count, ProfileItem, ProfileReader
    from attune.ports.arrivals import ArrivalHistory
    from attune.ports.editing import DefinitionHistory
    from attune.ports.learning import Compaction, HoldScan, LakeFiles, ProfileScan, RawObject
    from attune.ports.sizes import SizeHistory
    from attune.use_cases.erasure.sweep_late import LateLines, SweepLate

#: part of what a day was made from: raise it when the tables or the rule change, and every day is made again
LAYOUT: Final = 4


class CompactLake:
    """Callable; answers whether the tables are as of the run, and how many days it wrote."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        lake: LakeFiles,
        compaction: Compaction,
        profiles: ProfileReader,
        everybody: ProfileScan,
        holds: HoldScan,
        late: SweepLate,
        definitions: DefinitionHistory,
        sizes: SizeHistory,
        arrivals: ArrivalHistory,
        retention_hours: int,
        clock: Clock,
        count: Count,
        report: Callable[[str, int], None],
    ) -> None:
        """`retention_hours`: the stream's. `report` says of which object how many lines are no rows."""
        self._lake = lake
        self._compaction = compaction
        self._profiles = profiles
        self._everybody = everybody
        self._holds = holds
        self._late = late
        self._late_lines: LateLines | None = None
        self._past = definitions
        self._definitions = CompileDefinitions(definitions)
        self._sizes = sizes
        self._arrivals = arrivals
        self._clock = clock
        #: days before and after within which the rows of one event lie
        self._reach = -(-retention_hours // 24) + 1
        self._count = count
        self._report = report

    def __call__(self, started_at: int, has_time: Callable[[], bool]) -> dict[str, Any]:
        """Do at least one piece of work, and another as long as `has_time`; call again until done."""
        self._compaction.clear()
        self._late_lines = None
        if not self._late(has_time):
            return {"done": False, "days": 0}
        raw = self._lake.raw(started_at)
        first = self._first_day(started_at)
        self._forget(raw, first)
        written = 0
        for day, made_from, read in self._stale(raw, first, started_at):
            if written and not has_time():
                return {"done": False, "days": written}
            try:
                self._write_day(day, raw, made_from, started_at, read)
            except ConflictError:
                return {"done": False, "days": written}
            written += 1
        if written and not has_time():
            return {"done": False, "days": written}
        compiled, now = self._definitions()[1], self._clock()
        sizes = CountSegments(compiled, now)
        # before the profiles: what the stream carries meanwhile, and is held no more, they say themselves
        training = JudgePeople(Edge.TRAIN, compiled.policies, self._holds.every_hold(), now)
        known = known_profiles(self._everybody.all_items(), sizes, training)
        self._lake.keep_profiles(self._compaction.write_profiles(known))
        count_refusals(training.refused, self._count)
        self._sizes.keep(sizes.result())
        self._count("DaysCompacted", written, {})
        return {"done": True, "days": written}

    def _stale(
        self, raw: Mapping[str, Sequence[RawObject]], first: str, started_at: int
    ) -> Iterator[tuple[str, str, str | None]]:
        for day in sorted(raw):
            if day < first:
                continue  # its neighbours are going: what it would be made into is not what it was
            made_from = self._made_from(day, raw, started_at)
            made = self._lake.made(day)
            if made is None or made.made_from != made_from:
                yield day, made_from, made.tag if made else None

    def _first_day(self, started_at: int) -> str:
        """The first that is kept, by UTC; empty where all are. What a run is told of a time to come removes nothing.

        None goes before it is settled, however little is said.
        """
        now = min(started_at, self._clock())
        days = days_kept(self._past.history("purpose", STORE), now)
        today = datetime.fromtimestamp(now / 1000, UTC).date()
        return "" if days is None else (today - timedelta(days=max(days, self._reach + 1))).isoformat()

    def _forget(self, raw: dict[str, list[RawObject]], first: str) -> None:
        """Rows outlive their table by the days for which those that are kept are judged together with them."""
        rows_from = _shifted(first, -self._reach).isoformat() if first else ""
        for day in [day for day in raw if day < first]:
            self._lake.forget_day(day, rows=day < rows_from)
            if day < rows_from:
                del raw[day]

    def _made_from(self, day: str, raw: Mapping[str, Sequence[RawObject]], started_at: int) -> str:
        """A day is made once more when its last neighbour is over: by then it is settled which profiles came to be."""
        settled = datetime.fromtimestamp(started_at / 1000, UTC).date() > _shifted(day, self._reach)
        digest = hashlib.sha256(f"{LAYOUT} {self._reach} {settled}".encode())
        for one in self._neighbours(day, raw):
            for found in raw[one]:
                digest.update(f"\n{found.key} {found.tag}".encode())
        return digest.hexdigest()

    def _neighbours(self, day: str, raw: Iterable[str]) -> list[str]:
        first, last = _shifted(day, -self._reach), _shifted(day, self._reach)
        return sorted(one for one in raw if first <= date.fromisoformat(one) <= last)

    def _write_day(
        self, day: str, raw: Mapping[str, Sequence[RawObject]], made_from: str, started_at: int, read: str | None
    ) -> None:
        """The file last: it says that the day was made, and its count.

        `ConflictError` where somebody was erased from its rows since they were listed, or it was made by another run:
        what was read before must not come back.
        """
        among = self._neighbours(day, raw)
        here = self._compaction.loaded()
        for one in here.difference(among):
            self._compaction.drop(one)
        for one in among:
            if one not in here:
                self._load(one, raw[one])
        contested = self._compaction.contested(day, among)
        stored = self._profiles.items(contested, consistent=True) if contested else {}
        unstored = contested.difference(stored)
        ended = self._compaction.count_day(day, among, unstored)
        self._arrivals.keep(DayOfArrivals(day=day, counted_at=started_at, ended=tuple(ended)))
        file = self._compaction.write_day(day, among, unstored)
        if any(self._lake.raw(started_at, one).get(one) != raw[one] for one in among):
            raise ConflictError(day)
        self._lake.keep_day(day, file, made_from, read)
        file.unlink()

    def _load(self, day: str, objects: Iterable[RawObject]) -> None:
        """Lines that are no rows stay where they are, in the raw lake; what is made of it goes without them.

        Those of the erased that were laid down after their sweep are read as it would have left them.
        """
        if self._late_lines is None:
            self._late_lines = self._late.lines(graves(self._everybody.tombstones()))
        cut_off: list[str] = []
        unreadable = self._compaction.load(day, self._rows(objects, cut_off, self._late_lines))
        for key in cut_off:
            unreadable[key] = unreadable.get(key, 0) + 1
        for key, lines in sorted(unreadable.items()):
            self._report(key, lines)
            self._count("RowsUnreadable", lines, {})

    def _rows(
        self, objects: Iterable[RawObject], cut_off: list[str], read_as: Callable[[bytes], bytes]
    ) -> Iterator[tuple[str, bytes]]:
        for found in objects:
            try:
                for line in map(read_as, self._lake.lines(found.key)):
                    if line.strip():
                        yield found.key, line
            except UnreadableObjectError:
                cut_off.append(found.key)


def known_profiles(
    items: Iterable[ProfileItem],
    look: Callable[[ProfileItem, Profile], None] = lambda *_: None,
    may_train: Callable[[Profile], bool] | None = None,
) -> Iterator[KnownProfile]:
    """Every stored id with the live profile it leads to; one that leads nowhere (any more) is not known.

    `look` is called with each live profile, before the first id is answered.
    """
    may_train = may_train or JudgePeople(Edge.TRAIN)
    live: dict[str, tuple[bool, dict[str, str]]] = {}
    absorbed: dict[str, str] = {}
    for item in items:
        if item.merged_into is not None:
            absorbed[item.profile_id] = item.merged_into
        elif item.state:
            profile = decode_profile(item.state)
            live[item.profile_id] = may_train(profile), _scores(profile)
            look(item, profile)
    for profile_id in (*live, *absorbed):
        root = profile_id
        while root in absorbed:
            root = absorbed[root]
        if root in live:
            permitted, scores = live[root]
            yield KnownProfile(profile_id=profile_id, root=root, personalization=permitted, **scores)


def _scores(profile: Profile) -> dict[str, str]:
    return {model: spell_score(one.version, one.value) for model, one in profile.scores.items() if model in MODELS}


def _shifted(day: str, days: int) -> date:
    return date.fromisoformat(day) + timedelta(days=days)
