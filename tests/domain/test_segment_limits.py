"""What nobody should define or send does no harm to the stream: references without end, odd values, full slots."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import Definitions, Segment, decode_definition, snapshot
from attune.domain.processing.fold import finish, fold_event
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.domain.segments import Compiled, compile_segments, computed_values, holds, next_due
from tests.builders import DAY, HOUR, MINUTE, NOW, event

VIEWED = {"type": "performed", "event": "Product Viewed", "within": "1h"}


def segment(name: str, when: dict[str, Any]) -> Segment:
    found = decode_definition({"kind": "segment", "id": name, "when": when})
    assert isinstance(found, Segment)
    return found


def compiled(**conditions: dict[str, Any]) -> Compiled:
    return compile_segments(snapshot(tuple(segment(name, when) for name, when in conditions.items())))


def somebody() -> Profile:
    return Profile(profile_id="p", consent={"personalization": Consent(granted=True, at=0, source="shop")})


def did(profile: Profile, conditions: Compiled, name: str, at: int, **properties: Any) -> list[Any]:
    one = event(name, time=at, properties=properties)
    return fold_event(profile, one, event_hash("shop", one), conditions)


def asks(name: str, times: int) -> dict[str, Any]:
    return {"type": "all", "conditions": [{"type": "segment", "segment": name}] * times}


def test_references_that_multiply_are_refused_where_they_are_defined() -> None:
    known = snapshot((segment("s0", VIEWED), segment("s1", asks("s0", 40))))
    assert check(segment("s2", asks("s1", 5)), known) == []
    assert check(segment("s2", asks("s1", 40)), known) == [
        "$.when: with the segments it asks for `s2` would hold 3240 conditions, at most 500 are allowed"
    ]


def test_a_change_that_makes_another_segment_too_large_is_refused_and_names_it() -> None:
    known = snapshot((segment("s0", VIEWED), segment("s1", asks("s0", 40))))
    [problem] = check(segment("s0", {"type": "any", "conditions": [VIEWED] * 20}), known)
    assert "`s1` would hold 840 conditions" in problem


def test_references_that_multiply_all_the_same_hold_of_nobody_and_cost_nothing() -> None:
    """As two who define at the same moment could bring about."""
    levels = {f"s{level}": asks(f"s{level - 1}", 40) for level in range(1, 6)}
    few = {name: levels[name] for name in ("s1", "s2", "s3")}
    for asked, largest in ((few, "s3"), (levels, "s5")):  # first what takes little time even if it is not bounded
        conditions, profile = compiled(s0=VIEWED, **asked), somebody()
        did(profile, conditions, "Product Viewed", NOW)
        assert [holds(conditions, profile, name, "", NOW) for name in ("s0", "s1", largest)] == [True, True, False]


def test_segments_that_ask_for_each_other_all_the_same_hold_of_nobody() -> None:
    circle = {f"s{number}": asks(f"s{(number + 1) % 3}", 2) for number in range(3)}
    conditions, profile = compiled(**circle), somebody()
    did(profile, conditions, "Product Viewed", NOW)
    assert not any(holds(conditions, profile, name, "", NOW) for name in circle)


def test_an_event_that_is_sent_again_with_a_text_for_a_number_is_applied_and_its_profile_merges() -> None:
    last = {"kind": "computed_trait", "id": "last_x", "compute": {"function": "last", "event": "E", "property": "x"}}
    conditions = compile_segments(snapshot((decode_definition(last),)))
    one, other = somebody(), somebody()
    fold_event(one, event("E", time=NOW, properties={"x": 5}), b"1" * 8, conditions)
    for profile in (one, other):
        fold_event(profile, event("E", time=NOW, properties={"x": "five"}), b"1" * 8, conditions)
    merge_profiles(one, other, conditions.capacities)
    assert computed_values(conditions, one, NOW) == {"last_x": "five"}


def test_a_sum_of_however_many_large_amounts_is_stored_and_exact() -> None:
    total = {"type": "aggregate", "function": "sum", "event": "E", "property": "x", "operator": "equals"}
    number = 20_000
    conditions, profile = compiled(s=total | {"value": -number * 1_000_000_000}), somebody()
    for count in range(number):
        one = event("E", time=NOW + count, properties={"x": -1_000_000_000})
        fold_event(profile, one, count.to_bytes(8), conditions)
    stored = decode_profile(encode_profile(profile))
    assert holds(conditions, stored, "s", "", NOW + number)


@pytest.mark.parametrize(
    ("function", "value"), [("sum", 3), ("average", 2), ("minimum", 1), ("maximum", 3), ("distinct", 3)]
)
def test_a_figure_over_a_time_is_looked_at_again_just_when_it_changes(function: str, value: int) -> None:
    of = {"type": "aggregate", "function": function, "event": "E", "property": "x", "within": "1h"}
    conditions, profile = compiled(s=of | {"operator": "at_least", "value": value}), somebody()
    for minute, x in enumerate((1, 5, 3, 1, 1)):
        did(profile, conditions, "E", NOW + minute * MINUTE, x=x)
    at = NOW + 4 * MINUTE
    finish(profile, conditions, at, at)
    instants = range(at, NOW + 2 * HOUR, MINUTE)
    truths = [holds(conditions, profile, "s", "", instant) for instant in instants]
    turns = [instant for instant, was, now in zip(instants[1:], truths, truths[1:], strict=False) if was != now]
    assert next_due(conditions, profile) == min(turns)


def test_who_is_new_lives_through_nothing_before_their_first_event() -> None:
    nothing = {"type": "performed", "event": "Order Completed", "exactly": 0}
    since = {f"s{number}": NOW - number * DAY for number in range(50)}
    definitions = Definitions(segments={name: segment(name, nothing) for name in since}, since=since)
    conditions, profile = compile_segments(definitions), somebody()
    did(profile, conditions, "Order Completed", NOW)
    assert profile.memberships == {}


CARTS = {"type": "abandoned", "did": [{"event": "Product Added"}], "after": "15m"}


def test_a_cart_that_newer_ones_push_out_is_left_also_where_another_segment_still_knows_it() -> None:
    conditions = compiled(
        a=CARTS | {"key": "cart_id"}, b=CARTS | {"key": "cart_id", "did": [{"event": "Product Added"}, {"event": "X"}]}
    )
    profile = somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="old")
    assert SegmentEntered("a", NOW + 15 * MINUTE, "old") in finish(profile, conditions, NOW + HOUR, NOW + HOUR)
    did(profile, conditions, "X", NOW + 2 * HOUR, cart_id="old")
    for number in range(50):
        did(profile, conditions, "Product Added", NOW + HOUR + number, cart_id=f"c{number}")
    changes = finish(profile, conditions, NOW + 3 * HOUR, NOW + HOUR)
    assert [one for one in changes if isinstance(one, SegmentLeft) and one.segment == "a" and one.key == "old"]
    assert "a\x1fold" not in profile.memberships


def test_a_segment_that_gets_a_key_or_loses_it_leaves_no_stay_behind() -> None:
    without, keyed = compiled(s=CARTS), compiled(s=CARTS | {"key": "cart_id"})
    for before, after in ((without, keyed), (keyed, without)):
        profile = somebody()
        did(profile, before, "Product Added", NOW, cart_id="c")
        finish(profile, before, NOW + HOUR, NOW + HOUR)
        old = set(profile.memberships)
        finish(profile, after, NOW + 2 * HOUR, NOW + 2 * HOUR)
        assert old
        assert not old & set(profile.memberships)


def test_a_grace_that_outlasts_what_it_waits_for_is_refused() -> None:
    when = CARTS | {"key": "cart_id", "after": "20d"}
    for grace, problems in (("9d", 0), ("10d", 1)):
        one = decode_definition({"kind": "segment", "id": "s", "when": when, "grace": grace})
        assert len(check(one, Definitions())) == problems


def test_a_path_of_many_digits_leads_nowhere() -> None:
    path = "a." + "9" * 5_000
    where = [{"property": path, "operator": "is_set"}]
    assert check(segment("s", VIEWED | {"where": where}), Definitions()) == [
        "$.when.where[0].property: is longer than 256 characters"
    ]
    conditions, profile = compiled(s=VIEWED | {"where": where}), somebody()
    did(profile, conditions, "Product Viewed", NOW, a=[1])
    assert not holds(conditions, profile, "s", "", NOW)


@pytest.mark.parametrize(
    ("compute", "problem"),
    [
        ({"function": "count", "event": " "}, "$.compute.event: names no event"),
        ({"function": "sum", "event": "E", "property": "a..b"}, "$.compute.property: is not a dotted path"),
        ({"function": "sum", "event": "E", "property": "a.*"}, "$.compute.property: `*` is of a `key` only"),
        ({"function": "recency", "event": "$wake"}, "$.compute.event: names that begin with $ are Attune's own"),
        (
            {"function": "average", "event": "E", "property": "x", "within": "0d"},
            "$.compute.within: must be longer than nothing",
        ),
        (
            {"function": "lifecycle", "new_for": "30d", "at_risk_after": "60d", "lapsed_after": "60d"},
            "$.compute.lapsed_after: must be longer than `at_risk_after`, or nobody is at risk",
        ),
        (
            {"function": "affinity", "events": [{"event": "E"}], "property": "x", "half_life": "0h"},
            "$.compute.half_life: must be longer than nothing",
        ),
    ],
)
def test_a_computed_trait_that_makes_no_sense_is_refused(compute: dict[str, Any], problem: str) -> None:
    trait = decode_definition({"kind": "computed_trait", "id": "t", "compute": compute})
    assert check(trait, Definitions()) == [problem]
