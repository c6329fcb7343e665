"""Profiles that were wrongly one are made two: each of them comes out as what its person did, and they stay two.

Lives of three people whose devices are mixed up now and then, on a stream that breaks, repeats and lags; an operator
unlinks them, and both sides are folded anew from the lake.
"""

from __future__ import annotations

import pytest

from tests.faults.effort import seeds
from tests.faults.unlinking import DAY, HOUR, Mistaken


def unlinked(seed: int) -> Mistaken:
    """Until nobody is anybody else any more; not folded apart yet."""
    life = Mistaken(seed, lag=0.2 if seed % 2 else 0.0)
    life.live().join("ann", "ben").settle()
    life.live(6)
    life.unlink("ann", "ben", again=seed % 3 == 0)
    return life.live(8).calm().separate()


@pytest.mark.parametrize("seed", seeds(40, long=2_000))
def test_people_who_were_taken_for_one_come_out_as_what_each_did(seed: int) -> None:
    life = unlinked(seed)
    counts = life.rebuild()
    if counts["incomplete"]:
        assert life.lost_races()
        return
    life.settle(HOUR).check()
    # what they do from then on, also under wrong names, and what the lake says of it
    life.live(6).settle(HOUR).check()
    assert life.rebuild()["incomplete"] == 0 or life.lost_races()
    life.check()


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_what_was_read_before_an_unlinking_applies_to_nobody_when_it_is_read_again(seed: int) -> None:
    """The mapping reads the stream from its oldest record on, two days later: the memory of ids is over by then."""
    life = unlinked(seed)
    life.rebuild()
    life.settle(2 * DAY)
    before = {state["profile_id"]: state.get("events", 0) for state in life.world.states()}
    life.world.read_again(batch=1 + seed % 7)
    assert {state["profile_id"]: state.get("events", 0) for state in life.world.states()} == before


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_what_a_producer_repeats_after_an_unlinking_applies_to_nobody(seed: int) -> None:
    """As new records, within the day: no position tells, only what both sides remember."""
    life = unlinked(seed)
    life.rebuild()
    before = {state["profile_id"]: state.get("events", 0) for state in life.world.states()}
    for one in life.done:
        life.world.send(one, received_at=life.world.time.now)
    life.settle()
    assert {state["profile_id"]: state.get("events", 0) for state in life.world.states()} == before
