"""The features table becomes scores on the stream: every row once, whatever the waves, the faults and the rows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.adapters.cached_profiles import CachedProfiles
from attune.adapters.memory import (
    MemoryDefinitions,
    MemoryHolds,
    MemoryLake,
    MemoryProfiles,
    MemoryQuarantine,
    MemoryStream,
    PlainSeal,
)
from attune.adapters.memory_models import MemoryChampions, MemoryFeatureTable, MemoryRegistry
from attune.domain.definitions.kinds import Definition, Segment, decode_definition
from attune.domain.events import Origin, Record, decode_record, encode_record
from attune.domain.learning.clusters import Clusters, cluster
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import MODELS, RFM, SHOPPER_CLUSTERS, Champion, encode_model
from attune.domain.profiles.profile import Score
from attune.domain.profiles.state import decode_profile
from attune.ports import Identity, ProfileItem, StreamUnavailableError
from attune.use_cases.learning.read_features import FeatureColumnsError
from attune.use_cases.learning.refresh_scores import Pace, RefreshScores, pace_of
from attune.use_cases.processing.process_events import ProcessEvents, StreamRecord
from attune.use_cases.profiles.find_profiles import find
from tests.builders import (
    NOW,
    SECOND,
    Pseudonyms,
    definition_list,
    event,
    key_of,
    model,
    profile_id,
    record,
    segments_of,
)
from tests.faults.training import consenting

HEADER = ("profile_id", *FEATURES, "holdout", *MODELS)
#: recency, frequency, monetary, tenure, views, carts
VIP, LAPSED = (1, 20, 2_000, 400, 90, 30), (300, 0, 0, 310, 1, 0)
CUTOFF = NOW - SECOND
#: where there is no other model
ALONE = {RFM: "no_champion"}


def table(rows: Sequence[Sequence[Any]], header: Sequence[str] = HEADER, quoting: int = csv.QUOTE_ALL) -> bytes:
    """As Athena writes it: every value in quotes, lines that end with a newline."""
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows([header, *rows])  # type: ignore[arg-type] # its stubs want a literal
    return text.getvalue().encode()


def row(number: int, features: Sequence[Any] = VIP, known: str = "") -> tuple[Any, ...]:
    return (profile_id(number), *features, 0, known, "")


class Piecemeal(MemoryFeatureTable):
    """Hands out at most `piece` bytes at once, as a store may."""

    def __init__(self, rows: bytes, piece: int) -> None:
        super().__init__(rows)
        self._piece = piece

    def read(self, location: str, start: int, size: int) -> bytes:
        return super().read(location, start, min(size, self._piece))


class Refusing(MemoryStream):
    """Stores what it is told to, record by record, and then fails until it is mended."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        taken = records[: self.room]
        self.room -= len(taken)
        super().put(taken)
        if len(taken) < len(records):
            raise StreamUnavailableError


class Anybody:
    """Whoever is asked for is stored and permits everything, but for those who are said to be another."""

    def __init__(self) -> None:
        self.others: dict[str, ProfileItem | None] = {}

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:
        raise NotImplementedError

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
        assert consistent
        found = {one: self.others.get(one, consenting(one)) for one in profile_ids}
        return {one: item for one, item in found.items() if item is not None}


