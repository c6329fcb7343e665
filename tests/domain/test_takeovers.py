"""Whether a changed condition may take over at once: only if profiles keep all that it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.definitions.computations import Counter, SessionCount
from attune.domain.definitions.conditions import AllOf, ConsentTest, Performed, SegmentTest, TraitTest
from attune.domain.definitions.kinds import ComputedTrait, Segment
from attune.domain.past.readiness import serves_at_once
from attune.domain.past.takeovers import Standing, changed
from tests.builders import DAY, NOW, channel


def viewed(at_least: int = 4, within: str | None = "24h", **fields: Any) -> Performed:
    return Performed(event="Product Viewed", at_least=at_least, within=within, **fields)


def segment(when: Any, name: str = "a") -> Segment:
    return Segment(id=name, when=when)


def stands(definition: Segment | ComputedTrait, *, settled: bool = True) -> Standing:
    return Standing(definition=definition, version=1, settled=settled)


@pytest.mark.parametrize(
    ("when", "at_once"),
    [
        (viewed(3), True),
        (viewed(4, "12h"), True),
        (viewed(5), False),
        (viewed(4, "25h"), False),
        (viewed(4, None), False),
        (Performed(event="Searched"), False),
        (ConsentTest(purpose="email"), True),
        (TraitTest(trait="city", value="Bonn"), True),
        (AllOf(conditions=(viewed(2), TraitTest(trait="vip", value=True))), True),
    ],
)
def test_what_asks_for_no_more_than_is_kept_takes_over_at_once(when: Any, at_once: bool) -> None:
    assert serves_at_once(segment(when), [stands(segment(viewed()))]) is at_once


def test_what_others_keep_counts_once_everybody_is_in_line_with_them() -> None:
    others = segment(Performed(event="Searched"), "b")
    changing = segment(Performed(event="Searched"))
    assert serves_at_once(changing, [stands(segment(viewed())), stands(others)])
    assert not serves_at_once(changing, [stands(segment(viewed())), stands(others, settled=False)])
    waiting = Standing(definition=others, version=2, settled=True, serving=segment(viewed(), "b"), serving_version=1)
    assert not serves_at_once(changing, [stands(segment(viewed())), waiting])


def test_it_may_go_on_with_what_it_keeps_itself_though_nobody_filled_it_in() -> None:
    assert serves_at_once(segment(viewed(3)), [stands(segment(viewed()), settled=False)])


def test_what_the_segments_and_traits_it_asks_for_keep_is_asked_for_too() -> None:
    searched = segment(Performed(event="Searched"), "b")
    orders = ComputedTrait(id="orders", compute=Counter(event="Order Completed"))
    visits = ComputedTrait(id="visits", compute=SessionCount())
    for when, over in (
        (SegmentTest(segment="b"), searched),
        (TraitTest(trait="orders", operator="at_least", value=2), orders),
        (TraitTest(trait="visits", operator="at_least", value=2), visits),
    ):
        mine = stands(segment(viewed()))
        assert serves_at_once(segment(when), [mine, stands(over)])
        assert not serves_at_once(segment(when), [mine, stands(over, settled=False)])


def test_other_kinds_change_at_once() -> None:
    known = Standing(definition=channel(), version=1)
    after = changed(known, channel(name="Another"), 2, NOW, at_once=False)
    assert (after.definition, after.serving, after.takes_over_at) == (channel(name="Another"), None, None)
    assert not after.awaits_run


def test_a_version_that_was_laid_down_and_has_come_about_is_the_one_that_serves_on() -> None:
    first = changed(None, segment(viewed()), 1, NOW, at_once=True)
    second = changed(first, segment(viewed(3)), 2, NOW + DAY, at_once=True)
    third = changed(second, segment(viewed(2)), 3, NOW + 2 * DAY, at_once=False)
    assert (third.serving, third.serving_version, third.since) == (segment(viewed(3)), 2, second.takes_over_at)
    soon = changed(second, segment(viewed(2)), 3, NOW + DAY + 1, at_once=False)
    assert (soon.serving, soon.serving_version, soon.since) == (segment(viewed()), 1, NOW)
