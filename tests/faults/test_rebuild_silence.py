"""A rebuild tells nobody, whatever it finds or leaves out; what is to be told without it is told with it."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from attune.domain.definitions.kinds import Trigger
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.profile import Trait
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    campaign,
    consent_event,
    definitions,
    event,
)
from tests.faults.effort import seeds
from tests.faults.rebuilding import ME, inside, rebuild_all, the_one, told, write
from tests.faults.world import LONG_ENOUGH, World

# ---------------------------------------------------------------------------------------------------- it tells nobody


def keen_world() -> World:
    """Somebody viewed four products two hours ago, when nobody had thought of a segment for that."""
    world = World()
    views = [event(message_id=f"v{n}", time=NOW - 2 * HOUR + n, identifiers=ME) for n in range(4)]
    world._definitions._snapshot = without_keen()
    world.send(*views)
    world.settle()
    return world


def without_keen() -> Any:
    everything = definitions()
    kept = {name: one for name, one in everything.segments.items() if name != "keen"}
    return msgspec.structs.replace(everything, segments=kept)


def with_keen(world: World) -> None:
    world._definitions._snapshot = definitions(campaign(id="hello", trigger=Trigger(segment="keen")))


def test_a_segment_that_is_new_has_its_past_and_tells_nobody() -> None:
    world = keen_world()
    with_keen(world)
    assert rebuild_all(world)["rebuilt"] == 1
    assert inside(the_one(world)) == {"keen": NOW - 2 * HOUR + 3}
    world.send(event("Searched", time=world.time.now, identifiers=ME), received_at=world.time.now)
    world.pass_time(MINUTE)
    assert told(world) == []
    assert world.deliveries.all() == []


def test_the_end_of_a_stay_of_which_nobody_was_told_is_not_told() -> None:
    world = keen_world()
    with_keen(world)
    rebuild_all(world)
    world.pass_time(DAY)
    assert inside(the_one(world)) == {}
    assert told(world) == []


def test_the_end_of_a_stay_that_was_told_is_told_after_a_rebuild() -> None:
    world = World()
    for number in range(4):
        world.send(event(message_id=f"v{number}", time=NOW - HOUR + number, identifiers=ME, traits={"city": "Bonn"}))
    world.settle()
    profile = the_one(world)
    profile.traits = {}
    write(world, profile)
    assert rebuild_all(world)["rebuilt"] == 1
    world.pass_time(DAY)
    assert told(world) == [SegmentEntered("keen", NOW - HOUR + 3, ""), SegmentLeft("keen", NOW - HOUR + DAY, "")]


def cart_event(name: str, at: int, **overrides: Any) -> Any:
    return event(name, time=at, identifiers=ME, properties={"cart_id": "c", "product_id": "p"}, **overrides)


@pytest.mark.parametrize("minutes", [1, 14, 15, 16, 17, 20, 60])
def test_a_cart_reminder_that_is_still_to_come_comes_once(minutes: int) -> None:
    """Before the cart counts as abandoned, while its grace lasts, after it was told: with a rebuild as without."""
    sent = []
    for rebuilt in (False, True):
        world = World(tick=0)
        world.send(cart_event("Product Added", NOW, message_id="added"))
        world.settle()
        world.pass_time(minutes * MINUTE)
        if rebuilt:
            profile = the_one(world)
            profile.traits = {"wrong": Trait(1, 1, b"x")}
            write(world, profile)
            assert rebuild_all(world)["rebuilt"] == 1
            assert the_one(world).traits == {}
        world.pass_time(LONG_ENOUGH)
        sent.append(([one.delivery_id for one in world.deliveries.all()], told(world)))
    assert sent[0] == sent[1]
    assert len(sent[0][0]) == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_a_history_that_is_sent_again_long_after_tells_nobody(at_once: bool) -> None:
    """By the API, in one request or one after the other: what is long past is no cause for a message."""
    world = World()
    old = NOW - 20 * DAY
    views = [event(message_id=f"v{n}", time=old + n * MINUTE, identifiers=ME) for n in range(4)]
    cart = [
        cart_event("Product Added", old + HOUR, message_id="added"),
        cart_event("Order Completed", old + 3 * HOUR, message_id="ordered"),
    ]
    for _ in range(2):
        for request in [[*views, *cart]] if at_once else [[one] for one in [*views, *cart]]:
            world.send(*request, received_at=world.time.now)
            world.settle()
        world.pass_time(26 * HOUR)
        now = world.time.now  # by which what was sent first is forgotten
        world.send(event("Searched", time=now, identifiers=ME), received_at=now)
        world.settle()
    assert the_one(world).events == 2 * len([*views, *cart, "Searched"])
    assert told(world) == []
    assert world.deliveries.all() == []


# -------------------------------------------------------------------------------------------------- what was withdrawn


@pytest.mark.parametrize("seed", seeds(20, long=1_000))
def test_what_was_accepted_before_a_withdrawal_reached_us_and_is_dated_after_it_is_left_out(seed: int) -> None:
    rng = Random(seed)
    world = World(seed=seed)
    times = sorted(rng.sample(range(NOW - 20 * HOUR, NOW, MINUTE), 12))
    for at in rng.sample(times, len(times)):
        said = event(message_id=f"m{at}", time=at, identifiers=ME, traits={f"t{at}": 1}, consent=EVERYTHING)
        world.send(said, received_at=NOW)
    world.settle()
    withdrawn, granted = sorted(rng.sample([*times, NOW - 21 * HOUR, NOW - SECOND], 2))
    again = rng.random() < 0.6
    words = [(withdrawn, False), *([(granted, True)] if again else [])]
    for at, word in words:
        said = consent_event({"analytics": word}, time=at, identifiers=ME, message_id=f"said{at}")
        world.send(said, received_at=NOW)
        world.settle()
    held = [at for at in times if at < withdrawn or (again and at >= granted)]
    before = told(world)
    counts = rebuild_all(world)
    profile = the_one(world)
    assert set(profile.traits) == {f"t{at}" for at in held}
    assert (profile.activity.views if profile.activity else 0) == len(held)
    assert counts["incomplete"] == 0
    assert rebuild_all(world)["unchanged"] == 1
    assert told(world) == before


def test_nothing_of_a_withdrawal_is_told() -> None:
    """The stay ends when the word comes: nothing may be done with what it rests on. A rebuild takes it out unheard."""
    world = World()
    for number in range(4):
        world.send(event(message_id=f"v{number}", time=NOW - HOUR + number, identifiers=ME))
    world.settle()
    said = consent_event({"analytics": False}, time=NOW - 2 * HOUR, identifiers=ME)
    world.send(said, received_at=NOW)
    world.settle()
    before = told(world)
    assert [type(one) for one in before] == [SegmentEntered, SegmentLeft]
    rebuild_all(world)
    assert inside(the_one(world)) == {}
    world.pass_time(2 * DAY)
    assert told(world) == before
