"""A new segment over a million events of the lake: who did what it asks about is folded anew, all are brought in line.

By the adapters that run on AWS, over Parquet files of the lake's shape, with DuckDB in Athena's place. Beside it the
query that somebody would write by hand to find who is in at one instant; both must name the same people.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import duckdb
import msgspec
import sqlglot

from attune.adapters.aes_seal import AesSeal
from attune.adapters.athena_history import AthenaHistory
from attune.adapters.memory import MemoryDefinitions
from attune.domain.definitions.conditions import Performed
from attune.domain.definitions.kinds import Segment
from attune.domain.events import Event, encode_event
from attune.domain.processing.verdicts import Row, Verdict, encode_row
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.ports import Commit, ProfileItem
from attune.use_cases.past.backfill_segments import BackfillSegments
from attune.use_cases.past.rebuild_profiles import RebuildProfiles
from attune.use_cases.past.settle_profiles import SettleProfiles
from benchmarks.process_figures import figure
from benchmarks.streams import HOUR, START
from benchmarks.tables import LeanProfiles

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND: Final = "make bench TOPIC=backfill"
EVENTS: Final = int(os.environ.get("EVENTS", "1000000"))
PEOPLE: Final = max(EVENTS // 50, 1)
WEEK: Final = 7 * 24 * HOUR
END: Final = START + WEEK
NAMES: Final = ("Product Viewed",) * 12 + ("Product Added",) * 4 + ("Cart Viewed",) * 3 + ("Order Completed",)
#: what almost everybody does, and what few do
KEEN: Final = Segment(id="keen", when=Performed(event="Product Viewed", at_least=4, within="24h"))
LATE: Final = Segment(id="rare", when=Performed(event="Coupon Entered", at_least=1, within="24h"))
BY_HAND: Final = """
SELECT profile_id FROM events
WHERE verdict = 'applied' AND type = 'track' AND event = $event AND time > $from AND time <= $until
GROUP BY profile_id HAVING COUNT(*) >= $least
"""

COMPACTED: Final = """
SELECT * REPLACE (from_base64(sealed) AS sealed, coalesce(absorbed, '') AS absorbed), false AS repeated FROM raw_rows
"""
COLUMNS: Final = dict.fromkeys(
    ("profile_id", "verdict", "source", "absorbed", "type", "event", "sealed"), "VARCHAR"
) | dict.fromkeys(("version", "time", "received_at"), "BIGINT")

type Json = dict[str, Any]


class Everybody(LeanProfiles):
    """Profiles that can be scanned."""

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        """In order of ids."""
        names = sorted(name for name in self.stored if name > after)
        return [self.stored[name] for name in names[:limit]], names[limit - 1] if len(names) > limit else ""

    def all_items(self, *, consistent: bool = False) -> Iterator[ProfileItem]:
        """As they lie."""
        del consistent
        return iter(list(self.stored.values()))

    def tombstones(self) -> Iterator[ProfileItem]:
        """Nobody was merged or erased."""
        return iter(())


class Lake:
    """Parquet files of the lake's shape, asked as Athena is; answers lie beside them as files of texts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._duck = duckdb.connect(config={"memory_limit": "1536MB", "temp_directory": str(folder / "spill")})
        self._duck.execute("SET enable_progress_bar = false")
        self._answers = 0

    def lay(self, rows: Iterator[bytes]) -> None:
        """Raw rows, compacted."""
        raw = self._folder / "rows.ndjson"
        with raw.open("wb") as file:
            file.writelines(row + b"\n" for row in rows)
        self._duck.read_json(str(raw), columns=COLUMNS, format="newline_delimited").create_view("raw_rows")
        self._duck.execute(f"COPY ({COMPACTED}) TO '{self._folder / 'events.parquet'}' (ROW_GROUP_SIZE 16384)")
        raw.unlink()
        self._duck.execute(f"CREATE VIEW events AS FROM read_parquet('{self._folder / 'events.parquet'}')")

    def know(self, people: list[str]) -> None:
        """Who is stored; nobody has merged."""
        self._duck.execute("CREATE TABLE profiles AS SELECT unnest($1) AS profile_id", [people])
        self._duck.execute("ALTER TABLE profiles ADD COLUMN root VARCHAR")
        self._duck.execute("UPDATE profiles SET root = profile_id")

    def run(self, query: str) -> str:
        """As `AthenaQueries`."""
        self._answers += 1
        path = self._folder / f"{self._answers}.csv"
        [said] = sqlglot.transpile(query, read="athena", write="duckdb")
        self._duck.execute(f"COPY ({said}) TO '{path}' (HEADER, FORCE_QUOTE *)")
        return str(path)

    def read(self, location: str, start: int, size: int) -> bytes:
        """As `S3FeatureRows`."""
        with Path(location).open("rb") as file:
            file.seek(start)
            return file.read(size)

    def by_hand(self, segment: Segment, until: int) -> set[str]:
        """Who is in."""
        when = segment.when
        assert isinstance(when, Performed)  # noqa: S101 - as they are defined above
        asked = {"event": when.event, "from": until - 24 * HOUR, "until": until, "least": when.at_least}
        return {str(name) for (name,) in self._duck.execute(BY_HAND, asked).fetchall()}


