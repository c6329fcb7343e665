"""`attune repair` over random lives whose campaigns did not hear of everything: what was lost is made up for, under the
ids of a life in which nothing was, and nothing else is told; however often, whatever breaks, and whatever else runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from attune.domain.campaigns.deliveries import State, delivery_id
from attune.domain.definitions.kinds import Trigger
from attune.domain.events import Event
from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.state import decode_profile
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, campaign, event, identifiers
from tests.faults.effort import seeds
from tests.faults.repairs import Repairs
from tests.faults.simulator import Batch, Mapping, Schedule, Simulator
from tests.faults.test_schedules import Life
from tests.faults.troubles import HARSH, Outage
from tests.faults.wires import Wire
from tests.faults.world import LONG_ENOUGH, Warm, World

HELLO = campaign(id="hello", trigger=Trigger(segment="keen"))
#: both campaigns by the segment that starts them
STARTED = {"abandoned_cart": campaign(), "keen": HELLO}
SINCE = NOW - 2 * DAY
VISITORS = 4
#: every message's id and what became of it, whatever the clock said
type Outcome = dict[str, tuple[str, str, str, str]]


@dataclass
class Deaf:
    """`run_campaigns` behind a stream that loses a share of what it carries."""

    heard: Callable[[list[Any]], Any]
    rng: Random
    share: float
    lost: list[Any] = field(default_factory=list)

    def __call__(self, records: list[Any]) -> Any:
        kept: list[Any] = []
        for one in records:
            (self.lost if self.rng.random() < self.share else kept).append(one)
        return self.heard(kept)


def deafen(world: World, share: float, seed: int = 1) -> Deaf:
    deaf = Deaf(world.campaigns.invoke, Random(seed), share)
    world.campaigns.invoke = deaf
    return deaf


def told(world: World) -> Iterator[tuple[str, SegmentEntered]]:
    """By the changes of the profiles table: everything that campaigns should have heard of, and of whom."""
    for image in world.profiles.images():
        for change in image.outbox:
            if isinstance(change, SegmentEntered):
                yield image.profile_id, change


def wanted(world: World) -> dict[str, tuple[str, SegmentEntered]]:
    """Every delivery's id in a life in which nothing was lost, with its cause."""
    return {delivery_id(STARTED[cause.segment], owner, cause): (owner, cause) for owner, cause in told(world)}


def lasting(world: World) -> list[set[str]]:
    """For each stay that lasts and was announced: the ids that it may have been told under, by whom it came to be of.

    People who turned out to be one were told of it each, or one of them was; one message of it is enough then.
    """
    found = []
    for item in world.live_items():
        profile = decode_profile(item.state)
        for name, stay in profile.memberships.items():
            told_to_nobody = stay.told == ("", 0)  # it was learnt of too late to be news
            if not stay.announced or told_to_nobody or stay.left_at is not None:
                continue
            segment, _, key = name.partition("\x1f")
            ids = {
                identifier
                for identifier, (owner, cause) in wanted(world).items()
                if (cause.segment, cause.key) == (segment, key)
                and root(world, owner) == item.profile_id
                and (profile.merges or cause.at == stay.entered_at)
            }
            assert ids, "announced, and never in an outbox"
            found.append(ids)
    return found


def root(world: World, profile_id: str) -> str:
    """Whom a profile has become."""
    while (item := world.profiles.items([profile_id], consistent=True)[profile_id]).merged_into is not None:
        profile_id = item.merged_into
    return profile_id


def made(world: World) -> Outcome:
    return {one.delivery_id: (one.profile_id, str(one.state), one.reason, one.body) for one in world.deliveries.all()}


def check(world: World, lasted: Sequence[set[str]] = ()) -> None:
    """Nothing but what should have been told was, each under its one id, and nobody's message left twice.

    `lasted`: ids of those whose stays lasted when they were repaired.
    """
    deliveries, due = made(world), [*lasting(world), *lasted]
    assert set(deliveries) <= set(wanted(world))
    # one that was claimed and not enqueued, and whose stay has ended since, stays so: nothing would be sent for it
    over = {identifier for identifier, (_, state, _, _) in deliveries.items() if state != State.CLAIMED}
    assert all(ids & over for ids in due)
    delivered = {identifier for identifier, (_, state, _, _) in deliveries.items() if state == State.DELIVERED}
    # an attempt whose worker died is in doubt: it may have arrived although the next one was decided against
    assert delivered <= {post.headers["webhook-id"] for post in world.sender.posts} <= set(deliveries)


