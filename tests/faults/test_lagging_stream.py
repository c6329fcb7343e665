"""What reached us in time counts in time, however far behind the stream is read: campaigns hear of an entry only once
nothing that was received within its grace can lie further back.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.definitions.conditions import ScoreTest
from attune.domain.events import Rejected
from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.profiles.changes import SegmentEntered
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, consent_event, event, identifiers, model, vip_segment
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.troubles import Outage
from tests.faults.wires import Unreliable
from tests.faults.world import World

ME = identifiers(anonymous_id="me")
CART = {"cart_id": "c", "product_id": "p"}
DUE, GRACE = 15 * MINUTE, 2 * MINUTE
ENTERED = SegmentEntered("abandoned_cart", NOW + DUE, "c")


def send(world: World, name: str, at: int) -> None:
    one = event(name, message_id=f"{name}-{at}", identifiers=ME, properties=CART, time=at)
    world.send(one, received_at=at)


def behind(seed: int = 1, **world: Any) -> World:
    """A cart was filled, and the stream is read record by record."""
    made = World(seed=seed, mapping={"batch_size": 1}, **world)
    send(made, "Product Added", NOW)
    return made


def work_off(world: World) -> None:
    """What lies on the stream, and nobody is woken."""
    world.settle(until=NOW)


def told(world: World) -> list[Any]:
    return [change for image in world.profiles.images() for change in image.outbox]


def messages(world: World) -> set[str]:
    return {post.headers["webhook-id"] for post in world.sender.posts}


@pytest.mark.parametrize("seed", seeds(6))
def test_who_ordered_in_time_is_not_reminded_after_an_outage(seed: int) -> None:
    world = behind(seed)
    send(world, "Order Completed", NOW + MINUTE)
    world.time.now = NOW + HOUR
    world.settle()
    world.pass_time(HOUR)
    assert (told(world), world.deliveries.all(), world.sender.posts) == ([], [], [])


@pytest.mark.parametrize("purpose", ["email", "personalization"])
@pytest.mark.parametrize("seed", seeds(6))
def test_who_withdrew_in_time_is_not_reminded_after_an_outage(seed: int, purpose: str) -> None:
    world = behind(seed)
    at = NOW + MINUTE
    withdrawal = consent_event({purpose: False}, message_id="no", identifiers=ME, time=at)
    world.send(withdrawal, received_at=at)
    world.time.now = NOW + HOUR
    world.settle()
    world.pass_time(HOUR)
    assert world.sender.posts == []


@pytest.mark.parametrize("seed", seeds(10, long=1_000))
def test_who_ordered_in_time_is_not_reminded_however_far_behind_and_rough_it_is(seed: int) -> None:
    """Wake-ups were put on the stream all the while, and others' events; calls break."""
    rng = Random(seed)
    wire = Unreliable(Random(seed + 1), rate=0.05)
    world = behind(seed, schedule=Schedule(again=0.1, zombie=0.02, parallel=2), wire=wire)
    send(world, "Order Completed", NOW + rng.randint(1, (DUE + GRACE) // SECOND - 1) * SECOND)
    for minute in range(18, rng.randint(20, 90)):
        world.time.now = NOW + minute * MINUTE
        if rng.random() < 0.2:
            send(world, "Product Viewed", world.time.now)
        world.wake()
    world.settle()
    wire.rate = 0.0
    world.pass_time(HOUR)
    assert world.sender.posts == []


def test_an_order_in_the_part_of_a_request_that_is_folded_later_counts_in_time() -> None:
    """A request that needs several transactions holds a cart that was left long before, and its order."""
    world, devices = World(), range(40)
    for number in devices:
        alone = identifiers(anonymous_id=f"d{number}", cart_token=f"t{number}")
        world.send(event("Page", message_id=f"alone-{number}", time=NOW, identifiers=alone))
    world.settle()
    names = ["Product Added", *(["Page"] * (len(devices) - 2)), "Order Completed"]
    together = [
        event(
            name,
            message_id=f"together-{number}",
            time=NOW + number * SECOND,
            identifiers=identifiers(user_id="u", anonymous_id=f"d{number}", cart_token=f"t{number}"),
            properties=CART,
        )
        for number, name in zip(devices, names, strict=True)
    ]
    world.time.now = NOW + HOUR
    world.send(*together)
    world.pass_time(HOUR)
    assert len(world.states()) == 1
    assert (told(world), world.sender.posts) == ([], [])


@pytest.mark.parametrize("seed", seeds(6))
def test_a_lag_delays_a_message_and_does_not_lose_it(seed: int) -> None:
    """Who is due is woken at once, behind what lies on the stream by then."""
    world = behind(seed)
    send(world, "Product Viewed", NOW + 16 * MINUTE)
    world.time.now = NOW + HOUR
    work_off(world)
    assert told(world) == []
    [item] = world.live_items()
    assert item.due_at is not None
    assert NOW + HOUR < item.due_at <= world.time.now + 1
    world.pass_time(MINUTE)
    assert told(world) == [ENTERED]
    assert len(messages(world)) == 1
    world.pass_time(HOUR)
    assert len(messages(world)) == 1


def test_what_was_received_after_the_grace_tells_of_the_entry_without_a_wake_up() -> None:
    world = behind()
    send(world, "Product Viewed", NOW + DUE + GRACE)
    world.time.now = NOW + HOUR
    work_off(world)
    assert told(world) == [ENTERED]


@pytest.mark.parametrize("lag", [SECOND, HOUR])
def test_an_entry_without_grace_is_told_with_the_event_that_caused_it(lag: int) -> None:
    """Also one by a score that was reckoned with the event."""
    scored = vip_segment(when=ScoreTest(model=SHOPPER_CLUSTERS, value="lapsed"))
    world = World(scored, models=[model()])
    views = [event(message_id=f"m{number}", identifiers=ME, time=NOW + number) for number in range(4)]
    world.send(*views, received_at=NOW + SECOND)
    world.time.now = NOW + SECOND + lag
    work_off(world)
    assert told(world) == [SegmentEntered("keen", NOW + 3), SegmentEntered("vip", NOW + SECOND)]
    assert len(world.profiles.images()) == 1


@pytest.mark.parametrize("seed", range(8))
def test_a_wake_up_does_not_overtake_an_order_that_waits_for_quarantine(seed: int) -> None:
    """It may lie in the same batch, under another key."""
    wire = Outage("process_events.quarantine", NOW + MINUTE, 2 * HOUR)
    world = World(seed=seed, wire=wire, mapping={"batch_size": 10, "pause": MINUTE})
    wire.clock = lambda: world.time.now
    send(world, "Product Added", NOW)
    work_off(world)
    at = NOW + 2 * MINUTE
    order = event("Order Completed", message_id="o", identifiers=ME, properties=CART, time=at)
    world.send(order, received_at=at, rejected=[Rejected(reason="unknown_type", raw=b"{}")])
    world.time.now = NOW + 20 * MINUTE
    world.wake()
    world.pass_time(5 * HOUR)
    assert (told(world), messages(world)) == ([], set())


def test_history_that_is_sent_again_piece_by_piece_tells_nobody() -> None:
    """A cart of 20 days ago stands abandoned until the order of 20 days ago is read, which lies further back."""
    world, then = World(mapping={"batch_size": 1}), NOW - 20 * DAY
    for name, at in (("Product Added", then), ("Product Viewed", then + HOUR), ("Order Completed", then + 2 * HOUR)):
        one = event(name, message_id=name, identifiers=ME, properties=CART, time=at)
        world.send(one, received_at=world.time.now)
        world.settle()
        world.pass_time(HOUR)
    [state] = world.states()
    assert state["events"] == 3
    assert state["memberships"]["abandoned_cart\x1fc"][:2] == [then + DUE, then + 2 * HOUR]
    assert (told(world), messages(world)) == ([], set())


def test_an_entry_is_told_though_nobody_was_woken_for_more_than_a_day() -> None:
    world = behind()
    work_off(world)
    world.time.now = NOW + 40 * HOUR
    world.wake()
    work_off(world)
    assert told(world) == [ENTERED]
