"""What is reckoned of a segment's size before it exists."""

from __future__ import annotations

from random import Random

import pytest

from attune.domain.definitions.computations import Counter
from attune.domain.definitions.conditions import AllOf, Performed, SegmentTest, TraitTest
from attune.domain.definitions.kinds import ComputedTrait, Definitions, snapshot
from attune.domain.past.previews import WEEK, Tally, drafted, findings, interval, jaccard, take_in, week_ends
from attune.domain.past.reliving import Turn
from tests.builders import DAY, NOW, definitions, views_segment

ENDS = week_ends(NOW, 3)


def tallied(*people: list[Turn]) -> Tally:
    tally = Tally()
    for number, turns in enumerate(people):
        take_in(tally, f"p{number}", turns, (), ENDS)
    return tally


def came(at: int, key: str = "") -> Turn:
    return Turn(at, key, inside=True)


def went(at: int, key: str = "") -> Turn:
    return Turn(at, key, inside=False)


def test_a_week_ends_where_the_next_begins_and_the_last_one_ends_now() -> None:
    assert ENDS == [NOW - 2 * WEEK, NOW - WEEK, NOW]


def test_sizes_are_of_a_weeks_end_and_comings_and_goings_of_the_week() -> None:
    long_ago, in_the_second, now = [came(NOW - 40 * DAY)], [came(NOW - 10 * DAY), went(NOW - 8 * DAY)], [came(NOW)]
    tally = tallied(long_ago, in_the_second, now, [])
    assert (tally.sizes, tally.entered, tally.left) == ([1, 1, 2], [0, 1, 1], [0, 1, 0])
    assert (tally.looked_at, tally.sample) == (4, ["p0", "p2"])


def test_what_happens_at_a_weeks_end_is_of_that_week() -> None:
    tally = tallied([came(NOW - WEEK), went(NOW)], [came(NOW - 3 * WEEK)])
    assert (tally.sizes, tally.entered, tally.left) == ([1, 2, 1], [0, 1, 0], [0, 0, 1])


def test_of_many_carts_a_person_is_in_once_and_each_comes_and_goes() -> None:
    tally = tallied([came(NOW - 2 * DAY, "c1"), came(NOW - DAY, "c2"), went(NOW - 1, "c1")])
    assert (tally.sizes, tally.entered, tally.left) == ([0, 0, 1], [0, 0, 2], [0, 0, 1])


def test_no_more_than_a_few_are_shown() -> None:
    assert len(tallied(*[[came(NOW)]] * 50).sample) == 20


def test_who_is_in_others_too_is_counted() -> None:
    tally = Tally()
    take_in(tally, "p1", [came(NOW)], ["keen", "vip"], ENDS)
    take_in(tally, "p2", [], ["keen"], ENDS)
    assert tally.others == {"keen": (2, 1), "vip": (1, 1)}


@pytest.mark.parametrize(("found", "share", "expected"), [(7, 1, (7, 7)), (0, 1, (0, 0)), (0, 16, (0, 58))])
def test_the_interval_of_everybody_is_the_number_and_of_a_share_never_below_what_was_seen(
    found: int, share: int, expected: tuple[int, int]
) -> None:
    assert interval(found, share) == expected


@pytest.mark.parametrize(("size", "share"), [(40, 2), (300, 16), (5_000, 16), (3_000, 64)])
def test_the_interval_holds_the_true_number_in_95_of_100_drawings(size: int, share: int) -> None:
    rng = Random(size)
    hits = 0
    for _ in range(400):
        found = sum(rng.random() < 1 / share for _ in range(size))
        low, high = interval(found, share)
        assert low <= found * share <= high
        hits += low <= size <= high
    assert 0.92 <= hits / 400 <= 0.99


def test_likeness_is_the_share_of_both_in_either() -> None:
    assert jaccard(4, 4, 2) == pytest.approx(1 / 3)
    assert jaccard(0, 0, 0) == 0.0


def codes(size: int, everybody: int, share: int = 1, **others: tuple[int, int]) -> list[str]:
    tally = Tally(looked_at=everybody, sizes=[size], others=others)
    return [one["code"] for one in findings(tally, "mine", share)]


@pytest.mark.parametrize(
    ("size", "everybody", "expected"),
    [
        (29, 1_000, ["too_small"]),
        (30, 1_000, []),
        (99, 100_000, ["too_small"]),
        (100, 100_000, []),
        (900, 1_000, []),
        (901, 1_000, ["too_large"]),
        (0, 0, ["too_small"]),
    ],
)
def test_what_is_too_small_or_too_large_is_said(size: int, everybody: int, expected: list[str]) -> None:
    assert codes(size, everybody) == expected


def test_of_a_share_the_estimate_decides() -> None:
    assert codes(29, 1_000) == ["too_small"]
    assert codes(29, 1_000, share=2) == []


def test_a_segment_that_is_there_under_another_name_is_named() -> None:
    assert codes(100, 1_000, twin=(100, 95)) == ["near_duplicate"]
    assert codes(100, 1_000, cousin=(100, 90), mine=(100, 100)) == []


def test_a_draft_is_looked_at_with_what_it_asks_for_and_nothing_else() -> None:
    counted = ComputedTrait(id="views", compute=Counter(event="Product Viewed"))
    other = ComputedTrait(id="other", compute=Counter(event="page"))
    asked = SegmentTest(segment="keen"), TraitTest(trait="views", operator="at_least", value=3)
    draft = views_segment(id="draft", when=AllOf(conditions=asked))
    plain = definitions()
    current = Definitions(segments=plain.segments, computed_traits=snapshot((counted, other)).computed_traits)
    found = drafted(draft, current)
    assert found.segments.keys() == {"draft", "keen"}
    assert found.computed_traits.keys() == {"views"}
    changed = views_segment(when=Performed(event="page"))
    assert drafted(changed, current).segments == {"keen": changed}
