"""Any tree of conditions is true live exactly while the raw events say so: at every event, at every instant at which
time alone changes something, and 1 ms to either side.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from random import Random
from typing import Any

import pytest

from attune.domain.changes import SegmentEntered, SegmentLeft
from attune.domain.definitions import decode_definition
from attune.domain.events import SCORE, Event
from attune.domain.models import SHOPPER_CLUSTERS
from tests.builders import HOUR, NOW, Pseudonyms, event, identifiers, key_of, score_event
from tests.faults import oracles
from tests.faults.effort import seeds
from tests.faults.world import World

START = NOW - 60 * HOUR
FIRST = START - 3 * HOUR
ME = identifiers(anonymous_id="me")
MY_PROFILE = Pseudonyms().profile_id(key_of("anonymous_id", "me"), 0)
NAMES = ("Product Viewed", "Product Added", "Order Completed")
CARTS = ("c1", "c2")

# ------------------------------------------------------------------------------------------------ what is generated

ABANDONED = {
    "type": "abandoned",
    "key": "cart_id",
    "did": [{"event": "Product Added"}],
    "without": [{"event": "Order Completed"}],
    "after": "15m",
}
#: how often the truth must turn in a generated history, or it tells nothing
TURNS = 3


def tree(rng: Random, depth: int = 2) -> dict[str, Any]:
    """A condition as people write it."""
    kind = rng.choice(["performed", "performed", "trait", "score", *(["all", "any", "not"] if depth else [])])
    if kind == "performed":
        within = {"within": rng.choice(["12h", "24h", "90m"])} if rng.random() < 0.8 else {}
        where = [{"property": "price", "operator": "at_least", "value": 10}] if rng.random() < 0.3 else []
        at_least = rng.choice([1, 1, 2, 2, 3, 4, 5])
        return {"type": kind, "event": rng.choice(NAMES), "at_least": at_least, "where": where, **within}
    if kind in {"trait", "score"}:
        operator = rng.choice(["equals", "not_equals", "greater_than", "is_set", "is_not_set"])
        value = {} if operator.startswith("is") else {"value": rng.randint(0, 2)}
        subject = {"trait": rng.choice(["name", "city"])} if kind == "trait" else {"model": SHOPPER_CLUSTERS}
        return {"type": kind, **subject, "operator": operator, **value}
    if kind == "not":
        return {"type": kind, "condition": tree(rng, depth - 1)}
    return {"type": kind, "conditions": [tree(rng, depth - 1) for _ in range(rng.randint(1, 3))]}


def history(rng: Random) -> list[Event]:
    """What one person did, in order, one event an instant; many lie a window's width apart, give or take 1 ms.

    (Of several in the same millisecond each one is an instant of its own, which no clock shows.)
    """
    offsets = [0, 0, 0, -1, 1]
    times = {START + int(rng.choice([0, 0.25, 1.5, 12, 13.5, 24, 25.5, 36, 48]) * HOUR) + rng.choice(offsets)
             for _ in range(rng.randint(4, 16))}  # fmt: skip
    return [_happening(rng, time) for time in sorted(times)]


def _happening(rng: Random, time: int) -> Event:
    if rng.random() < 0.2:
        return score_event(MY_PROFILE, rng.randint(0, 3), at=time)
    name = rng.choice(NAMES)
    properties: dict[str, Any] = {"price": rng.choice([5, 10, 15])}
    if name != "Product Viewed":
        properties |= {"cart_id": rng.choice(CARTS), "product_id": "p"}
    traits = {name: rng.choice([None, 0, 1, 2, 3]) for name in ("name", "city") if rng.random() < 0.3}
    return event(name, time=time, identifiers=ME, properties=properties, traits=traits)


def _as_happened(one: Event) -> oracles.Happening:
    if one.type == SCORE:
        return oracles.Happening(one.time, "", scores={one.name: one.properties["value"]})
    return oracles.Happening(one.time, one.name, one.properties, one.traits)


# --------------------------------------------------------------------------------------------------- what is judged


class Lived:
    """A history as it happens, and what the slow way makes of it up to the present."""

    def __init__(self, when: dict[str, Any], history: list[Event]) -> None:
        self.when, self.history = when, history
        self.keys = CARTS if ABANDONED in when.get("conditions", ()) else ("",)
        self.critical = oracles.critical_instants([one.time for one in history], oracles.delays_of(when))
        self._happened = [_as_happened(one) for one in history]

    @cached_property
    def world(self) -> World:
        """Somebody without a past, known since `FIRST`."""
        world = World(decode_definition({"kind": "segment", "id": "tree", "when": self.when}), tick=0)
        world.time.now = FIRST
        world.send(event("Signed Up", message_id="first", time=FIRST, identifiers=ME))
        world.settle()
        return world

    def truth(self, at: int, key: str, arrived: list[Event] | None = None) -> bool:
        times = {one.time for one in self.history if arrived is None or one in arrived}
        return oracles.condition_holds(self.when, [one for one in self._happened if one.time in times], key, at)

    def since(self, at: int, key: str) -> int:
        """Since when it has been as it is; the person is known since `FIRST`."""
        now = self.truth(at, key)
        return oracles.true_since(lambda instant: self.truth(instant, key) is now, [FIRST, *self.critical], at)

    def through(self, visited: list[int]) -> Iterator[int]:
        """Every event at its time, timers at the visited instants only."""
        waiting = list(self.history)
        for instant in visited:
            while waiting and waiting[0].time <= instant:
                self.world.time.now = max(self.world.time.now, waiting[0].time)
                self.world.send(waiting.pop(0))
                self.world.settle()
            self.world.time.now = instant
            self.world.wake()
            self.world.settle()
            yield instant

    def stay(self, key: str) -> tuple[int, int | None] | None:
        [state] = self.world.states()
        stay = state.get("memberships", {}).get(f"tree\x1f{key}" if key else "tree")
        return (stay[0], stay[1]) if stay else None

    def check_stay(self, at: int, key: str) -> None:
        stay, since = self.stay(key), self.since(at, key)
        about = (key, at - START, stay)
        if self.truth(at, key):
            assert stay == (since, None), about
        else:
            assert stay is None or stay[1] == since, about

    def is_inside(self, key: str) -> bool:
        stay = self.stay(key)
        return stay is not None and stay[1] is None

    def told(self) -> list[tuple[type, int]]:
        changes = [change for image in self.world.profiles.images() for change in image.outbox]
        return [(type(change), change.at) for change in changes if change.segment == "tree"]

    def turns(self) -> list[tuple[type, int]]:
        """What campaigns should hear: every instant at which the truth turned; of the first cart, if it is of carts."""
        heard: list[tuple[type, int]] = []
        last = False
        for instant in sorted({FIRST, *self.critical}):
            now = self.truth(instant, self.keys[0])
            if now != last:
                heard.append((SegmentEntered if now else SegmentLeft, instant))
            last = now
        return heard


def lived(seed: int, *, cart: bool) -> Lived:
    """The first tree and history of this seed in which something happens."""
    rng = Random(seed)
    while True:
        when = {"type": "all", "conditions": [ABANDONED, tree(rng)]} if cart else tree(rng)
        life = Lived(when, history(rng))
        if len(life.turns()) >= TURNS:
            return life


@pytest.mark.parametrize("seed", seeds(60))
def test_a_tree_is_true_live_exactly_while_the_raw_events_say_so(seed: int) -> None:
    life = lived(seed, cart=False)
    for instant in life.through(life.critical):
        life.check_stay(instant, "")
    assert life.told() == life.turns()


@pytest.mark.parametrize("seed", seeds(40))
def test_a_cart_left_under_a_condition_is_in_exactly_while_both_hold(seed: int) -> None:
    life = lived(seed, cart=True)
    for instant in life.through(life.critical):
        for key in CARTS:
            life.check_stay(instant, key)


@pytest.mark.parametrize("seed", seeds(60))
def test_wake_ups_that_come_late_or_never_lose_no_instant(seed: int) -> None:
    life = lived(seed, cart=seed % 2 == 0)
    visited = sorted(Random(seed).sample(life.critical, k=len(life.critical) // 8))
    for instant in life.through(visited):
        for key in life.keys:
            life.check_stay(instant, key)


@pytest.mark.parametrize("seed", seeds(60))
def test_whatever_came_late_the_truth_is_that_of_all_that_arrived(seed: int) -> None:
    life = lived(seed, cart=seed % 2 == 0)
    world, arriving = life.world, list(life.history)
    Random(seed).shuffle(arriving)
    world.time.now = max(one.time for one in arriving)
    for number, one in enumerate(arriving, 1):
        world.send(one)
        world.settle()
        for key in life.keys:
            assert life.is_inside(key) == life.truth(world.time.now, key, arriving[:number]), (key, number)
    for instant in [at for at in life.critical if at > world.time.now]:
        world.time.now = instant
        world.wake()
        world.settle()
        for key in life.keys:
            assert life.is_inside(key) == life.truth(instant, key), (key, instant - START)
