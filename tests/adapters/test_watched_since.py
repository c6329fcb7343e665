"""`DefinitionHistory`: since when a campaign has been started by its segment, over edits, deletions, comings back."""

from __future__ import annotations

from typing import Protocol

import pytest

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.memory import MemoryDefinitions
from attune.domain.definitions.kinds import Trigger
from attune.ports.editing import DefinitionHistory, DefinitionStore
from tests.adapters.cloud import Cloud
from tests.builders import HOUR, NOW, campaign

CART, KEEN = Trigger(segment="abandoned_cart"), Trigger(segment="keen")


class Remembering(DefinitionStore, DefinitionHistory, Protocol):
    """A store that knows its past."""


class Desk:
    def __init__(self, cloud: Cloud | None) -> None:
        self.now = NOW
        self.store: Remembering = (
            DynamoDefinitions(cloud.client("dynamodb"), cloud.table("definitions"), clock=lambda: self.now)
            if cloud
            else MemoryDefinitions(clock=lambda: self.now)
        )

    def put(self, at: int, trigger: Trigger = CART, **fields: object) -> None:
        self.now = at
        known = self.store.get("campaign", "cart_reminder")
        self.store.put(campaign(trigger=trigger, **fields), read_version=known[0] if known else None)

    def delete(self, at: int) -> None:
        self.now = at
        known = self.store.get("campaign", "cart_reminder")
        assert known is not None
        self.store.delete("campaign", "cart_reminder", read_version=known[0])

    def since(self, segment: str = "abandoned_cart") -> int:
        return self.store.watched_since("cart_reminder", segment)


@pytest.fixture
def desk(backend: Cloud | None) -> Desk:
    return Desk(backend)


def test_of_a_campaign_that_is_not_there_nobody_knows(desk: Desk) -> None:
    assert desk.since() == 0


def test_since_it_was_put_there_whatever_else_was_changed(desk: Desk) -> None:
    desk.put(NOW)
    desk.put(NOW + HOUR, message={"text": "other words"})
    assert desk.since() == NOW


def test_since_it_is_started_by_this_segment(desk: Desk) -> None:
    desk.put(NOW, KEEN)
    desk.put(NOW + HOUR)
    assert (desk.since(), desk.since("keen")) == (NOW + HOUR, 0)
    desk.put(NOW + 2 * HOUR, KEEN)
    desk.put(NOW + 3 * HOUR)
    assert desk.since() == NOW + 3 * HOUR


def test_since_it_came_back(desk: Desk) -> None:
    desk.put(NOW)
    desk.delete(NOW + HOUR)
    desk.put(NOW + 2 * HOUR)
    assert desk.since() == NOW + 2 * HOUR


def test_a_campaign_with_a_longer_name_is_another(desk: Desk) -> None:
    desk.put(NOW)
    desk.now = NOW + HOUR
    desk.store.put(campaign(id="cart_reminder-2"), read_version=None)
    assert (desk.since(), desk.store.watched_since("cart_reminder-2", "abandoned_cart")) == (NOW, NOW + HOUR)
