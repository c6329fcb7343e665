"""Who would be in a segment that is not there yet, on memory adapters, by what the lake and the profiles hold."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.domain.definitions.conditions import AllOf, NotOf, Performed, SegmentTest, TraitTest
from attune.domain.definitions.kinds import Segment, decode_definition
from attune.domain.past.previews import WEEK, week_ends
from attune.use_cases.management.show_times import iso
from attune.use_cases.segments.overlap_segments import OverlapSegments
from attune.use_cases.segments.preview_segments import Draft, PreviewSegments
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    Pseudonyms,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    views_segment,
)
from tests.faults.effort import seeds
from tests.faults.segment_happenings import Happening
from tests.faults.segment_oracle import memberships
from tests.faults.segment_subject import rank_of
from tests.faults.wires import Steady, wired
from tests.use_cases.test_process_events import Processor

VIEWED = views_segment(id="viewed", when=Performed(event="Product Viewed", within="7d"))


class Desk:
    def __init__(self, *definitions: Any) -> None:
        self.processor = Processor(*definition_list(*definitions))
        self.wire = Steady()
        self.history = MemoryHistory(lambda: list(self.processor.lake.rows), self.processor.store)

    def does(self, who: str, at: int, name: str = "Product Viewed", **overrides: Any) -> None:
        self.processor.now = at
        one = event(name, time=at, identifiers=identifiers(anonymous_id=who), **overrides)
        self.processor.send(one)

    def preview(self, when: Any, *, weeks: int = 3, share: int = 1, page: int = 200, name: str = "draft") -> Any:
        """As many calls as it takes, each with what came back from the state machine."""
        segment = Segment(id=name, when=when)
        answer: dict[str, Any] = {"done": False, "position": ""}
        while not answer["done"]:
            position = msgspec.json.decode(msgspec.json.encode(answer["position"]))
            draft = Draft(segment=segment, weeks=weeks, share=share)
            answer = self.use_case(page)(draft, NOW, position, lambda: False)
        return answer["result"]

    def use_case(self, page: int = 200) -> PreviewSegments:
        return PreviewSegments(
            profiles=self.processor.store,
            history=wired(self.wire, "history", self.history),
            definitions=self.processor.definitions,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            page=page,
        )

    def overlap(self, *segments: str, page: int = 500) -> Any:
        answer: dict[str, Any] = {"done": False, "position": ""}
        while not answer["done"]:
            one = OverlapSegments(everybody=self.processor.store, definitions=self.processor.definitions, page=page)
            answer = one(segments, NOW, answer["position"], lambda: False)
        return answer["result"]


@pytest.fixture
def desk() -> Desk:
    """Ann looks every week, Ben three weeks ago, Cid a moment ago."""
    desk = Desk()
    for who, days in (("ann", (20, 12, 4)), ("ben", (20,)), ("cid", (0,))):
        for ago in days:
            desk.does(who, NOW - ago * DAY)
    return desk


def weeks_of(result: Any) -> list[tuple[int, int, int]]:
    return [(one["size"], one["entered"], one["left"]) for one in result["weeks"]]


def test_each_week_shows_who_was_in_at_its_end_and_who_came_and_went(desk: Desk) -> None:
    result = desk.preview(VIEWED.when)
    assert [one["ends_at"] for one in result["weeks"]] == [iso(end) for end in week_ends(NOW, 3)]
    assert weeks_of(result) == [(2, 2, 0), (1, 1, 2), (2, 2, 1)]
    assert result["size"] == {"size": 2, "low": 2, "high": 2}
    assert result["profiles"] == {"looked_at": 3, "incomplete": 0, "all": 3}
    known = {desk.processor.profile(value=who).profile_id for who in ("ann", "cid")}
    assert set(result["sample"]) == known


def test_a_window_that_runs_out_between_two_events_is_an_exit_of_its_week(desk: Desk) -> None:
    result = desk.preview(Performed(event="Product Viewed", within="1d"))
    assert weeks_of(result) == [(0, 2, 2), (0, 1, 1), (1, 2, 1)]


def test_whoever_lacks_something_is_looked_at_too(desk: Desk) -> None:
    result = desk.preview(NotOf(condition=Performed(event="Order Completed")))
    assert result["size"]["size"] == 3
    assert [one["code"] for one in result["warnings"]] == ["too_small"]


def test_pages_make_no_difference_and_the_lake_is_asked_once(desk: Desk) -> None:
    whole = desk.preview(VIEWED.when)
    desk.wire.calls.clear()
    assert desk.preview(VIEWED.when, page=1) == whole
    assert desk.wire.calls.count("history.lay_out") == 1
    assert "history.rows" not in desk.wire.calls


def test_nothing_is_written(desk: Desk) -> None:
    before = [desk.processor.item("anonymous_id", who) for who in ("ann", "ben", "cid")]
    desk.preview(VIEWED.when)
    assert [desk.processor.item("anonymous_id", who) for who in ("ann", "ben", "cid")] == before


def test_a_draft_may_ask_for_segments_that_are_there(desk: Desk) -> None:
    for ago in (3, 2, 1, 0):
        desk.does("dee", NOW - ago * MINUTE)
    result = desk.preview(AllOf(conditions=(SegmentTest(segment="keen"), VIEWED.when)))
    assert result["sample"] == [desk.processor.profile(value="dee").profile_id]
    assert result["overlap"] == [{"segment": "keen", "size": 1, "both": 1, "jaccard": 1.0}]
    assert "near_duplicate" in {one["code"] for one in result["warnings"]}


def test_a_change_of_a_segment_is_compared_with_what_it_is(desk: Desk) -> None:
    for ago in (3, 2, 1, 0):
        desk.does("dee", NOW - ago * MINUTE)
    result = desk.preview(VIEWED.when, name="keen")
    assert result["size"]["size"] == 3
    assert result["overlap"] == [{"segment": "keen", "size": 1, "both": 1, "jaccard": 0.333}]


def test_whoever_withdrew_was_never_in(desk: Desk) -> None:
    desk.processor.now = NOW
    withdrawn = consent_event({"personalization": False}, identifiers=identifiers(anonymous_id="ann"))
    desk.processor.send(withdrawn)
    assert weeks_of(desk.preview(VIEWED.when)) == [(1, 1, 0), (0, 0, 1), (1, 1, 0)]


def test_who_was_merged_is_one(desk: Desk) -> None:
    desk.processor.now = NOW
    for who in ("ann", "ben"):
        desk.processor.send(identify(identifiers=identifiers(anonymous_id=who, user_id="u")))
    result = desk.preview(VIEWED.when)
    assert result["profiles"]["looked_at"] == 2
    assert weeks_of(result)[0] == (1, 1, 0)


def test_whose_events_are_not_all_there_is_told(desk: Desk) -> None:
    del desk.processor.lake.rows[-1]
    desk.does("cid", NOW)
    result = desk.preview(VIEWED.when)
    assert (result["profiles"]["incomplete"], result["profiles"]["looked_at"]) == (1, 3)


def test_a_share_is_drawn_by_ids_and_its_numbers_are_estimates() -> None:
    desk = Desk()
    for number in range(60):
        desk.does(f"visitor {number}", NOW - HOUR)
    result = desk.preview(VIEWED.when, share=4)
    ids = {item.profile_id for item in desk.processor.store.all_items()}
    drawn = {one for one in ids if int(one[-3:], 16) < 1_024}
    assert 0 < len(drawn) < 60
    assert result["profiles"] == {"looked_at": len(drawn), "incomplete": 0, "all": 4 * len(drawn)}
    size = result["size"]
    assert size["size"] == 4 * len(drawn)
    assert len(drawn) <= size["low"] < 60 < size["high"]


def test_what_is_certain_beforehand_stands_among_the_warnings(desk: Desk) -> None:
    never = AllOf(conditions=(TraitTest(trait="tier", value="a"), TraitTest(trait="tier", value="b")))
    warnings = desk.preview(never)["warnings"]
    assert warnings[0] == {"code": "never_holds", "message": "$.when: can never hold"}
    assert warnings[1] == {"code": "too_small", "message": "nobody is in it"}


# ------------------------------------------------------------------------------------------------- by the oracle

CONDITIONS: list[dict[str, Any]] = [
    {"type": "performed", "event": "Product Viewed", "at_least": 2, "within": "5d"},
    {"type": "performed", "event": "Order Completed", "exactly": 0, "within": "10d"},
    {"type": "aggregate", "function": "sum", "event": "Order Completed", "property": "total", "operator": "at_least",
     "value": 20, "within": "9d"},
    {"type": "all", "conditions": [
        {"type": "abandoned", "key": "cart_id", "did": [{"event": "Product Added"}],
         "without": [{"event": "Order Completed"}], "after": "2d"},
        {"type": "not", "condition": {"type": "trait", "trait": "tier", "value": "gold"}}]},
]  # fmt: skip
NAMES = ("Product Viewed", "Product Viewed", "Product Added", "Order Completed")


def history(rng: Random, who: str) -> list[Happening]:
    made = []
    times = {
        NOW - int(rng.choice((0.5, 1, 2, 4, 5, 7, 9, 12, 14, 20, 26)) * DAY) - rng.choice((0, 0, 1)) for _ in range(9)
    }
    for number, time in enumerate(sorted(times)):
        said = {"cart_id": rng.choice(("c1", "c2")), "total": rng.choice((5, 12, "9.5")), "product_id": "p"}
        traits = {"tier": rng.choice(("gold", "silver"))} if rng.random() < 0.3 else {}
        made.append(Happening(time, rng.choice(NAMES), said, traits, rank=rank_of(f"{who} {number}")))
    return made


def is_in(written: dict[str, Any], past: list[Happening], at: int) -> bool:
    """Nobody is in anything before their first event."""
    return bool(past and memberships(written, past, at))


@pytest.mark.parametrize("seed", seeds(8))
def test_the_past_weeks_are_those_that_the_manual_says(seed: int) -> None:
    rng, desk = Random(seed), Desk()
    people = {f"visitor {number}": history(rng, str(number)) for number in range(6)}
    for who, done in people.items():
        desk.processor.now = NOW
        asked = consent_event(EVERYTHING, identifiers=identifiers(anonymous_id=who), time=NOW - 40 * DAY)
        desk.processor.send(asked)
        rng.shuffle(done)
        for one in done:
            properties, traits = dict(one.properties), dict(one.traits)
            sent = event(one.name, time=one.time, identifiers=identifiers(anonymous_id=who), properties=properties)
            desk.processor.send(msgspec.structs.replace(sent, traits=traits))
    for written in CONDITIONS:
        segment = decode_definition({"kind": "segment", "id": "draft", "when": written})
        assert isinstance(segment, Segment)
        result = desk.preview(segment.when, weeks=4)
        expected = [
            sum(is_in(written, [one for one in done if one.time <= end], end) for done in people.values())
            for end in week_ends(NOW, 4)
        ]
        assert [one["size"] for one in result["weeks"]] == expected, written
        if written["type"] != "all":  # each person is in once
            sizes = [0, *expected]
            born_in = [one["entered"] - one["left"] for one in result["weeks"]]
            assert [sizes[week] + born_in[week] for week in range(1, 4)] == expected[1:], written
    assert WEEK == 7 * DAY


# ---------------------------------------------------------------------------------------------------- what is there


def test_segments_that_are_there_are_counted_and_compared_without_the_lake() -> None:
    desk = Desk(VIEWED, views_segment(id="looked", when=Performed(event="Product Viewed", within="6d")))
    for who, count in (("ann", 4), ("ben", 1), ("cid", 1)):
        for number in range(count):
            desk.does(who, NOW - number * MINUTE)
    result = desk.overlap("keen", "viewed", "looked", "abandoned_cart")
    assert [(one["segment"], one["size"]) for one in result["segments"]] == [
        ("keen", 1),
        ("viewed", 3),
        ("looked", 3),
        ("abandoned_cart", 0),
    ]
    assert result["overlap"][0] == {"segments": ["viewed", "looked"], "both": 3, "jaccard": 1.0}
    assert {tuple(one["segments"]): one["both"] for one in result["overlap"][1:]} == {
        ("keen", "viewed"): 1,
        ("keen", "looked"): 1,
    }
    assert [one["code"] for one in result["warnings"]] == ["near_duplicate"]
    assert desk.overlap("keen", "viewed", "looked", "abandoned_cart", page=1) == result
