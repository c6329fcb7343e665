"""Campaigns on the ready-made segments: exactly one message, and none where a late order ends the stay in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.kinds import Segment, Trigger
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, campaign, consent_event, event, identify
from tests.faults.world import World
from tests.library.shopper import LIBRARY

SHIRT = {"product_id": "shirt", "cart_id": "c1", "total": 40, "products": [{"product_id": "shirt"}]}


@dataclass(frozen=True)
class Case:
    """What leads into the segment (ms since `NOW`, event), when that is entered, and what late news undoes it."""

    segment: str
    leads: tuple[tuple[int, str], ...]
    entered: int
    undoes: tuple[int, str]

    @property
    def grace(self) -> int:
        segment = LIBRARY[self.segment]
        assert isinstance(segment, Segment)
        return milliseconds(segment.grace)


CASES = (
    Case("abandoned_cart", ((0, "Product Added"),), 15 * MINUTE, (14 * MINUTE, "Order Completed")),
    Case("browse_abandonment", ((0, "Product Viewed"),), HOUR, (50 * MINUTE, "Order Completed")),
    Case("first_time_buyer", ((0, "Order Completed"),), 0, (MINUTE, "Order Completed")),
    Case(
        "at_risk", ((0, "Order Completed"), (10 * DAY, "Order Completed")), 70 * DAY, (70 * DAY - 1, "Order Completed")
    ),
    Case("lapsed", ((0, "Order Completed"),), 180 * DAY, (180 * DAY - 1, "Order Completed")),
)


def shop(segment: str) -> World:
    """A deployment with this segment of the library and one campaign, which it triggers."""
    return World(LIBRARY[segment], campaign(trigger=Trigger(segment=segment)), tick=0)


def pass_to(world: World, offset: int) -> None:
    """Everything happens up to so long after `NOW`."""
    world.settle(until=NOW + offset)
    world.time.now = max(world.time.now, NOW + offset)


def happens(world: World, offset: int, name: str, **more: Any) -> None:
    """Our customer does something, so long after `NOW`, and it arrives now."""
    fields = {"identifiers": identify().identifiers, "properties": SHIRT} | more
    world.send(event(name, time=NOW + offset, **fields))
    world.settle()


def lead_in(case: Case) -> World:
    world = shop(case.segment)
    for offset, name in case.leads:
        pass_to(world, offset)
        happens(world, offset, name)
    return world


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.segment)
def test_one_message_leaves_after_the_grace_and_no_second(case: Case) -> None:
    world = lead_in(case)
    pass_to(world, case.entered + case.grace - SECOND)
    assert len(world.sender.posts) == 0
    pass_to(world, case.entered + case.grace + 10 * SECOND)
    assert len(world.sender.posts) == 1
    pass_to(world, case.entered + 3 * DAY)
    assert len(world.sender.posts) == 1


@pytest.mark.parametrize("case", CASES, ids=lambda one: one.segment)
def test_an_order_that_arrives_within_the_grace_leaves_nothing_to_send(case: Case) -> None:
    world = lead_in(case)
    pass_to(world, case.entered + case.grace - SECOND)
    happens(world, *case.undoes)
    pass_to(world, case.entered + 3 * DAY)
    assert world.sender.posts == []


def test_every_product_that_was_looked_at_has_a_message_of_its_own() -> None:
    world = shop("browse_abandonment")
    for product in ("shirt", "shoes", "shirt"):
        happens(world, 0, "Product Viewed", properties={"product_id": product})
    pass_to(world, DAY)
    assert len(world.sender.posts) == 2


def test_a_new_subscriber_is_welcomed_once() -> None:
    world = shop("new_subscriber")
    for day in (0, 1, 20):
        pass_to(world, day * DAY)
        happens(world, day * DAY, "Signed Up")
        assert len(world.sender.posts) == 1


def test_nobody_is_welcomed_without_consent() -> None:
    world = shop("new_subscriber")
    happens(world, 0, "Signed Up", consent={"analytics": True, "personalization": True, "email": False})
    pass_to(world, DAY)
    assert world.sender.posts == []
    # in the preference centre a day later: now it is somebody to welcome
    world.send(consent_event({"email": True}, time=NOW + DAY, identifiers=identify().identifiers))
    pass_to(world, DAY + MINUTE)
    assert len(world.sender.posts) == 1