def figures() -> list[Json]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    for one in measured():
        beside = "" if one["baseline"] is None else f"beside {one['baseline']:,}"
        verdict = {True: "holds", False: "FAILS", None: ""}[one["holds"]]
        print(f"{one['figure']:<70}{one['value']:>12,}  {one['unit']:<11} {beside} {verdict}")


@functools.cache
def measured() -> list[Json]:
    """Two segments over the same lake."""
    with tempfile.TemporaryDirectory() as name:
        lake = Lake(Path(name))
        profiles, definitions = Everybody(), MemoryDefinitions(clock=lambda: END)
        lake.lay(_rows(profiles))
        lake.know(sorted(profiles.stored))
        found = [figure(f"people of {EVENTS:,} events in a week", len(profiles.stored), "people")]
        for segment, what in ((KEEN, "that nearly all have done"), (LATE, "that one in a hundred has done")):
            found += _backfilled(lake, profiles, definitions, segment, what)
    return [one | {"command": COMMAND} for one in found]


def _backfilled(
    lake: Lake, profiles: Everybody, definitions: MemoryDefinitions, segment: Segment, what: str
) -> list[Json]:
    definitions.put(segment, read_version=None)
    began = time.process_time()
    inside = lake.by_hand(segment, END)
    by_hand = time.process_time() - began
    began = time.process_time()
    answer = _backfill(lake, profiles, definitions)
    took = time.process_time() - began
    states = {name: decode_profile(item.state) for name, item in profiles.stored.items()}
    live = {name for name, one in states.items() if _is_inside(one, segment.id)}
    whole = not answer["incomplete"] and answer["rebuilt"] > 0
    return [
        figure(f"backfill of a segment on something {what}", round(took, 1), "CPU seconds"),
        figure("  people read from the lake", answer["rebuilt"] + answer["unchanged"], "people"),
        figure(
            "  the query by hand, which answers one instant",
            round(by_hand, 4),
            "CPU seconds",
            baseline=round(took, 1),
            ratio=round(took / by_hand),
        ),
        figure(
            "  people in the segment, the same ones by both",
            len(live),
            "people",
            baseline=len(inside),
            holds=whole and live == inside,
        ),
    ]


def _backfill(lake: Lake, profiles: Everybody, definitions: MemoryDefinitions) -> Json:
    parts: Any = lake
    nobody: Any = LeanProfiles()
    nobody.key = str
    history = AthenaHistory(parts, parts)
    rebuild = RebuildProfiles(
        profiles=profiles,
        history=history,
        definitions=definitions,
        pseudonyms=nobody,
        seal=AesSeal(),
        clock=lambda: END,
        count=lambda *_: None,
        pause=lambda _: None,
    )
    settle = SettleProfiles(everybody=profiles, profiles=profiles, count=lambda *_: None, pause=lambda _: None)
    backfill = BackfillSegments(
        definitions=definitions,
        history=history,
        rebuild=rebuild,
        settle=settle,
        clock=lambda: END,
        sleep=lambda _: None,
    )
    answer: Json = {"done": False, "position": None}
    while not answer["done"]:
        answer = backfill((), answer["position"], lambda: True)
    return answer


def _is_inside(profile: Profile, segment: str) -> bool:
    stay = profile.memberships.get(segment)
    return stay is not None and stay.left_at is None


def _rows(profiles: Everybody) -> Iterator[bytes]:
    """A week of events, each person's under their own key; the people are stored as if nothing had been defined."""
    rng, seal = Random(7), AesSeal()  # noqa: S311 - the same week every time
    agreed = {name: Consent(granted=True, at=START, source="shop") for name in ("analytics", "personalization")}
    weights = [1 / (number + 10) for number in range(PEOPLE)]
    names = [f"{number:032x}" for number in range(PEOPLE)]
    people = {name: Profile(profile_id=name, consent=dict(agreed), data_key=seal.new_key()) for name in names}
    times = sorted(rng.randrange(START, END) for _ in range(EVENTS))
    for number, (at, name) in enumerate(zip(times, rng.choices(names, weights, k=EVENTS), strict=True)):
        profile = people[name]
        event = _event(rng, number, at)
        profile.events, profile.last_seen, profile.as_of = profile.events + 1, at, at
        profile.first_seen = profile.first_seen or at
        row = Row(
            message_id=event.message_id,
            source="shop",
            verdict=Verdict.APPLIED,
            received_at=at,
            processed_at=at,
            version=1,
            profile_id=name,
            type=event.type,
            event=event.name,
            time=at,
        )
        yield encode_row(msgspec.structs.replace(row, sealed=seal.seal(profile.data_key, encode_event(event))))
    for name, profile in people.items():
        if profile.events:
            item = ProfileItem(profile_id=name, version=1, state=encode_profile(profile))
            profiles.commit(Commit(items=((None, item),)))


def _event(rng: Random, number: int, at: int) -> Event:
    name = "Coupon Entered" if number % 5_000 == 0 else rng.choice(NAMES)
    return Event(
        type="track",
        name=name,
        message_id=f"m{number}",
        time=at,
        identifiers=(),
        properties={"product_id": f"p{rng.randrange(5_000)}", "price": rng.randrange(5, 300)},
        fingerprint=f"{number:016x}",
    )
