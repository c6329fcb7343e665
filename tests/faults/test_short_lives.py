"""Very many short lives, each with a schedule, a stream and breaks of its own: two people on two devices each, some
requests, and what comes of them. The oracles are those of the long lives.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.builders import MINUTE
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.test_schedules import Life, Person, check_effects, check_life
from tests.faults.wires import Unreliable

#: lives of one test, so that a hundred thousand are not as many tests
LIVES = 250


class ShortLife(Life):
    """How often calls break, how invocations end and come again, how the stream is cut: all follows from the seed."""

    most = 80

    def __init__(self, seed: int) -> None:
        rng = Random(f"kind of life {seed}")
        schedule = Schedule(
            again=rng.choice([0.0, 0.1]),
            zombie=rng.choice([0.0, 0.05]),
            nonsense=rng.choice([0.0, 0.05]),
            parallel=rng.randint(1, 4),
        )
        mapping: dict[str, Any] = {
            "bisect": rng.random() < 0.5,
            "batch_size": rng.choice([1, 3, 10]),
            "lanes": rng.choice([1, 1, 3]),
            "restless": rng.choice([0.0, 0.0, 0.05]),
        }
        shards, lag, rate = rng.randint(1, 3), rng.choice([0.0, 0.2]), rng.choice([0.02, 0.05, 0.12])
        super().__init__(seed, people=2, rate=rate, shards=shards, lag=lag, schedule=schedule, mapping=mapping)

    def person(self, number: int) -> Person:
        return Person(number, devices=2, cards=1)

    def broken(self) -> int:
        """How many calls were."""
        return Unreliable.faults - self.wire.faults

    def tell(self) -> None:
        for sends in (2, 3):
            for _ in range(sends):
                self._send_request(self.rng.choice(self.people))
            self.world.pass_time(self.rng.choice([0, MINUTE]))
        self.end()
        self.world.pass_time(20 * MINUTE)


def check(seed: int) -> ShortLife:
    """What fails says the seed of its life."""
    life = ShortLife(seed)
    try:
        life.tell()
        check_life(life)
        check_effects(life.world)
    except BaseException as failure:
        failure.add_note(f"in the short life {seed}")
        raise
    return life


@pytest.mark.parametrize("seed", seeds(2, long=400))
def test_short_lives_come_out_as_what_was_done_in_them(seed: int) -> None:
    for life in range(seed * LIVES, (seed + 1) * LIVES):
        check(life)


def test_the_short_lives_are_about_something() -> None:
    lives = [check(seed) for seed in range(60)]
    breaks = [life.broken() for life in lives]
    assert sum(map(bool, breaks)) > 45
    assert sum(breaks) > 300
    assert sum(any(item.merged_into for item in life.world.profiles.all_items()) for life in lives) > 20
    assert sum(bool(life.world.sender.posts) for life in lives) > 40
