"""When a reminder leaves and a window runs out, to the millisecond: every function on one clock that a test moves."""

from __future__ import annotations

import pytest

from attune.domain.definitions.conditions import Performed
from attune.domain.profiles.state import decode_profile
from tests.builders import MINUTE, NOW, SECOND, event, identifiers, identify, views_segment
from tests.faults.world import World

#: builders.cart_segment: 15 minutes, and 2 of grace
DUE = NOW + 15 * MINUTE
LEAVES = DUE + 2 * MINUTE
CART = {"cart_id": "c1", "product_id": "p1", "name": "Shirt"}


def left_cart() -> World:
    """A customer with consent has filled a cart at NOW and gone."""
    world = World(tick=0)
    world.send(
        identify({"first_name": "Ada"}), event("Product Added", identifiers=identify().identifiers, properties=CART)
    )
    world.settle()
    return world


def run_at(world: World, instant: int) -> int:
    """The minute's wake run at this instant, and all it leads to at once; answers how many messages have left."""
    world.time.now = instant
    world.wake()
    world.settle(until=instant)
    return len(world.sender.posts)


@pytest.mark.parametrize("offset", [0, 1, 20 * SECOND, MINUTE - 1])
def test_the_reminder_leaves_in_the_first_wake_run_after_due_and_grace(offset: int) -> None:
    world = left_cart()
    runs = [NOW + offset + minute * MINUTE for minute in range(1, 25)]
    left = [run_at(world, instant) for instant in runs]
    first = next(instant for instant in runs if instant >= LEAVES)
    assert left == [0 if instant < first else 1 for instant in runs]


@pytest.mark.parametrize("minute", range(18))
def test_an_order_at_any_time_before_it_leaves_cancels_it(minute: int) -> None:
    world = left_cart()
    for instant in (NOW + n * MINUTE for n in range(minute)):
        run_at(world, instant)
    world.time.now = max(world.time.now, NOW + minute * MINUTE - 1)
    world.send(event("Order Completed", time=world.time.now, identifiers=identify().identifiers, properties=CART))
    world.settle()
    for instant in (NOW + n * MINUTE for n in range(minute, 30)):
        assert run_at(world, instant) == 0


def test_a_withdrawal_before_it_leaves_stops_it_and_the_delivery_says_so() -> None:
    world = left_cart()
    world.send(event(consent={"email": False}, time=NOW, identifiers=identify().identifiers))
    world.settle()
    assert run_at(world, LEAVES) == 0
    assert [(delivery.state, delivery.reason) for delivery in world.deliveries.all()] == [("not_sent", "no_consent")]


def test_missing_runs_are_made_up_for_by_the_next() -> None:
    world = left_cart()
    assert run_at(world, LEAVES + 60 * MINUTE) == 1


def test_an_order_that_was_on_its_way_for_the_whole_grace_still_cancels() -> None:
    world = left_cart()
    assert run_at(world, DUE + MINUTE) == 0
    late = event("Order Completed", time=NOW + MINUTE, identifiers=identifiers(user_id="u1"), properties=CART)
    world.send(late)
    world.settle()
    assert run_at(world, LEAVES + MINUTE) == 0


@pytest.mark.parametrize("offset", [0, 1, 20 * SECOND - 1, 20 * SECOND, 20 * SECOND + 1, MINUTE - 1])
def test_a_window_exit_happens_in_the_first_wake_run_after_it_is_due(offset: int) -> None:
    """Somebody looks once, and nothing else ever happens; runs come once a minute, `offset` after the look."""
    world = World(views_segment(when=Performed(event="Product Viewed", within="20s")), tick=0)
    world.send(event())
    world.settle()
    folded = world.live_items()[0].version
    runs = [NOW + offset + minute * MINUTE for minute in range(4)]
    exits = []
    for instant in runs:
        run_at(world, instant)
        exits.append(decode_profile(world.live_items()[0].state).memberships["keen"].left_at)
    first = next(instant for instant in runs if instant >= NOW + 20 * SECOND)
    assert exits == [None if instant < first else NOW + 20 * SECOND for instant in runs]
    # the run that had something to do woke the profile, and no other did
    assert world.live_items()[0].version == folded + 1