class Loop:
    """`RefreshScores` on memory adapters, and the machine that calls it wave after wave."""

    def __init__(
        self,
        rows: bytes,
        *,
        pace: Pace = Pace(1, 1_000),  # noqa: B008 (it is frozen)
        stream: MemoryStream | None = None,
        features: MemoryFeatureTable | None = None,
    ) -> None:
        self.features = features or MemoryFeatureTable(rows)
        self.location = self.features.build(CUTOFF, "run-1")
        self.registry = MemoryRegistry()
        self.stream = stream or MemoryStream()
        self.counted: Counter[str] = Counter()
        self.pauses: list[float] = []
        self.profiles, self.holds = Anybody(), MemoryHolds()
        self.refresh = RefreshScores(
            features=self.features,
            profiles=self.profiles,
            holds=self.holds,
            definitions=MemoryDefinitions(),
            registry=self.registry,
            stream=self.stream,
            clock=lambda: NOW,
            sleep=self.pauses.append,
            pace=pace,
            count=self._count,
        )

    def _count(self, name: str, value: int, dimensions: Any) -> None:
        self.counted[" ".join([name, *dimensions.values()])] += value

    def promote(self, *models: Clusters, previous: str | None = None) -> Loop:
        """Keeps all; the last one is the champion."""
        for one in models:
            self.registry.keep(one.name, one.version, {"model.json": encode_model(one)})
        pointer = self.registry.pointers.get(SHOPPER_CLUSTERS)
        champion = Champion(version=models[-1].version, previous=previous)
        self.registry.promote(SHOPPER_CLUSTERS, champion, read=pointer[0] if pointer else None)
        return self

    def wave(self, position: int = 0, sent: int = 0) -> dict[str, Any]:
        return self.refresh(self.location, CUTOFF, position=position, sent=sent)

    def run(self) -> list[dict[str, Any]]:
        """Until it is done."""
        answers = [self.wave()]
        while not answers[-1]["done"]:
            assert len(answers) < 1_000
            answers.append(self.wave(answers[-1]["position"], answers[-1]["sent"]))
        return answers

    def records(self) -> list[Record]:
        return [decode_record(one.data) for one in self.stream.records]

    def scores(self) -> list[tuple[str, str]]:
        """(profile id, value), in the order in which they were sent."""
        said = [one.properties for record in self.records() for one in record.events]
        return [(one["profile_id"], one["value"]) for one in said]


# ---------------------------------------------------------------------------------------------- what is sent


def test_a_champion_that_has_expired_says_nothing_of_anybody() -> None:
    loop = Loop(table([row(1, VIP)])).promote(model("run-0"), model("run-1"), previous="run-0")
    pointer = Champion(version="run-1", previous="run-0", expires_at=NOW)
    loop.registry.spoil_pointer(SHOPPER_CLUSTERS, msgspec.json.encode(pointer))
    assert loop.run() == [
        {"done": True, "position": 0, "sent": 0, "codes": {SHOPPER_CLUSTERS: "expired_model", **ALONE}}
    ]
    assert loop.counted["ChampionsUnusable expired_model"] == 1
    loop.registry.spoil_pointer(
        SHOPPER_CLUSTERS, msgspec.json.encode(msgspec.structs.replace(pointer, expires_at=NOW + 1))
    )
    loop.run()
    assert loop.scores() == [(profile_id(1), "vip")]


def test_every_profile_gets_a_score_event_under_its_own_id() -> None:
    loop = Loop(table([row(1, VIP), row(2, LAPSED)])).promote(model("run-1"))
    assert loop.run() == [{"done": True, "position": len(table([row(1), row(2, LAPSED)])), "sent": 2, "codes": ALONE}]
    assert loop.scores() == [(profile_id(1), "vip"), (profile_id(2), "lapsed")]
    first = loop.records()[0]
    assert loop.stream.records[0].partition_key == first.key == profile_id(1)
    assert (first.origin, first.trusted, first.received_at) == (Origin.INTERNAL, True, NOW)
    [said] = first.events
    assert (said.type, said.name, said.time) == ("$score", SHOPPER_CLUSTERS, CUTOFF)
    assert said.message_id == f"score-shopper_clusters-run-1-{profile_id(1)}-{CUTOFF}"
    assert said.properties == {
        "profile_id": profile_id(1),
        "model": "shopper_clusters",
        "value": "vip",
        "version": "run-1",
        "at": CUTOFF,
    }
    assert loop.counted == {"ScoresSent": 2}


def test_nobody_gets_a_score_who_may_not_be_told_of_any_more() -> None:
    """They were in the features, which are minutes old: since then one withdrew, one is held, two are no more."""
    loop = Loop(table([row(number) for number in range(1, 7)])).promote(model())
    loop.profiles.others = {
        profile_id(1): consenting(profile_id(1), personalization=False),
        profile_id(2): ProfileItem(profile_id=profile_id(2), version=9, erased_at=NOW),
        profile_id(3): None,
    }
    loop.holds.place(f"key of {profile_id(4)}", {"personalization": NOW + 1}, NOW)
    loop.holds.place(f"key of {profile_id(5)}", {"$restriction": NOW - 1, "email": NOW}, NOW)
    assert loop.run()[-1]["sent"] == 1
    assert [one for one, _ in loop.scores()] == [profile_id(6)]
    assert {name: number for name, number in loop.counted.items() if name.startswith("Refusals")} == {
        "Refusals recommend personalization withdrawn": 1,
        "Refusals recommend personalization held": 1,
        "Refusals recommend none restricted": 1,
    }


