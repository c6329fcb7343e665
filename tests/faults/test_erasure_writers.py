"""Whoever else writes profiles, and whenever somebody is forgotten in the midst of it: they stay forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attune.domain.definitions.kinds import Definitions
from attune.domain.profiles.profile import Trait
from attune.domain.segments import compile_segments
from attune.use_cases.past.settle_profiles import Settlement, SettleProfiles
from tests.builders import HOUR, MINUTE, event, identifiers
from tests.faults.erasing import erase_event
from tests.faults.rebuilding import rebuild_all, the_one, write
from tests.faults.repairs import Repairs
from tests.faults.wires import Steady, wired
from tests.faults.world import World

ADA = identifiers(user_id="ada", anonymous_id="phone")


class Between:
    """At the `position`-th call the world forgets Ada first."""

    def __init__(self, world: World, position: int) -> None:
        self.calls = 0
        self._world, self._position = world, position

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        del name
        self.calls += 1
        if self.calls == self._position:
            forget(self._world)
        return call()


def forget(world: World) -> None:
    world.send(erase_event(ADA[0], time=world.time.now), received_at=world.time.now)
    world.settle()


def lived() -> World:
    """She left a cart an hour ago, and a trait of hers is not what her events say."""
    world = World()
    cart = {"cart_id": "hers", "product_id": "p"}
    world.send(event("Product Added", identifiers=ADA, properties=cart, traits={"name": "Ada"}))
    world.pass_time(HOUR)
    changed = the_one(world)
    said = changed.traits["name"]
    changed.traits["name"] = Trait("Eve", said.time, said.order)
    write(world, changed)
    return world


def rebuild(world: World, wire: Any) -> None:
    rebuild_all(world, wire=wire)


def settle_takeover(world: World, wire: Any) -> None:
    settle = SettleProfiles(
        everybody=world.profiles,
        profiles=wired(wire, "settle", world.profiles),
        count=lambda *_: None,
        pause=lambda _: None,
    )
    nothing = Settlement(compile_segments(Definitions()), world.time.now, gone={"abandoned_cart", "keen"}, new=())
    settle("", nothing)


def repair(world: World, wire: Any) -> None:
    world.deliveries = type(world.deliveries)()
    Repairs(world, wire).effects(0)


WRITERS = (rebuild, settle_takeover, repair)


def is_forgotten(world: World) -> bool:
    [item] = world.profiles.all_items()
    return item.state == b"" and item.erased_at is not None and item.outbox == () and item.due_at is None


@pytest.mark.parametrize("writer", WRITERS)
def test_somebody_is_forgotten_at_any_call_of_it(writer: Callable[[World, Any], None]) -> None:
    steady = Steady()
    writer(lived(), steady)
    assert len(steady.calls) >= 2
    for position in range(1, len(steady.calls) + 1):
        world = lived()
        sent = len(world.sender.posts)
        writer(world, Between(world, position))
        assert is_forgotten(world), position
        world.pass_time(MINUTE)
        assert len(world.sender.posts) == sent
        writer(world, Steady())
        assert is_forgotten(world)
        world.pass_time(HOUR)
        assert len(world.sender.posts) == sent


@pytest.mark.parametrize("writer", [rebuild, settle_takeover])
def test_it_writes_where_nobody_is_forgotten(writer: Callable[[World, Any], None]) -> None:
    world = lived()
    [before] = world.live_items()
    writer(world, Steady())
    [after] = world.live_items()
    assert after.version == before.version + 1
