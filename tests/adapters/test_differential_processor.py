"""Whole lives on rough schedules, once on stores in memory and once at AWS: not a row, an item or a message differs."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.campaigns.deliveries import Delivery
from attune.domain.profiles.timers import DUE_SHARDS
from attune.ports import Commit, Due, ProfileItem
from tests.adapters.cloud import Cloud
from tests.adapters.twins import FAR, Tables, dynamo_due, read_ledger, tables
from tests.faults import test_consent_flips, test_erasure, test_schedules
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import LONG_ENOUGH, World


class TabledProfiles(DynamoProfiles):
    """With what a world asks of its stores beside the ports: all items, by age, and the table's change stream."""

    def __init__(self, cloud: Cloud, at: Tables) -> None:
        client = cloud.client("dynamodb")
        index = dynamo_due(client, at)
        super().__init__(client, profiles=at.profiles, identities=at.identities, ledger=at.ledger)
        self.due, self.marks, self.set_marks = index.due, index.marks, index.set_marks
        self.ledger: Callable[[str], Any] = lambda profile_id: read_ledger(client, at.ledger, profile_id)
        self._images: list[ProfileItem] = []

    def commit(self, commit: Commit) -> None:
        super().commit(commit)
        self._images += [item for _, item in commit.items]

    def images(self, start: int = 0) -> list[ProfileItem]:
        return self._images[start:]

    def all_items(self) -> list[ProfileItem]:
        known = dict.fromkeys(item.profile_id for item in self._images)
        found = self.items(known, consistent=True)
        return [found[profile_id] for profile_id in known]


class TabledDeliveries(DynamoDeliveries):
    """With all of them in order of their claims."""

    def __init__(self, cloud: Cloud, at: Tables) -> None:
        super().__init__(cloud.client("dynamodb"), at.deliveries)
        self._claimed: dict[tuple[str, str], None] = {}

    def claim(self, delivery: Delivery) -> Delivery:
        self._claimed[delivery.profile_id, delivery.delivery_id] = None
        return super().claim(delivery)

    def all(self) -> list[Delivery]:
        return [found for one in self._claimed if (found := self.get(*one))]


def move(world: World, cloud: Cloud) -> None:
    """A world in which nothing has happened yet goes on at AWS."""
    at = tables(cloud)
    stores: dict[str, Any] = {
        "profiles": TabledProfiles(cloud, at),
        "deliveries": TabledDeliveries(cloud, at),
        "holds": DynamoHolds(cloud.client("dynamodb"), at.identities),
    }
    vars(world).update(stores)


def everything(world: World) -> dict[str, Any]:
    """All that was stored, archived, put aside and sent."""
    profiles: Any = world.profiles
    items = profiles.all_items()
    linked = {key for state in world.states() for key in state.get("links", ())}
    keys = sorted(linked | {world.pseudonyms.key(one) for one in (*test_erasure.ADA, *test_erasure.BEN)})
    return {
        "items": items,
        "images": profiles.images(),
        "identities": profiles.identities(keys, consistent=True),
        "ledger": [profiles.ledger(item.profile_id) for item in items],
        "due": [sorted(profiles.due(shard, Due(0, ""), FAR, 1_000)) for shard in range(DUE_SHARDS)],
        "marks": profiles.marks(),
        "deliveries": world.deliveries.all(),
        "rows": world.lake.rows,
        "quarantine": world.quarantine.all(),
        "posts": world.sender.posts,
        "now": world.time.now,
    }


def customers(seed: int, cloud: Cloud | None) -> World:
    """People on several devices: founded, merged, repeated, with carts that are left, and reminded."""
    life = test_schedules.Life(seed, shards=1 + seed % 3)
    if cloud:
        move(life.world, cloud)
    life.live(rounds=2)
    life.end()
    life.world.pass_time(LONG_ENOUGH)
    return life.world


def doubter(seed: int, cloud: Cloud | None) -> World:
    """Somebody who consents and withdraws, on devices and through the shop."""
    rough = Schedule(again=0.3, zombie=0.02, parallel=1)
    life = test_consent_flips.Life(seed, prompt=False, schedule=rough, wire=Unreliable(Random(seed), rate=0.05))
    if cloud:
        move(life.world, cloud)
    for _ in range(4):
        life.go_on(sends=6)
        life.world.settle()
    return life.world


def forgotten(seed: int, cloud: Cloud | None) -> World:
    """Somebody who is erased in the midst of what they do, and comes back."""
    lives = test_erasure.Lives(2 * seed)
    if cloud:
        move(lives.world, cloud)
    lives.say(*test_erasure.ADA)
    lives.settle().live(6).erase(test_erasure.ADA[seed % 5], suppress=seed % 2 > 0).live(6).calm()
    lives.again().live(4, before=0).settle()
    return lives.world


LIVES = [customers, doubter, forgotten]


def live_twice(live: Callable[[int, Cloud | None], World], seed: int, cloud: Cloud) -> dict[str, Any]:
    expected, found = everything(live(seed, None)), everything(live(seed, cloud))
    for what, values in expected.items():
        assert found[what] == values, what
    return expected


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("live", LIVES)
def test_the_processor_comes_to_the_same_at_aws(
    live: Callable[[int, Cloud | None], World], seed: int, moto_cloud: Cloud
) -> None:
    live_twice(live, seed, moto_cloud)


@pytest.mark.cloud
@pytest.mark.parametrize("seed", seeds(2))
@pytest.mark.parametrize("live", LIVES)
def test_the_processor_comes_to_the_same_on_the_local_cloud(
    live: Callable[[int, Cloud | None], World], seed: int, local_cloud: Cloud
) -> None:
    live_twice(live, 1_000 + seed, local_cloud)


def test_the_lives_are_about_something() -> None:
    worlds = [everything(live(seed, None)) for live in LIVES for seed in range(2)]
    for what in ("identities", "ledger", "due", "deliveries", "posts", "rows"):
        assert any(any(world[what]) for world in worlds), what
    assert any(item.merged_into for world in worlds for item in world["items"])
    assert any(item.erased_at for world in worlds for item in world["items"])