def test_columns_are_found_by_their_names() -> None:
    header = ("holdout", SHOPPER_CLUSTERS, RFM, *FEATURES[::-1], "profile_id", "something")
    rows = [(0, "", "", *VIP[::-1], profile_id(1), "x"), (1, "", "", *LAPSED[::-1], profile_id(2), "")]
    loop = Loop(table(rows, header)).promote(model())
    loop.run()
    assert loop.scores() == [(profile_id(1), "vip"), (profile_id(2), "lapsed")]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\n", b""])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_quotes_and_line_ends_may_be_as_they_like(ending: bytes, quoting: int) -> None:
    lines = table([row(1), row(2), row(3)], quoting=quoting).splitlines()
    separator = ending or b"\n"
    loop = Loop(separator.join(lines) + ending, pace=Pace(2, 1)).promote(model())
    loop.run()
    assert [one for one, _ in loop.scores()] == [profile_id(1), profile_id(2), profile_id(3)]
    assert loop.counted["FeatureRowsSkipped"] == 0


def test_a_header_without_a_column_fails_the_run_and_names_what_is_missing() -> None:
    rows = table([row(1)], [name for name in HEADER if name != "views"])
    with pytest.raises(FeatureColumnsError, match=r"no column views$"):
        Loop(rows).promote(model()).run()
    with pytest.raises(FeatureColumnsError, match=r"profile_id, recency"):
        Loop(b"").promote(model()).run()


def test_a_table_of_nobody_is_done_at_once() -> None:
    loop = Loop(table([])).promote(model())
    assert loop.run() == [{"done": True, "position": 0, "sent": 0, "codes": ALONE}]
    assert loop.stream.records == []


@pytest.mark.parametrize(
    "bad",
    [
        row(9, ("NaN", *VIP[1:])),
        row(9, (*VIP[:2], "Infinity", *VIP[3:])),
        row(9, (-0.5, *VIP[1:])),
        row(9, ("", *VIP[1:])),
        row(9, ("1e999", *VIP[1:])),
        row(9, ("one", *VIP[1:])),
        (profile_id(9), 1, 2),
        ("", *VIP, 0),
        ("x" * 257, *VIP, 0),
        ('"', '"', '"'),
        ("\x00", "\ufffd"),
    ],
)
def test_a_row_that_is_none_is_counted_and_its_neighbours_go_on(bad: tuple[Any, ...]) -> None:
    loop = Loop(table([row(1), bad, row(2)])).promote(model())
    assert loop.run()[-1]["sent"] == 2
    assert [one for one, _ in loop.scores()] == [profile_id(1), profile_id(2)]
    assert loop.counted["FeatureRowsSkipped"] == 1


def test_bytes_that_are_no_row_take_nothing_with_them() -> None:
    good = table([row(1), row(2)]).splitlines(keepends=True)
    loop = Loop(b"".join([good[0], good[1], b'"\xff\xfe,,"\n', b'"open\n', good[2]])).promote(model())
    assert loop.run()[-1]["sent"] == 2
    assert loop.counted["FeatureRowsSkipped"] == 2


# ------------------------------------------------------------------------------------------------------ waves


