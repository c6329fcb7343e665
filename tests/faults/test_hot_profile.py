"""One person who does ten thousand things in ten seconds, and invocations that go on after they were given up."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.ports import ConflictError
from tests.builders import NOW, event, identifiers
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.troubles import Refusals
from tests.faults.wires import Steady, Unreliable
from tests.faults.world import World

HOT = identifiers(anonymous_id="hot", user_id="hot")
EVENTS = 10_000
#: events of one request, and records of one batch, as deployed
REQUEST, BATCH = 10, 500


def flood(world: World) -> None:
    for start in range(0, EVENTS, REQUEST):
        numbers = range(start, start + REQUEST)
        events = [event("Product Viewed", message_id=f"m{n}", time=NOW + n, identifiers=HOT) for n in numbers]
        world.send(*events, received_at=NOW + start + REQUEST)


def test_ten_thousand_events_are_counted_exactly_with_one_write_a_batch() -> None:
    wire = Steady()
    world = World(wire=wire, mapping={"batch_size": BATCH})
    batches = 0

    def counted(records: list[Any]) -> Any:
        nonlocal batches
        batches += 1
        return process(records)

    process, world.process.invoke = world.process.invoke, counted
    flood(world)
    world.settle(sending=False)
    [state] = world.states()
    assert (state["events"], state["activity"][4]) == (EVENTS, EVENTS)
    assert wire.calls.count("process_events.profiles.commit") == len(world.profiles.images()) == batches


@pytest.mark.parametrize("seed", seeds(1, long=20))
def test_ten_thousand_events_are_counted_exactly_whatever_breaks(seed: int) -> None:
    schedule = Schedule(again=0.1, zombie=0.05, nonsense=0.05, parallel=3)
    wire = Unreliable(Random(seed), rate=0.05)
    world = World(wire=wire, seed=seed, schedule=schedule, mapping={"batch_size": BATCH, "bisect": True})
    flood(world)
    world.settle(sending=False)
    [state] = world.states()
    assert (state["events"], state["activity"][4]) == (EVENTS, EVENTS)


class Zombies:
    """One person's events, in invocations that are often given up while they go on."""

    def __init__(self, seed: int) -> None:
        self.wire = Refusals(Steady())
        schedule = Schedule(again=0.0, zombie=0.15, parallel=3)
        self.world = World(wire=self.wire, seed=seed, schedule=schedule, mapping={"batch_size": 4, "bisect": True})

    def run(self) -> None:
        for number in range(12):
            self.world.send(event(message_id=f"m{number}", time=NOW + number, identifiers=HOT), received_at=NOW + 12)
        self.world.settle()

    def refused(self) -> int:
        """Commits whose condition did not hold."""
        return sum(isinstance(error, ConflictError) for _, error in self.wire.raised)


@pytest.mark.parametrize("seed", seeds(40, long=1_500))
def test_a_zombie_that_finishes_later_changes_nothing(seed: int) -> None:
    zombies = Zombies(seed)
    zombies.run()
    [state] = zombies.world.states()
    assert state["events"] == 12


def test_zombies_are_refused_by_the_version_that_they_read() -> None:
    refused = 0
    for seed in range(10):
        zombies = Zombies(seed)
        zombies.run()
        refused += zombies.refused()
    assert refused >= 10
