"""Between a timer's start and the message's departure everything may change; nothing irrevocable happens on what was
true before.
"""

from __future__ import annotations

import pytest

from attune.domain.events import Event
from attune.domain.profiles.changes import SegmentEntered
from tests.builders import MINUTE, NOW, SECOND, consent_event, event, identifiers, identify
from tests.faults.world import World

ME = identifiers(anonymous_id="me")
CART = {"cart_id": "c1", "product_id": "p1"}
DUE, GRACE = 15 * MINUTE, 2 * MINUTE


def filled_cart() -> World:
    world = World()
    world.send(event("Product Added", message_id="add", identifiers=ME, properties=CART))
    return world


def order(at: int = NOW + MINUTE) -> Event:
    return event("Order Completed", message_id="order", identifiers=ME, properties=CART, time=at)


def withdrawal(at: int, purpose: str = "email") -> Event:
    return consent_event({purpose: False}, message_id=f"no-{purpose}", identifiers=ME, time=at)


def entries(world: World) -> list[SegmentEntered]:
    told = [change for image in world.profiles.images() for change in image.outbox]
    return [change for change in told if isinstance(change, SegmentEntered)]


def outcomes(world: World) -> list[tuple[str, str]]:
    return [(str(one.state), one.reason) for one in world.deliveries.all()]


def test_an_abandoned_cart_is_told_and_sent_once() -> None:
    world = filled_cart()
    world.pass_time(DUE + GRACE + MINUTE)
    assert entries(world) == [SegmentEntered("abandoned_cart", NOW + DUE, "c1")]
    assert (outcomes(world), len(world.sender.posts)) == ([("delivered", "")], 1)


def test_nothing_is_told_before_the_grace_is_over() -> None:
    world = filled_cart()
    world.pass_time(DUE + GRACE - MINUTE)
    assert entries(world) == []


@pytest.mark.parametrize("minutes", [1, 14, 16])
def test_an_order_before_the_end_of_the_grace_leaves_nothing_to_tell(minutes: int) -> None:
    world = filled_cart()
    world.pass_time(minutes * MINUTE)
    world.send(order(at=NOW + minutes * MINUTE))
    world.pass_time(60 * MINUTE)
    assert (entries(world), world.deliveries.all(), world.sender.posts) == ([], [], [])


def test_an_order_that_arrives_late_cancels_too() -> None:
    world = filled_cart()
    world.pass_time(DUE + MINUTE)
    world.send(order(at=NOW + 5 * SECOND))
    world.pass_time(60 * MINUTE)
    assert (entries(world), world.deliveries.all()) == ([], [])


def test_a_wake_up_before_its_time_tells_nothing() -> None:
    world = filled_cart()
    world.settle()
    [item] = world.live_items()
    for minutes in (1, 10, 14):
        world.time.now = NOW + minutes * MINUTE
        world.wake()
        world.settle()
    assert entries(world) == []
    assert item.due_at == NOW + DUE


def test_an_order_between_claim_and_send_stops_the_message() -> None:
    world = filled_cart()
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    assert outcomes(world) == [("claimed", "")]
    world.send(order(at=world.time.now))
    world.settle(sending=False)
    world.settle()
    assert outcomes(world) == [("not_sent", "left_segment")]
    assert world.sender.posts == []


@pytest.mark.parametrize("purpose", ["email", "personalization"])
def test_a_withdrawal_between_claim_and_send_stops_the_message(purpose: str) -> None:
    world = filled_cart()
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    world.send(withdrawal(world.time.now, purpose))
    world.settle(sending=False)
    world.settle()
    assert outcomes(world) == [("not_sent", "no_consent")]
    assert world.sender.posts == []


def test_a_hold_stops_the_message_before_the_stream_has_carried_it() -> None:
    world = filled_cart()
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    [key] = [world.pseudonyms.key(identifier) for identifier in ME]
    world.holds.place(key, {"email": world.time.now}, world.time.now // 1_000 + 86_400)
    world.settle()
    assert outcomes(world) == [("not_sent", "held")]
    assert world.sender.posts == []


def test_a_profile_that_merges_between_claim_and_send_gets_its_message_under_the_same_id() -> None:
    world = filled_cart()
    world.send(identify({"first_name": "Ann"}, message_id="name", identifiers=identifiers(user_id="u")))
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    [claimed] = world.deliveries.all()
    both = identifiers(anonymous_id="me", user_id="u")
    world.send(identify(message_id="login", identifiers=both, time=world.time.now))
    world.settle(sending=False)
    world.settle()
    assert outcomes(world) == [("delivered", "")]
    assert [post.headers["webhook-id"] for post in world.sender.posts] == [claimed.delivery_id]
    world.pass_time(60 * MINUTE)
    assert len(world.sender.posts) == 1


def test_who_withdraws_everything_is_never_segmented_again() -> None:
    world = filled_cart()
    world.settle()
    world.send(withdrawal(NOW + MINUTE, "analytics"))
    world.send(withdrawal(NOW + MINUTE, "personalization"))
    world.send(
        event("Product Added", message_id="later", identifiers=ME, properties=CART, time=NOW + 2 * MINUTE, consent=None)
    )
    world.pass_time(60 * MINUTE)
    assert (entries(world), world.sender.posts) == ([], [])
