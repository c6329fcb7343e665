"""The story of the crash points with two breaks in one delivery, and with each call carried out twice, as an SDK does
whose answer was lost.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.faults.effort import seeds
from tests.faults.test_crash_points import NAMES, POINTS, Story, check_posts
from tests.faults.troubles import BreakTwice, Repeat
from tests.faults.wires import Fault, Moment

#: calls within which a redelivery comes back to where the first break was, and a little further
NEARBY = 25


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story().tell().outcome()


@pytest.mark.parametrize("seed", seeds(120, long=4_000))
def test_a_second_break_while_the_first_is_made_up_for_changes_nothing(seed: int, undisturbed: dict[str, Any]) -> None:
    rng = Random(seed)
    strikes = [(rng.choice(list(Fault)), rng.choice(list(Moment))) for _ in range(2)]
    wire = BreakTwice(rng.randrange(len(POINTS)), rng.randint(1, NEARBY), (strikes[0], strikes[1]))
    bisect = {"bisect": True} if rng.random() < 0.5 else {}
    story = Story(wire, mapping=bisect).tell()
    assert story.outcome() == undisturbed
    check_posts(story.world)


@pytest.mark.parametrize(("position", "name"), POINTS, ids=NAMES)
def test_a_call_that_is_carried_out_twice_changes_nothing(
    position: int, name: str, undisturbed: dict[str, Any]
) -> None:
    wire = Repeat(position)
    story = Story(wire).tell()
    assert wire.calls[position] == name
    assert story.outcome() == undisturbed
    check_posts(story.world)