@settings(max_examples=60)
@given(
    numbers=st.integers(0, 40),
    bad=st.sets(st.integers(0, 40)),
    bursts=st.integers(1, 45),
    burst=st.integers(1, 45),
    piece=st.integers(1, 4_000),
    last_newline=st.booleans(),
)
def test_every_row_is_sent_exactly_once_whatever_the_waves(
    numbers: int, bad: set[int], bursts: int, burst: int, piece: int, last_newline: bool
) -> None:
    rows = [row(number, LAPSED if number % 3 else VIP) for number in range(numbers)]
    written = table([("?", "?") if number in bad else one for number, one in enumerate(rows)])
    if not last_newline:
        written = written.rstrip(b"\n")
    loop = Loop(written, pace=Pace(bursts, burst), features=Piecemeal(written, piece)).promote(model())
    answers = loop.run()
    good = [number for number in range(numbers) if number not in bad]
    assert loop.scores() == [(profile_id(number), "lapsed" if number % 3 else "vip") for number in good]
    assert answers[-1]["sent"] == len(good)
    assert len(answers) <= max(1, -(-numbers // (bursts * burst)))
    assert all(one["sent"] <= (number + 1) * bursts * burst for number, one in enumerate(answers))


@given(values=st.lists(st.floats(0, 1e12), min_size=6, max_size=6))
def test_a_score_is_what_the_model_says_of_the_same_numbers(values: list[float]) -> None:
    loop = Loop(table([row(1, values)])).promote(model())
    loop.run()
    assert loop.scores() == [(profile_id(1), cluster(model(), values))]


def test_who_would_get_the_same_score_again_is_left_alone() -> None:
    same, another, older = "run-1 vip", "run-1 lapsed", "run-0 vip"
    rows = [row(1, known=same), row(2, known=another), row(3, known=older), row(4), row(5, known=same)]
    loop = Loop(table(rows), pace=Pace(1, 2)).promote(model("run-1"))
    answers = loop.run()
    assert loop.scores() == [(profile_id(number), "vip") for number in (2, 3, 4)]
    assert answers[-1] == {"done": True, "position": len(table(rows)), "sent": 3, "codes": ALONE}
    assert (loop.counted["ScoresSent"], loop.counted["ScoresUnchanged"]) == (3, 2)


def test_a_wave_ends_also_where_nothing_is_news() -> None:
    rows = [row(number, known="run-1 vip") for number in range(7)]
    loop = Loop(table(rows), pace=Pace(bursts=2, burst=5, look=2)).promote(model("run-1"))
    first = loop.wave()
    assert first == {"done": False, "position": len(table(rows[:4])), "sent": 0, "codes": ALONE}
    assert loop.wave(first["position"], first["sent"])["done"]
    assert (loop.scores(), loop.pauses, loop.counted["ScoresUnchanged"]) == ([], [], 7)


def test_a_wave_that_is_repeated_sends_the_same_events_again() -> None:
    loop = Loop(table([row(number) for number in range(5)]), pace=Pace(1, 2)).promote(model())
    first = loop.wave()
    second = loop.wave(first["position"], first["sent"])
    assert loop.wave(first["position"], first["sent"]) == second
    assert loop.records()[2:4] == loop.records()[4:6]


def test_a_stream_that_takes_a_part_fails_the_wave_and_the_retry_begins_where_it_began() -> None:
    stream = Refusing(room=5)
    loop = Loop(table([row(number) for number in range(8)]), pace=Pace(2, 2), stream=stream).promote(model())
    first = loop.wave()
    with pytest.raises(StreamUnavailableError):
        loop.wave(first["position"], first["sent"])
    stream.room = 100
    last = loop.wave(first["position"], first["sent"])
    assert (last["done"], last["sent"]) == (True, 8)
    assert {one for one, _ in loop.scores()} == {profile_id(number) for number in range(8)}


def test_between_two_bursts_the_stream_is_left_to_others() -> None:
    loop = Loop(table([row(number) for number in range(7)]), pace=Pace(3, 2)).promote(model())
    loop.wave()
    assert loop.pauses == [1.0, 1.0]
    assert pace_of(3) == Pace(12, 1_500)


# -------------------------------------------------------------------------------------------------- champions


def test_without_a_champion_nobody_is_scored_and_nothing_fails() -> None:
    loop = Loop(table([row(1)]))
    assert loop.run() == [{"done": True, "position": 0, "sent": 0, "codes": ALONE | {SHOPPER_CLUSTERS: "no_champion"}}]
    assert not loop.counted, "a shop that has no model yet has no fault"


def test_a_corrupt_champion_leaves_scoring_to_the_one_before() -> None:
    loop = Loop(table([row(1)])).promote(model("old"), model("new"), previous="old")
    loop.registry.keep(SHOPPER_CLUSTERS, "new", {"model.json": b"{"})
    codes = ALONE | {SHOPPER_CLUSTERS: "corrupt_model"}
    assert loop.run()[-1] | {"position": 0} == {"done": True, "position": 0, "sent": 1, "codes": codes}
    assert loop.records()[0].events[0].properties["version"] == "old"
    assert loop.counted["ChampionsUnusable corrupt_model"] == 1


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (b"{", "corrupt_model"),
        (encode_model(model(scale=(1.0,))), "wrong_shape"),
        (encode_model(model(scale=(0.0,) * 6)), "not_finite"),
    ],
)
def test_a_champion_that_nothing_stands_in_for_scores_nobody(spoilt: bytes, code: str) -> None:
    loop = Loop(table([row(1)])).promote(model(), previous="never-kept")
    loop.registry.keep(SHOPPER_CLUSTERS, "run-1", {"model.json": spoilt})
    assert loop.run() == [{"done": True, "position": 0, "sent": 0, "codes": ALONE | {SHOPPER_CLUSTERS: code}}]
    assert loop.stream.records == []


