"""A lake in memory that is compacted as on AWS and asked what Athena would be asked, by DuckDB in this process."""

from __future__ import annotations

import functools
import io
import itertools
import tempfile
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import duckdb
import sqlglot

from attune.adapters.athena_features import features_query
from attune.adapters.athena_history import history_query, people_query
from attune.adapters.duckdb_lake import DuckCompaction
from attune.adapters.lake_tables import RAW
from attune.adapters.memory import MemoryDefinitions, MemoryHolds, MemoryLakeFiles, MemoryProfiles, PlainSeal
from attune.adapters.memory_arrivals import MemoryArrivals
from attune.adapters.memory_sizes import MemorySizes
from attune.adapters.memory_swept import MemorySwept
from attune.domain.definitions.kinds import Definition
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.erasure.subjects import Subject
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import MODELS
from attune.domain.processing.verdicts import Row, Verdict, encode_row
from attune.domain.profiles.consent import STORE, Consent
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.ports.erasure import Stored
from attune.ports.rebuilding import Person, SealedRow
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_late import SweepLate
from attune.use_cases.learning.compact_lake import CompactLake
from attune.use_cases.repairs.show_arrivals import ShowArrivals
from tests.builders import NOW, Pseudonyms, profile_id
from tests.faults.wires import Crash, Steady, Wire, wired
from tests.remembered_days import RememberedDays

#: the arrival day of what happens at `NOW`, and its neighbours
BEFORE, TODAY, AFTER = "2025-06-14", "2025-06-15", "2025-06-16"
#: later than anything
NEVER = 1 << 62
FIELDS = ("profile_id", *FEATURES, "holdout", *MODELS)
#: the columns' names, and the rows
type Answer = tuple[list[str], list[tuple[Any, ...]]]


def row(**overrides: Any) -> Row:
    """A product view that profile 1 was given."""
    fields: dict[str, Any] = {
        "message_id": "m1",
        "source": "shop",
        "verdict": "applied",
        "received_at": NOW,
        "processed_at": NOW,
        "version": 1,
        "fingerprint": "00" * 8,
        "profile_id": profile_id(),
        "type": "track",
        "event": "Product Viewed",
        "time": NOW,
    }
    return Row(**(fields | overrides))


def lines(rows: Iterable[Row | bytes]) -> bytes:
    """NDJSON, as Firehose lays it down."""
    return b"".join((encode_row(one) if isinstance(one, Row) else one) + b"\n" for one in rows)


def live(number: int = 1, *, personalization: bool | None = True) -> ProfileItem:
    """A stored profile, and what it says to personalization (None: nothing)."""
    consent = {} if personalization is None else {"personalization": Consent(personalization, NOW, "shop")}
    state = encode_profile(Profile(profile_id=profile_id(number), consent=consent))
    return ProfileItem(profile_id=profile_id(number), version=1, state=state)


def tombstone(number: int, into: int) -> ProfileItem:
    """Who was absorbed."""
    return ProfileItem(profile_id=profile_id(number), version=2, merged_into=profile_id(into))


