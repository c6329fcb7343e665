"""Whoever sends webhooks sends some again, up to 7 days later: each counts once, whatever breaks and whoever is merged
with or unlinked from whom in between.
"""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.events import Event, Origin
from tests.builders import DAY, HOUR, MINUTE, NOW, event, identifiers
from tests.faults.effort import LONG, seeds
from tests.faults.unlinking import Mistaken
from tests.faults.wires import BreakAt, Fault, Moment, Steady, Wire
from tests.faults.world import World

WEEK = 7 * DAY
#: a worker may look at its clock so much later than a request was received
SLACK = 10 * MINUTE


class Store:
    """Two customers of a shop, who turn out to be one; every webhook comes again, days later."""

    def __init__(self, wire: Wire | None = None, **world: Any) -> None:
        self.world = World(wire=wire, **world)
        self._begun = self.world.time.now
        both = identifiers(shopify_customer_id="7", email="ada@example.com")
        self.orders = [
            event(
                "Order Completed",
                message_id=f"hook-{number}",
                time=NOW - HOUR + number,
                identifiers=both[number % 2 :][:1],
                properties={"order_id": str(number), "total": number},
            )
            for number in range(4)
        ]
        self._login = event(message_id="both", time=NOW - MINUTE, identifiers=both)

    def tell(self) -> Store:
        for one in self.orders:
            self.receive(one)
        self.world.settle()
        self._again(self.orders[:2], 26 * HOUR)
        self.world.send(self._login)
        self._again(self.orders, 4 * DAY)
        self._again(self.orders[::-1], WEEK - SLACK)
        return self

    def receive(self, *events: Event) -> None:
        self.world.send(*events, origin=Origin.WEBHOOK, source="store", received_at=self.world.time.now)

    def _again(self, events: list[Event], after: int) -> None:
        self.world.time.now = max(self.world.time.now, self._begun + after)
        for one in events:
            self.receive(one)
        self.world.settle()

    def outcome(self) -> dict[str, Any]:
        [state] = self.world.states()
        return {name: state.get(name) for name in ("events", "activity", "traits", "samples")}


WHOLE = Store().tell().outcome()


def calls() -> list[str]:
    wire = Steady()
    Store(wire).tell()
    return wire.calls


CALLS = calls()


def test_four_webhooks_that_came_up_to_four_times_are_four() -> None:
    assert WHOLE["events"] == 4 + 1
    assert len(Store().tell().world.stream.records) == 4 + 2 + 1 + 4 + 4


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("position", range(0, len(CALLS), 1 if LONG else 2))
def test_whatever_call_breaks_each_counts_once(position: int, fault: Fault, moment: Moment) -> None:
    store = Store(BreakAt(position, fault, moment), mapping={"bisect": True}).tell()
    assert store.outcome() == WHOLE


class HookedWorld(World):
    """Whatever anybody sends comes by a webhook."""

    def send(self, *events: Event, **overrides: Any) -> None:
        hook = {} if events[0].type.startswith("$") else {"origin": Origin.WEBHOOK, "source": "store"}
        super().send(*events, **(hook | overrides))


class Customers(Mistaken):
    """People as in `unlinking`; of what they did anything may come again within a week."""

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(seed, world=HookedWorld, **options)
        self._first: dict[str, int] = {}

    def again(self, share: float) -> Customers:
        now = self.world.time.now
        for one in self.done:
            if now < self._first.setdefault(one.message_id, now) + WEEK - SLACK and self.rng.random() < share:
                self.world.send(one, received_at=now)
        self.settle()
        return self


@pytest.mark.parametrize("seed", seeds(10, long=2_000))
def test_merged_unlinked_and_rebuilt_people_know_their_webhooks_for_a_week(seed: int) -> None:
    shop = Customers(seed, mapping={"bisect": seed % 2 == 0})
    shop.live()
    shop.again(0.5)
    shop.settle(DAY + HOUR)
    shop.join("ann", "ben").settle()
    shop.again(0.5)
    shop.live(4).settle(2 * DAY)
    shop.separate()
    shop.again(0.5)
    shop.calm()
    if not shop.lost_races():
        shop.rebuild()
    shop.settle(3 * DAY)
    shop.again(1.0)
    shop.calm()
    if not shop.lost_races():
        shop.check()
    assert sum(state.get("events", 0) for state in shop.world.states()) == len(shop.done)


def test_what_the_seeds_tell_is_of_merged_and_unlinked_people() -> None:
    shop = Customers(1, rate=0.0)
    shop.live().join("ann", "ben").settle()
    assert any(item.merged_into for item in shop.world.profiles.all_items())
    shop.separate()
    assert any(state.get("splits") for state in shop.world.states())
    shop.settle(6 * DAY)
    before = {state["profile_id"]: state.get("events") for state in shop.world.states()}
    shop.again(1.0)
    assert {state["profile_id"]: state.get("events") for state in shop.world.states()} == before
    assert [row for row in shop.world.lake.rows if b'"duplicate"' in row]