# ------------------------------------------------------------------------------------ a life beside one without loss


def day_in_the_shop(world: World) -> World:
    """Four visitors: some look a lot, all fill carts, one orders, one comes back."""
    for number in range(VISITORS):
        me = identifiers(anonymous_id=f"visitor-{number}")
        at = NOW + number * SECOND
        cart = {"cart_id": f"cart-{number}", "product_id": "p"}
        views = [event(message_id=f"v-{number}-{n}", identifiers=me, time=at + n) for n in range(3 + number % 2)]
        world.send(*views, event("Product Added", message_id=f"a-{number}", identifiers=me, properties=cart, time=at))
    world.pass_time(10 * MINUTE)
    world.send(order(1, world))
    world.send(event(message_id="w-2", identifiers=identifiers(anonymous_id="visitor-2"), time=world.time.now))
    world.pass_time(20 * MINUTE)
    return world


def order(number: int, world: World) -> Event:
    """Closes that visitor's cart, now."""
    cart = {"cart_id": f"cart-{number}"}
    me = identifiers(anonymous_id=f"visitor-{number}")
    return event("Order Completed", message_id=f"o-{number}", identifiers=me, time=world.time.now, properties=cart)


def deaf_shop(share: float = 1.0, seed: int = 1, wire: Wire | None = None) -> World:
    world = World(HELLO, seed=seed, wire=wire)
    deafen(world, share, seed)
    day_in_the_shop(world)
    world.campaigns.invoke = Warm(world._run_campaigns)
    return world


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("seed", seeds(6))
def test_what_was_lost_comes_out_as_where_nothing_was(seed: int, share: float) -> None:
    whole = day_in_the_shop(World(HELLO, seed=seed))
    world = deaf_shop(share, seed)
    lost = set(made(whole)) - set(made(world))
    assert lost or share < 1.0
    done = Repairs(world).effects(SINCE)
    world.settle()
    assert made(world) == made(whole)
    assert done.claimed + done.not_sent == len(lost)
    check(world)


def test_what_was_given_up_at_its_age_and_is_not_replayed_any_more_is_made_up_for() -> None:
    """Campaigns were out of reach for longer than their stream's records are kept; the failed batches are gone too."""
    world = World(HELLO, mapping={**HARSH, "max_retries": 1_000, "max_age": HOUR, "pause": MINUTE})
    outage = Outage("run_campaigns", NOW, 3 * HOUR, clock=lambda: world.time.now)
    world.wire = outage
    day_in_the_shop(world)
    world.pass_time(4 * HOUR)
    assert {batch.reason for batch in world.campaigns.given_up} == {"RecordAgeExceeded"}
    world.campaigns.given_up.clear()
    assert made(world) == {}
    Repairs(world).effects(SINCE)
    world.settle()
    assert lasting(world)
    check(world)


def test_a_merge_after_the_entry_does_not_change_whose_it_was() -> None:
    """Two devices leave a cart each; then one person names both. Both entries are told as of their own devices."""
    world = deaf_shop()
    both = [identifiers(user_id="u", anonymous_id=f"visitor-{number}") for number in (0, 3)]
    for number, names in enumerate(both):
        world.send(event("Page", message_id=f"login-{number}", identifiers=names, time=world.time.now))
    world.settle()
    [merged] = [item for item in world.profiles.all_items() if item.merged_into]
    assert Repairs(world).effects(SINCE).claimed
    world.settle()
    check(world)
    owners = {one.profile_id for one in world.deliveries.all() if one.cause.key in {"cart-0", "cart-3"}}
    assert owners == {merged.profile_id, merged.merged_into}