class _Breaking:
    """A compaction that may die while it loads a day."""

    def __init__(self, compaction: DuckCompaction | RememberedDays, after: int | None) -> None:
        self._compaction = compaction
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._compaction, name)

    def load(self, day: str, rows: Iterable[tuple[str, bytes]]) -> dict[str, int]:
        return self._compaction.load(day, self._breaking(rows))

    def _breaking(self, rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for number, one in enumerate(rows):
            if number == self._after:
                raise Crash("compaction.load")
            yield one


class LakeBucket(MemorySwept):
    """`VersionedBucket`: the raw rows of a lake as it is now, and whatever else is put there."""

    def __init__(self, lake: LakeOfTests) -> None:
        super().__init__(versioned=False)
        self._lake = lake

    def listed(self, prefix: str, after: str = "") -> Iterator[Stored]:
        if not prefix.startswith(RAW):
            yield from super().listed(prefix, after)
            return
        for objects in self._lake.files.raw(NEVER).values():
            for one in objects:
                if one.key.startswith(prefix) and one.key > after:
                    yield Stored(one.key, 0, one.tag)

    def open(self, key: str) -> IO[bytes] | None:
        return io.BytesIO(b"".join(self._lake.files.lines(key))) if key.startswith(RAW) else super().open(key)

    def replace(self, found: Stored, content: IO[bytes]) -> bool:
        """Laid down when it was: an object that is written anew counts as the old one."""
        self._lake.files.lay(found.key.split("/")[1].removeprefix("dt="), found.key.rpartition("/")[2], content.read())
        return True


class LakeOfTests:
    """What arrives, what is made of it, and what is counted and reported on the way."""

    def __init__(
        self,
        profiles: MemoryProfiles | None = None,
        *,
        retention_hours: int = 24,
        keep_days: int = 0,
        said_at: int = 0,
        chunk: int = 100_000,
        remembers: bool = False,
    ) -> None:
        """`keep_days`: for how many rows are kept, as was said at `said_at` (ms); 0: for good.

        What a lake that `remembers` is made of again, it does not ask DuckDB for again.
        """
        self._said_at = said_at
        self._keep = (Purpose(id=STORE, retention=Retention(events=f"{keep_days}d")),) if keep_days else ()
        self.empty(profiles)
        self._retention_hours = retention_hours
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name)
        compaction = DuckCompaction(self._path / "work", memory="256MB", chunk=chunk)
        self._compaction = RememberedDays(compaction, self._path) if remembers else compaction
        self._answers: dict[Any, Answer] = {}
        self._duck = duckdb.connect(config={"enable_external_file_cache": "false"})

    def empty(self, profiles: MemoryProfiles | None = None) -> None:
        """Begin again: another lake, at the price of none."""
        self.profiles = profiles or MemoryProfiles()
        self.holds = MemoryHolds()
        self.files = MemoryLakeFiles()
        self.bucket = LakeBucket(self)
        self.sizes = MemorySizes()
        self.arrivals = MemoryArrivals()
        #: whose sizes are counted
        self.segments: tuple[Definition, ...] = ()
        self.counted: list[tuple[str, int]] = []
        self.reported: list[tuple[str, int]] = []
        self._objects = 0
        self.break_load(after=None)

    def store(self, *items: ProfileItem) -> None:
        for item in items:
            self.profiles.commit(Commit(items=((None, item),)))

    def arrive(self, *rows: Row | bytes, day: str = TODAY, at: int = NOW) -> str:
        """One object of rows; answers its key."""
        self._objects += 1
        return self.files.lay(day, f"{self._objects:04d}", lines(rows), at)

    def break_load(self, after: int | None) -> None:
        """Die when a day has taken in so many lines; None: never."""
        self._break_after = after

    def compact(
        self,
        started_at: int = NOW,
        has_time: Callable[[], bool] = lambda: True,
        *,
        wire: Wire | None = None,
        now: int | None = None,
    ) -> dict[str, Any]:
        """One invocation, its ports on `wire`, at `now` (when the run began, if nothing is said)."""
        carried = wire or Steady()
        run = CompactLake(
            lake=wired(carried, "lake", self.files),
            compaction=wired(carried, "compaction", _Breaking(self._compaction, self._break_after)),
            profiles=wired(carried, "profiles", self.profiles),
            everybody=wired(carried, "everybody", self.profiles),
            holds=self.holds,
            late=self.late(started_at if now is None else now),
            definitions=MemoryDefinitions((*self._keep, *self.segments), clock=lambda: self._said_at),
            sizes=wired(carried, "sizes", self.sizes),
            arrivals=wired(carried, "arrivals", self.arrivals),
            clock=lambda: started_at if now is None else now,
            retention_hours=self._retention_hours,
            count=lambda name, value, _: self.counted.append((name, value)),
            report=lambda key, unreadable: self.reported.append((key, unreadable)),
        )
        return run(started_at, has_time)

    def late(self, at: int) -> SweepLate:
        """What looks after rows that come after their sweep, at an instant."""
        return SweepLate(bucket=self.bucket, sweep=self.sweeping(), clock=lambda: at)

    def sweeping(self, note: Callable[[Sequence[Subject]], None] = lambda _: None) -> SweepLake:
        """What takes the erased out of the raw rows."""
        return SweepLake(
            bucket=self.bucket,
            profiles=self.profiles,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            retention_hours=self._retention_hours,
            note=note,
        )

    def ledger(self, since: str = "", source: str = "") -> dict[str, Any]:
        """The API's answer."""
        return ShowArrivals(history=self.arrivals, authorise=lambda _: None)(since, source)

    def table(self, day: str | None = None, *, in_order: bool = True) -> list[dict[str, Any]]:
        """The compacted rows, of all days or of one; in order, or as they lie."""
        order = "ORDER BY dt, message_id, fingerprint, absorbed" if in_order else ""
        return self._asked(f"SELECT * FROM events {order}", None if day is None else [day])

    def snapshot(self) -> list[dict[str, Any]]:
        return self._asked("SELECT * FROM profiles ORDER BY profile_id")

    def features(self, cutoff: int = NOW) -> dict[str, tuple[Any, ...]]:
        """By profile id, the rest of the columns in their order."""
        asked = self._asked(_in_duckdb(features_query(cutoff, "run")))
        assert all(tuple(one) == FIELDS for one in asked)
        found = {one["profile_id"]: tuple(one.values())[1:] for one in asked}
        assert len(found) == len(asked), "a profile has more than one row"
        return found

    def rows(self, profile_ids: Collection[str]) -> list[SealedRow]:
        """`History`, by the query that Athena is asked."""
        return [_sealed_row(one) for one in self._asked(_in_duckdb(history_query(sorted(profile_ids))))]

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        """`History`: a place is what will be asked then, of the tables as they are."""
        return people_query(events, share)

    def people(self, place: str, start: int) -> Iterator[Person]:
        """`History`, by the query that Athena is asked."""
        found = itertools.groupby(self._asked(_in_duckdb(place)), key=lambda one: one.pop("root"))
        for end, (root, rows) in enumerate(found, 1):
            person = Person(root=root, rows=tuple(map(_sealed_row, rows)), end=end)
            if end > start:
                yield person

    def columns(self, file: bytes) -> list[tuple[str, str]]:
        """A Parquet file's columns and their types."""
        path = self._path / "looked_at.parquet"
        path.write_bytes(file)
        relation = self._duck.read_parquet(str(path))
        return [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]

    def close(self) -> None:
        self._duck.close()
        self._folder.cleanup()

    def _asked(self, query: str, days: list[str] | None = None) -> list[dict[str, Any]]:
        """Of the tables as they are: of all days or of these."""
        chosen = days or sorted(self.files.days)
        asked = (query, self.files.profiles, *((day, self.files.days[day]) for day in chosen))
        if asked not in self._answers:
            self._answers[asked] = self._answer(query, chosen)
        names, rows = self._answers[asked]
        return [dict(zip(names, values, strict=True)) for values in rows]

    def _answer(self, query: str, days: list[str]) -> Answer:
        files = {day: self._path / f"dt={day}" / "events.parquet" for day in days}
        for day, path in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.files.days[day])
        (self._path / "profiles.parquet").write_bytes(self.files.profiles)
        self._duck.read_parquet(list(map(str, files.values())), hive_partitioning=True).create_view("events")
        self._duck.read_parquet(str(self._path / "profiles.parquet")).create_view("profiles")
        found = self._duck.execute(query)
        return [column[0] for column in found.description or ()], found.fetchall()


@functools.cache
def _in_duckdb(query: str) -> str:
    """What Athena is asked, as DuckDB would put it."""
    [said] = sqlglot.transpile(query, read="trino", write="duckdb")
    return said


def _sealed_row(row: dict[str, Any]) -> SealedRow:
    texts = {"verdict": Verdict(row["verdict"]), "repeated": bool(row["repeated"]), "sealed": b64decode(row["sealed"])}
    return SealedRow(**row | texts)