def test_a_pointer_that_cannot_be_read_scores_nobody() -> None:
    loop = Loop(table([row(1)])).promote(model())
    loop.registry.spoil_pointer(SHOPPER_CLUSTERS, b"not json")
    assert loop.wave()["codes"] == ALONE | {SHOPPER_CLUSTERS: "corrupt_pointer"}


def test_a_champion_that_is_moved_between_waves_goes_on_from_there() -> None:
    loop = Loop(table([row(1), row(2)]), pace=Pace(1, 1)).promote(model("run-1"))
    first = loop.wave()
    loop.promote(model("run-2"))
    loop.wave(first["position"], first["sent"])
    assert [one.events[0].properties["version"] for one in loop.records()] == ["run-1", "run-2"]


# ------------------------------------------------------------------------------------------------ end to end


def vip_segment() -> Definition:
    when = {"type": "score", "model": SHOPPER_CLUSTERS, "operator": "equals", "value": "vip"}
    segment = decode_definition({"kind": "segment", "id": "vip_by_cluster", "when": when})
    assert isinstance(segment, Segment)
    return segment


def test_scores_reach_their_profiles_and_the_segment_that_asks_for_them() -> None:
    profiles, now = MemoryProfiles(), NOW - 2 * SECOND
    process = ProcessEvents(
        profiles=CachedProfiles(profiles),
        lake=MemoryLake(),
        quarantine=MemoryQuarantine(Pseudonyms().key),
        definitions=MemoryDefinitions(definition_list(vip_segment())),
        champions=MemoryChampions(),
        pseudonyms=Pseudonyms(),
        seal=PlainSeal(),
        clock=lambda: now,
        epoch=1,
        count=lambda *_: None,
        pause=lambda _: None,
    )
    met = record(event(time=now), received_at=now)
    assert process([StreamRecord(met.key, "1", encode_record(met))]) == []
    visitor = key_of("anonymous_id", "visitor")
    known = find(profiles, [visitor], consistent=True)[visitor]
    loop = Loop(table([(known.profile_id, *VIP, 0, "", "")])).promote(model())
    loop.run()
    now = NOW
    batch = [StreamRecord(one.partition_key, str(one.sequence + 1), one.data) for one in loop.stream.records]
    assert process([*batch, *batch]) == []
    scored = find(profiles, [visitor], consistent=True)[visitor]
    profile = decode_profile(scored.state)
    assert profile.scores == {SHOPPER_CLUSTERS: Score("vip", "run-1", CUTOFF)}
    assert segments_of(profile) == ["vip_by_cluster"]
    assert [type(one).__name__ for one in scored.outbox] == ["SegmentEntered"]


def test_what_is_sent_can_be_read_where_it_lies() -> None:
    loop = Loop(table([row(1)])).promote(model())
    loop.run()
    told = msgspec.json.decode(loop.stream.records[0].data)
    assert told["events"][0]["properties"]["value"] == "vip"