def test_failed_batches_then_effects_leave_nothing_to_do() -> None:
    world = World(HELLO, mapping={**HARSH, "max_retries": 1_000, "max_age": HOUR, "pause": MINUTE})
    world.wire = Outage("run_campaigns", NOW, 3 * HOUR, clock=lambda: world.time.now)
    day_in_the_shop(world)
    world.pass_time(4 * HOUR)
    repairs = Repairs(world)
    assert repairs.replay().run_campaigns.records == len(set(told(world)))
    again = repairs.effects(SINCE)
    assert (again.claimed, again.not_sent) == (0, 0)
    world.settle()
    check(world)


# ---------------------------------------------------------------------------------------------------- random lives


@pytest.mark.parametrize("rate", [0.0, 0.05])
@pytest.mark.parametrize("seed", seeds(20, long=500))
def test_random_lives_are_told_what_they_missed_and_nothing_else(seed: int, rate: float) -> None:
    life = Life(seed, HELLO, rate=rate, shards=1 + seed % 3, lag=0.2 if seed % 2 else 0.0)
    deaf = deafen(life.world, (0.5, 1.0)[seed % 2], seed)
    life.live()
    life.wire.rate = 0.0
    life.world.pass_time(5 * MINUTE)
    life.world.campaigns.invoke = deaf.heard
    repairs = Repairs(life.world)
    repairs.effects(SINCE)
    lasted = lasting(life.world)
    life.world.pass_time(LONG_ENOUGH)
    check(life.world, lasted)
    before = made(life.world)
    again = repairs.effects(SINCE)
    assert (again.claimed, again.not_sent, again.enqueued) == (0, 0, 0)
    life.world.settle()
    assert made(life.world) == before
    life.live(rounds=1)
    life.world.pass_time(LONG_ENOUGH)
    again = repairs.effects(SINCE)
    assert (again.claimed, again.not_sent) == (0, 0)
    check(life.world)


def test_the_lives_meet_everything_that_they_are_about() -> None:
    met: Counter[str] = Counter()
    for seed in range(12):
        life = Life(seed, HELLO, rate=0.0)
        deaf = deafen(life.world, 1.0, seed)
        life.live()
        life.world.campaigns.invoke = deaf.heard
        done = Repairs(life.world).effects(SINCE)
        met["claimed"] += done.claimed
        met["not sent"] += done.not_sent
        met["cannot be told any more"] += len(set(wanted(life.world)) - set(made(life.world)))
        met["lasting"] += len(lasting(life.world))
    assert min(met[name] for name in ("claimed", "lasting", "cannot be told any more")) > 3, met


# ----------------------------------------------------------------------------------- beside the live path


class Beside:
    """A mapping whose one batch is a repair of effects: invoked, and again until it comes to its end."""

    def __init__(self, repairs: Repairs) -> None:
        self._repairs, self._left, self._busy, self._alone = repairs, True, False, False

    def invoke(self, _records: list[Any]) -> Any:
        return self._repairs.effects(SINCE)

    def take(self, rng: Random) -> Batch | None:
        if self._busy or not self._left or not (self._alone or rng.random() < 0.5):
            return None
        self._busy = True
        return Batch(0, [])

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        self._busy, self._left = False, failed or again

    def waits(self) -> bool:
        """Nothing else is left to do: it is next, if it was not done yet."""
        self._alone = True
        return self._left


@pytest.mark.parametrize("seed", seeds(20, long=500))
def test_a_repair_beside_the_live_path_tells_everything_once(seed: int) -> None:
    """Half of it was lost before; while the repair runs, orders and new carts arrive, and every call interleaves."""
    world = deaf_shop(0.5, seed)
    for number in (2, 3):
        world.send(order(number, world))
    me = identifiers(anonymous_id="visitor-9")
    views = [event(message_id=f"late-{n}", identifiers=me, time=world.time.now + n) for n in range(4)]
    world.send(*views)
    rough = Schedule(again=0.2, zombie=0.05, parallel=4)
    beside = Beside(Repairs(world))
    mappings: list[Mapping] = [world.process, world.campaigns, world.delivery, beside]
    Simulator(world.rng, mappings, world.turns, rough, idle=beside.waits).run()
    world.pass_time(HOUR)
    assert any(cause.segment == "keen" and cause.at > NOW + MINUTE for _, cause in told(world))
    check(world)
