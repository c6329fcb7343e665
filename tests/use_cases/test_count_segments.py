"""How many are in each segment, as the daily snapshot counts them, and what is shown of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from attune.adapters.memory_sizes import MemorySizes
from attune.domain.definitions.conditions import TraitTest
from attune.domain.definitions.kinds import Segment
from attune.domain.errors import AttuneError
from attune.domain.segments import compile_segments
from attune.ports.sizes import SegmentSizes
from attune.use_cases.learning.compact_lake import known_profiles
from attune.use_cases.segments.count_segments import CountSegments, ShowSizes
from tests.builders import DAY, HOUR, MINUTE, NOW, definition_list, definitions, event, identifiers, identify
from tests.lakes import LakeOfTests
from tests.use_cases.test_process_events import Processor

GOLD = Segment(id="gold", when=TraitTest(trait="tier", value="gold"))
NOBODY = Segment(id="nobody", when=TraitTest(trait="tier", value="none"))


@pytest.fixture
def processor() -> Processor:
    """Ann viewed much, Ben left two carts, and Cid is gold; Dee, who is gold too, consents to nothing of it."""
    processor = Processor(*definition_list(GOLD, NOBODY))
    for name in ("ann", "ben", "cid"):
        processor.send(event(identifiers=identifiers(user_id=name), time=NOW - HOUR))
    processor.send(*(event(identifiers=identifiers(user_id="ann"), time=NOW - n * MINUTE) for n in range(3)))
    for cart in ("c1", "c2"):
        added = {"cart_id": cart, "product_id": "p"}
        processor.send(event("Product Added", identifiers=identifiers(user_id="ben"), properties=added, time=NOW))
    processor.send(identify({"tier": "gold"}, identifiers=identifiers(user_id="cid")))
    refused = {"analytics": True, "personalization": False}
    processor.send(identify({"tier": "gold"}, identifiers=identifiers(user_id="dee"), consent=refused))
    return processor


def sizes(processor: Processor, at: int, *more: Segment) -> dict[str, int]:
    compiled = compile_segments(definitions(*more))
    counting = CountSegments(compiled, at)
    assert len(list(known_profiles(processor.store.all_items(), counting))) == 4
    counted = counting.result()
    assert (counted.profiles, counted.counted_at) == (4, at)
    return counted.segments


def test_everybody_is_counted_once_for_each_segment_they_are_in(processor: Processor) -> None:
    expected = {"abandoned_cart": 0, "gold": 1, "keen": 1, "nobody": 0}
    assert sizes(processor, NOW, GOLD, NOBODY) == expected
    processor.now = NOW + 20 * MINUTE
    processor.wake(processor.profile("user_id", "ben").profile_id)
    assert sizes(processor, NOW + 20 * MINUTE, GOLD, NOBODY) == expected | {"abandoned_cart": 1}


def test_who_is_due_and_was_not_woken_yet_is_counted_as_of_the_instant(processor: Processor) -> None:
    """Ben's carts are abandoned 15 minutes after, and Ann's window is over 23 hours after, whoever wakes them."""
    assert sizes(processor, NOW + 15 * MINUTE - 1)["abandoned_cart"] == 0
    assert sizes(processor, NOW + 15 * MINUTE)["abandoned_cart"] == 1
    assert sizes(processor, NOW + 23 * HOUR - 1)["keen"] == 1
    assert sizes(processor, NOW + 23 * HOUR)["keen"] == 0


def test_a_segment_that_is_no_more_is_not_counted(processor: Processor) -> None:
    assert sizes(processor, NOW).keys() == {"abandoned_cart", "keen"}


@pytest.fixture
def lake(processor: Processor) -> Iterator[LakeOfTests]:
    lake = LakeOfTests(processor.store)
    lake.segments = definition_list(GOLD, NOBODY)
    yield lake
    lake.close()


def test_each_snapshot_counts_and_the_last_of_a_day_stays(lake: LakeOfTests, processor: Processor) -> None:
    lake.compact(NOW)
    processor.send(identify({"tier": "gold"}, identifiers=identifiers(user_id="ann"), message_id="gold ann"))
    lake.compact(NOW + HOUR)
    lake.compact(NOW + DAY)
    today, before = [lake.sizes.newest(10)[index] for index in (0, 1)]
    assert [(one.day, one.segments["gold"], one.profiles) for one in (before, today)] == [
        ("2025-06-15", 2, 4),
        ("2025-06-16", 2, 4),
    ]
    assert (before.counted_at, before.segments["keen"], today.segments["keen"]) == (NOW + HOUR, 1, 0)


# ------------------------------------------------------------------------------------------------ what is shown


def shown(weeks: str, *days: str) -> list[str]:
    history = MemorySizes()
    for day in days:
        history.keep(SegmentSizes(day=day, counted_at=NOW, profiles=9, segments={"vip": int(day[-2:])}))
    answer: dict[str, Any] = ShowSizes(history=history, authorise=lambda _: None)(weeks)
    return [one["day"] for one in answer["sizes"]]


def test_what_is_shown_is_the_newest_count() -> None:
    history = MemorySizes()
    history.keep(SegmentSizes(day="2025-06-15", counted_at=NOW, profiles=9, segments={"vip": 3}))
    assert ShowSizes(history=history, authorise=lambda _: None)("0") == {
        "sizes": [
            {"day": "2025-06-15", "counted_at": "2025-06-15T15:06:40.000Z", "profiles": 9, "segments": {"vip": 3}}
        ]
    }
    assert shown("0", "2025-06-14", "2025-06-15", "2025-06-13") == ["2025-06-15"]
    assert shown("3") == []


def test_of_past_weeks_the_count_of_the_same_weekday_or_the_last_before_is_shown() -> None:
    month = [f"2025-06-{day:02}" for day in range(1, 31)]
    assert shown("3", *month) == ["2025-06-30", "2025-06-23", "2025-06-16", "2025-06-09"]
    gaps = [day for day in month if day not in {"2025-06-23", "2025-06-22"}]
    assert shown("2", *gaps) == ["2025-06-30", "2025-06-21", "2025-06-16"]
    assert shown("53", "2025-06-30", "2025-06-29") == ["2025-06-30"]


@pytest.mark.parametrize("weeks", ["", "-1", "54", "100", "1.5", "eight", "\u0663", " 1"])
def test_weeks_that_are_no_number_of_weeks_are_refused(weeks: str) -> None:
    with pytest.raises(AttuneError) as caught:
        shown(weeks, "2025-06-15")
    assert (caught.value.status, caught.value.code) == (400, "invalid_weeks")
