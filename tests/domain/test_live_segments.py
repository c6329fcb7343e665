"""Memberships by the clock: exact instants, conditions combined, nothing announced twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attune.domain.definitions.kinds import Definitions, Segment, decode_definition, snapshot
from attune.domain.processing import fold
from attune.domain.processing.fold import fold_event
from attune.domain.profiles.changes import Change, SegmentEntered, SegmentLeft
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.profile import Profile, Trait, set_trait
from attune.domain.segments import Compiled, compile_segments, holds, next_due
from attune.domain.segments.comparisons import compile_comparison
from tests.builders import DAY, HOUR, MINUTE, NOW, event


def compiled(when: dict[str, Any], grace: str = "0s") -> Compiled:
    segment = decode_definition({"kind": "segment", "id": "s", "when": when, "grace": grace})
    assert isinstance(segment, Segment)
    return compile_segments(snapshot((segment,)))


def somebody() -> Profile:
    return Profile(profile_id="p", consent={"personalization": Consent(granted=True, at=0, source="shop")})


def did(profile: Profile, conditions: Compiled, name: str, at: int, **properties: Any) -> list[Any]:
    one = event(name, time=at, properties=properties)
    return fold_event(profile, one, event_hash("shop", one), conditions)


def finish(profile: Profile, conditions: Compiled, now: int, *, lag: int = 0) -> list[Change]:
    """`lag`: how far behind the stream is read."""
    return fold.finish(profile, conditions, now, read_up_to=now - lag)


VIEWED = {"type": "performed", "event": "Product Viewed", "at_least": 2, "within": "1h"}
BOUGHT = {"type": "performed", "event": "Order Completed"}
LEFT = {
    "type": "abandoned",
    "key": "cart_id",
    "did": [{"event": "Product Added"}],
    "without": [{"event": "Order Completed"}],
    "after": "15m",
}


def test_viewed_but_not_bought_ends_with_the_purchase_or_with_the_window() -> None:
    conditions = compiled({"type": "all", "conditions": [VIEWED, {"type": "not", "condition": BOUGHT}]})
    profile = somebody()
    did(profile, conditions, "Product Viewed", NOW)
    did(profile, conditions, "Product Viewed", NOW + MINUTE)
    assert finish(profile, conditions, NOW + MINUTE) == [SegmentEntered("s", NOW + MINUTE)]
    assert next_due(conditions, profile) == NOW + HOUR
    assert did(profile, conditions, "Order Completed", NOW + 2 * MINUTE) == [SegmentLeft("s", NOW + 2 * MINUTE)]


def test_the_window_ends_when_its_oldest_needed_event_is_as_old_as_the_window() -> None:
    conditions, profile = compiled(VIEWED), somebody()
    for minute in (0, 10, 30):
        did(profile, conditions, "Product Viewed", NOW + minute * MINUTE)
    leaves = NOW + 10 * MINUTE + HOUR
    assert [holds(conditions, profile, "s", "", at) for at in (leaves - 1, leaves, leaves + 1)] == [True, False, False]


def test_time_that_passes_unnoticed_is_made_up_for_in_order() -> None:
    conditions, profile = compiled(VIEWED), somebody()
    for minute in (0, 1):
        did(profile, conditions, "Product Viewed", NOW + minute * MINUTE)
    finish(profile, conditions, NOW + MINUTE)
    for minute in (0, 1):
        changes = did(profile, conditions, "Product Viewed", NOW + DAY + minute * MINUTE)
        assert changes == ([SegmentLeft("s", NOW + HOUR)] if minute == 0 else [])
    assert finish(profile, conditions, NOW + DAY + MINUTE) == [SegmentEntered("s", NOW + DAY + MINUTE)]


def test_each_cart_has_its_own_timer() -> None:
    conditions, profile = compiled(LEFT), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    did(profile, conditions, "Product Added", NOW + MINUTE, cart_id="b")
    did(profile, conditions, "Order Completed", NOW + 2 * MINUTE, cart_id="a")
    assert finish(profile, conditions, NOW + HOUR) == [SegmentEntered("s", NOW + 16 * MINUTE, "b")]


def test_a_cart_that_is_left_again_is_not_announced_again_until_it_was_ordered() -> None:
    conditions, profile = compiled(LEFT), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    assert len(finish(profile, conditions, NOW + HOUR)) == 1
    assert did(profile, conditions, "Product Added", NOW + 2 * HOUR, cart_id="a") == [
        SegmentLeft("s", NOW + 2 * HOUR, "a")
    ]
    assert finish(profile, conditions, NOW + 3 * HOUR) == []
    did(profile, conditions, "Order Completed", NOW + 4 * HOUR, cart_id="a")
    did(profile, conditions, "Product Added", NOW + 5 * HOUR, cart_id="a")
    assert finish(profile, conditions, NOW + 6 * HOUR) == [SegmentEntered("s", NOW + 5 * HOUR + 15 * MINUTE, "a")]


def test_an_entry_waits_for_its_grace_and_is_forgotten_if_it_ends_before() -> None:
    conditions, profile = compiled(LEFT, grace="2m"), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    assert finish(profile, conditions, NOW + 16 * MINUTE) == []
    assert next_due(conditions, profile) == NOW + 17 * MINUTE
    assert did(profile, conditions, "Order Completed", NOW + 14 * MINUTE, cart_id="a") == []
    assert finish(profile, conditions, NOW + HOUR) == []


def test_an_entry_is_announced_once_the_stream_was_read_past_its_grace_and_somebody_is_to_look_at_once() -> None:
    conditions, profile = compiled(LEFT, grace="2m"), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    assert finish(profile, conditions, NOW + HOUR, lag=43 * MINUTE + 1) == []
    assert holds(conditions, profile, "s", "a", NOW + HOUR)
    assert next_due(conditions, profile) == NOW + HOUR + 1
    entered = SegmentEntered("s", NOW + 15 * MINUTE, "a")
    assert finish(profile, conditions, NOW + HOUR + 1, lag=43 * MINUTE + 1) == [entered]
    assert next_due(conditions, profile) == NOW + 30 * DAY


def test_what_ends_an_entry_before_the_stream_was_read_past_its_grace_leaves_nothing_to_announce() -> None:
    conditions, profile = compiled(LEFT, grace="2m"), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    assert finish(profile, conditions, NOW + HOUR, lag=HOUR) == []
    assert did(profile, conditions, "Order Completed", NOW + MINUTE, cart_id="a") == []
    assert finish(profile, conditions, NOW + HOUR, lag=HOUR - MINUTE) == []
    assert next_due(conditions, profile) is None


def test_a_forgotten_cart_leaves_the_segment_after_30_days_and_its_timer_goes() -> None:
    conditions, profile = compiled(LEFT), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    finish(profile, conditions, NOW + HOUR)
    assert finish(profile, conditions, NOW + 31 * DAY) == [SegmentLeft("s", NOW + 30 * DAY, "a")]
    assert not any(profile.timers.values())
    assert profile.memberships == {}


def test_without_consent_to_personalization_nobody_is_in_a_segment() -> None:
    conditions = compiled({"type": "performed", "event": "Product Viewed"})
    profile = Profile(profile_id="p")
    did(profile, conditions, "Product Viewed", NOW)
    assert finish(profile, conditions, NOW) == []
    assert not holds(conditions, profile, "s", "", NOW)


def test_traits_are_the_last_word_by_event_time_in_any_order() -> None:
    conditions = compiled({"type": "trait", "trait": "tier", "value": "gold"})
    profile = somebody()
    set_trait(profile.traits, "tier", Trait("gold", NOW, b"b"))
    set_trait(profile.traits, "tier", Trait("silver", NOW - 1, b"c"))
    assert holds(conditions, profile, "s", "", NOW)
    set_trait(profile.traits, "tier", Trait("none", NOW, b"c"))
    assert not holds(conditions, profile, "s", "", NOW)


@pytest.mark.parametrize(
    ("operator", "actual", "wanted", "expected"),
    [
        ("equals", 1, 1.0, True),
        ("equals", True, 1, False),
        ("greater_than", 5, 4, True),
        ("greater_than", "5", 4, False),
        ("at_most", "2026-01-01", "2026-02-01", True),
        ("contains", ["a", "b"], "b", True),
        ("contains", "abc", "b", True),
        ("contains", None, "b", False),
        ("in", "a", ["a", "b"], True),
        ("is_set", 0, None, True),
        ("is_not_set", None, None, True),
        ("is_empty", [], None, True),
        ("is_empty", 0, None, False),
        ("is_not_empty", "x", None, True),
        ("not_equals", None, "x", True),
    ],
)
def test_comparisons(operator: str, actual: object, wanted: object, expected: bool) -> None:
    assert compile_comparison(operator, wanted)(actual, NOW) is expected


def test_two_segments_on_the_same_carts_are_each_announced() -> None:
    both = [decode_definition({"kind": "segment", "id": name, "when": LEFT}) for name in ("remind", "call")]
    conditions, profile = compile_segments(snapshot(tuple(both))), somebody()
    did(profile, conditions, "Product Added", NOW, cart_id="a")
    entered = [SegmentEntered(name, NOW + 15 * MINUTE, "a") for name in ("remind", "call")]
    assert finish(profile, conditions, NOW + HOUR) == entered
    assert finish(profile, conditions, NOW + 2 * HOUR) == []


def test_a_longer_wait_goes_on_with_the_carts_that_are_known() -> None:
    soon, late, profile = compiled(LEFT), compiled(LEFT | {"after": "4h"}), somebody()
    did(profile, soon, "Product Added", NOW, cart_id="a")
    assert [holds(late, profile, "s", "a", NOW + wait) for wait in (4 * HOUR - 1, 4 * HOUR)] == [False, True]


def test_who_was_in_before_a_segment_took_over_is_news_to_nobody_and_leaves_unheard() -> None:
    segment = decode_definition(
        {"kind": "segment", "id": "s", "when": {"type": "trait", "trait": "tier", "value": "gold"}}
    )
    assert isinstance(segment, Segment)
    profile = somebody()
    before, after = (
        compile_segments(Definitions(segments=segments, since={"s": NOW})) for segments in ({}, {"s": segment})
    )
    fold_event(profile, event("", type="identify", traits={"tier": "gold"}, time=NOW - HOUR), b"1" * 8, before)
    finish(profile, before, NOW - MINUTE)
    assert finish(profile, after, NOW + MINUTE) == []
    assert profile.memberships["s"].entered_at == NOW - HOUR
    left = event("", type="identify", traits={"tier": "none"}, time=NOW + HOUR)
    assert fold_event(profile, left, b"2" * 8, after) == []
    assert profile.memberships["s"].left_at == NOW + HOUR


def test_what_an_event_does_not_concern_is_never_looked_at() -> None:
    """A rule that cannot be answered is no obstacle to those who have none of what it asks about."""
    conditions = compiled({"type": "all", "conditions": [VIEWED, {"type": "not", "condition": BOUGHT}]})
    broken = replace(conditions.segments["s"].root, holds=lambda *_: 1 // 0 > 0)
    segment = replace(conditions.segments["s"], root=broken)
    conditions = replace(conditions, segments={"s": segment}, by_key=dict.fromkeys(conditions.by_key, (segment,)))
    profile = somebody()
    did(profile, conditions, "Page Opened", NOW)
    assert finish(profile, conditions, NOW + DAY) == []
    with pytest.raises(ZeroDivisionError):
        did(profile, conditions, "Product Viewed", NOW + DAY)
