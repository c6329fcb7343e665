"""Two hundred events of eight people, each two to ten times, shuffled, over up to sixteen shards that split and merge:
what is promised to be equal is equal to what they make in order, once, on one shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import pytest

from attune.domain.events import Event
from tests.builders import HOUR, MINUTE, NOW, event, identifiers
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.test_order import stated
from tests.faults.world import World

PEOPLE, EACH = 8, 25
START = NOW - 60 * HOUR
#: how often an event comes, all equally likely
COPIES = (2, 2, 2, 3, 3, 4, 5, 10)
NAMES = ("Product Viewed", "Product Viewed", "Product Added", "Product Removed", "Order Completed", "Page")


def claims(number: int, *names: str) -> Any:
    held = {"anonymous_id": f"device-{number}", "user_id": f"user-{number}"}
    return identifiers(**{name: held[name] for name in names})


def history(rng: Random) -> list[Event]:
    """What they did, in order."""
    times = sorted(rng.sample(range(START, NOW, MINUTE), PEOPLE * EACH))
    return [done(rng, number, rng.randrange(PEOPLE), time) for number, time in enumerate(times)]


def done(rng: Random, number: int, person: int, time: int) -> Event:
    name = rng.choice(NAMES)
    properties: dict[str, Any] = {}
    if name not in {"Product Viewed", "Page"}:
        properties = {"cart_id": f"c{rng.randint(0, 1)}", "product_id": rng.choice("pq"), "quantity": rng.randint(1, 3)}
        properties |= {"total": rng.choice([7, 19.99, "0.35"])} if name == "Order Completed" else {}
    traits = {rng.choice(["name", "city"]): rng.choice([None, number])} if rng.random() < 0.5 else {}
    named = rng.choice([("anonymous_id",), ("user_id",), ("anonymous_id", "user_id")])
    return event(
        name,
        message_id=f"m{number}",
        time=time,
        identifiers=claims(person, *named),
        properties=properties,
        traits=traits,
    )


def requests(rng: Random, events: Iterable[Event], most: int) -> Iterator[list[Event]]:
    """Each holds events of one partition key."""
    waiting: dict[Any, list[Event]] = {}
    for one in events:
        together = waiting.setdefault(one.identifiers[0], [])
        together.append(one)
        if len(together) >= rng.randint(1, most):
            yield waiting.pop(one.identifiers[0])
    yield from waiting.values()


def told(seed: int, sends: Iterable[list[Event]], **world: Any) -> dict[str, dict[str, Any]]:
    """What is promised of each person, by who they are."""
    made = World(seed=seed, **world)
    made.time.now = START - HOUR
    for number in range(PEOPLE):
        hello = claims(number, "anonymous_id", "user_id")
        made.send(event("Signed Up", message_id=f"hello-{number}", time=START - HOUR, identifiers=hello))
    made.settle(sending=False)
    made.time.now = NOW
    for number, together in enumerate(sends):
        made.send(*together, received_at=NOW)
        if number % 100 == 0:
            made.settle(sending=False)
    made.settle(sending=False)
    return {state["profile_id"]: stated(state) for state in made.states()}


@pytest.mark.parametrize("seed", seeds(8, long=10_000))
def test_events_that_come_up_to_ten_times_in_any_order_make_what_they_make_once(seed: int) -> None:
    rng = Random(seed)
    happened = history(rng)
    straight = told(seed, requests(rng, happened, 5), mapping={"batch_size": 100})
    copies = [one for one in happened for _ in range(rng.choice(COPIES))]
    rng.shuffle(copies)
    rough = told(
        seed,
        requests(rng, copies, 4),
        shards=1 + seed % 16,
        schedule=Schedule(again=0.1, zombie=0.01, nonsense=0.03, parallel=4),
        mapping={"batch_size": 50, "bisect": True, "restless": 0.02},
    )
    assert len(straight) == PEOPLE
    assert rough == straight
