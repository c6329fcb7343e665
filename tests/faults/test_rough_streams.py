"""Lives of people while the stream does everything it may: batches are bisected, given up and replayed, answers are
nonsense, shards split and merge under way, the stream itself is replaced. Nothing is lost but what lies in the
on-failure destination, and replaying that makes everybody what they did. Shards are read in 1 to 10 lanes.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.builders import HOUR, MINUTE
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.test_schedules import Life, check_life
from tests.faults.troubles import DEPLOYED, HARSH, Outage, given_up, ids_in, recreate_stream, replay_given_up
from tests.faults.world import LONG_ENOUGH, Warm

ROUGHEST = Schedule(again=0.1, zombie=0.03, nonsense=0.05, parallel=4)


class RoughLife(Life):
    """A life on a stream that does everything a stream may."""

    def __init__(self, seed: int, *, rate: float = 0.08, **world: Any) -> None:
        mapping = {**HARSH, "restless": 0.03, "lanes": 1 + seed % 10}
        super().__init__(seed, rate=rate, shards=1 + seed % 4, mapping=mapping, **world)
        self.world._schedule = ROUGHEST
        self.lost: Counter[str] = Counter()

    def send_some(self) -> None:
        """What nobody has read yet."""
        for person in self.people:
            self._send_request(person)

    def recover(self) -> None:
        """Everything works again, and what was given up is put back."""
        self.wire.rate = 0.0
        while given_up(self.world) or self.world.campaigns.given_up:
            self.lost.update(batch.reason for batch in given_up(self.world))
            replay_given_up(self.world)


def check_nothing_is_lost(life: Life) -> None:
    """What no profile counted lies in the on-failure destination."""
    missing = {one.message_id for person in life.people for one in person.done}
    missing -= {message_id for message_id, _ in life.books().verdicts()}
    assert missing <= ids_in(given_up(life.world))
    done = sum(len(person.done) for person in life.people)
    counted = sum(state["events"] for state in life.world.states())
    assert done - len(ids_in(given_up(life.world))) <= counted <= done


@pytest.mark.parametrize("seed", seeds(50, long=2_000))
def test_nothing_is_lost_but_what_was_given_up_and_its_replay_makes_up_for_that(seed: int) -> None:
    life = RoughLife(seed, lag=0.2 if seed % 2 else 0.0)
    life.live()
    check_nothing_is_lost(life)
    life.recover()
    life.end()
    life.recover()
    check_life(life)
    life.world.pass_time(LONG_ENOUGH)
    life.recover()
    check_life(life)


@pytest.mark.parametrize("seed", seeds(30, long=1_000))
def test_a_stream_that_is_replaced_loses_and_doubles_nothing(seed: int) -> None:
    """The new one numbers its records from a lower place, under a higher epoch."""
    life = RoughLife(seed, rate=0.04)
    for _ in range(3):
        life.live(rounds=1)
        life.send_some()
        recreate_stream(life.world)
        life.world.pass_time(MINUTE)
    life.recover()
    life.end()
    life.recover()
    check_life(life)


@pytest.mark.parametrize("seed", seeds(12, long=500))
def test_what_grew_too_old_in_a_long_outage_is_put_back_and_counts_once(seed: int) -> None:
    """Three hours, with records that are given up after one."""
    life = Life(seed, shards=1 + seed % 4, mapping={**DEPLOYED, "max_age": HOUR, "restless": 0.02})
    life.live(rounds=1)
    outage = Outage("process_events." + ("profiles", "lake")[seed % 2], life.world.time.now, 3 * HOUR)
    outage.clock, life.world.wire = (lambda: life.world.time.now), outage
    life.world.process.invoke = Warm(life.world._process_events)
    life.live(rounds=2)
    life.world.pass_time(5 * HOUR)
    assert {batch.reason for batch in given_up(life.world)} == {"RecordAgeExceeded"}
    check_nothing_is_lost(life)
    replay_given_up(life.world)
    life.world._schedule = Schedule(again=0.0)  # each invocation that is given up costs its shard a minute's pause
    life.end()
    life.world.pass_time(10 * MINUTE)
    check_life(life)


def test_the_lives_meet_everything_that_they_are_about() -> None:
    met: Counter[str] = Counter()
    for seed in range(12):
        life = RoughLife(seed)
        life.live()
        met["given up"] += len(given_up(life.world))
        mapping = life.world.process
        met["resharded"] += len(mapping._shards) // mapping.lanes - mapping.shards
        life.recover()
        met["replayed"] += sum(life.lost.values())
    assert min(met["given up"], met["resharded"], met["replayed"]) > 3, met
