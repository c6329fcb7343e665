"""Random lives of a few people under rough schedules: several shards, crashes, zombies, repeats, lagging reads.

Every person has identifiers of their own, claimed in any combination and order, so that profiles are founded, merged
and fed from several shards while batches are in flight. What is stored in the end is compared with what an oracle
makes of the same events, and the books must balance.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from attune.domain.definitions.kinds import Definition
from attune.domain.events import Event
from attune.domain.identifiers import Identifier
from tests.builders import DAY, HOUR, MINUTE, NOW, event, identifiers, wake_event
from tests.faults import oracles
from tests.faults.books import Books, Sender
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import Steady, Unreliable
from tests.faults.world import LONG_ENOUGH, ROUND, World

ROUGH = Schedule(again=0.1, zombie=0.02, parallel=4)


@dataclass
class Person:
    """One of the people, and everything they did."""

    number: int
    devices: int = 3
    cards: int = 2
    done: list[Event] = field(default_factory=list)

    def claims(self, rng: Random) -> tuple[Identifier, ...]:
        """Some of this person's identifiers."""
        n = self.number
        devices = {"anonymous_id": f"device-{n}-{rng.randrange(self.devices)}"}
        names = {
            "user_id": f"user-{n}",
            "email": f"mail-{n}@example.com",
            "loyalty_id": f"card-{n}-{rng.randrange(self.cards)}",
        }
        chosen = devices | {name: value for name, value in names.items() if rng.random() < 0.4}
        return identifiers(**chosen)


class Life:
    """Sends, interleaved with what the functions make of it."""

    #: how many events there may be
    most = 400

    def __init__(self, seed: int, *more: Definition, people: int = 3, rate: float = 0.04, **world: Any) -> None:
        self.rng = Random(seed)
        wire = Unreliable(Random(seed + 1), rate=rate)
        self.world = World(*more, **{"seed": seed, "wire": wire, "schedule": ROUGH, **world})
        self.wire = wire
        self.sender = Sender()
        self.people = [self.person(number) for number in range(people)]
        self._times = self.rng.sample(range(NOW - 30 * HOUR - ROUND // 2, NOW, ROUND), self.most)

    def person(self, number: int) -> Person:
        return Person(number)

    def live(self, rounds: int = 3, sends: int = 8) -> None:
        for _ in range(rounds):
            for _ in range(sends):
                self._send_request(self.rng.choice(self.people))
            if self.rng.random() < 0.3 and self.world.live_items():
                self._wake_needlessly()
            self.world.pass_time(self.rng.choice([0, MINUTE, 3 * HOUR]))

    def end(self) -> None:
        """The last words of the network: everything works again, and everybody's devices are heard together once."""
        self.wire.rate = 0.0
        for person in self.people:
            for device in range(person.devices):
                for card in range(person.cards):
                    everything = {
                        "user_id": f"user-{person.number}",
                        "email": f"mail-{person.number}@example.com",
                        "loyalty_id": f"card-{person.number}-{card}",
                        "anonymous_id": f"device-{person.number}-{device}",
                    }
                    self._send(person, [self._event(person, identifiers(**everything))])
        self.world.pass_time(0)

    def _wake_needlessly(self) -> None:
        """Wake-ups may be early, late or double."""
        item = self.rng.choice(self.world.live_items())
        for _ in range(2):
            self.world.send(wake_event(item.profile_id, time=self.world.time.now))

    def _send_request(self, person: Person) -> None:
        claims = person.claims(self.rng)
        events = [self._event(person, claims) for _ in range(self.rng.randint(1, 3))]
        self._send(person, events)
        if self.rng.random() < 0.2:
            self._send(person, events, again=True)  # the answer was lost: the client repeats the request
        if self.rng.random() < 0.1 and person.done:
            repeated = self.rng.choice(person.done)
            self._send(person, [repeated], again=True)  # one event comes again in another request

    def _event(self, person: Person, claims: tuple[Identifier, ...]) -> Event:
        number = len(self.sender.sends)
        properties: dict[str, Any] = {}
        name = self.rng.choice(["Product Viewed"] * 3 + ["Product Added", "Order Completed"])
        if name != "Product Viewed":
            cart = f"cart-{person.number}-{self.rng.randint(0, 1)}"
            properties = {"cart_id": cart, "product_id": "p", "total": number + 0.25}
        traits = {f"trait-{self.rng.randint(0, 2)}": self.rng.choice([number, None])} if self.rng.random() < 0.5 else {}
        return event(
            name,
            message_id=f"m-{number}-{self.rng.random()}",
            time=self._times.pop(),
            identifiers=claims,
            properties=properties,
            traits=traits,
        )

    def _send(self, person: Person, events: list[Event], *, again: bool = False) -> None:
        for one in events:
            self.sender.sent(one.message_id, one.message_id)
            if not again:
                person.done.append(one)
        self.world.send(*events, received_at=self.world.time.now)

    # ---------------------------------------------------------------------------------------------- the judgement

    def state_of(self, person: Person) -> dict[str, Any]:
        """The one live profile that holds this person's name."""
        name = Identifier("user_id", f"user-{person.number}")
        key = self.world.pseudonyms.key(name)
        [state] = [state for state in self.world.states() if key in state["links"]]
        return state

    def books(self, **more: Any) -> Books:
        world = self.world
        return Books(
            self.sender,
            rows=world.lake.rows,
            quarantined=[],
            profiles=world.states(),
            tombstones={item.profile_id: item.merged_into for item in world.profiles.all_items() if item.merged_into},
            **more,
        )


def carts(person: Person) -> set[str]:
    return {one.properties["cart_id"] for one in person.done if "cart_id" in one.properties}


def times_of(person: Person, name: str, cart: str | None = None) -> list[int]:
    return [one.time for one in person.done if one.name == name and (cart is None or one.properties["cart_id"] == cart)]


def check_person(state: dict[str, Any], person: Person, now: int, *, also: Collection[str] = ()) -> None:
    """`also`: segments beside those of the usual definitions."""
    assert state["events"] == len(person.done)
    assert state["activity"] == oracles.counted(
        oracles.Happening(one.time, one.name, one.properties) for one in person.done
    )
    assert state["first_seen"] == min(one.time for one in person.done)
    assert state["last_seen"] == max(one.time for one in person.done)
    said = [(one.time, name, value) for one in person.done for name, value in one.traits.items()]
    known = {name: value for name, (value, *_) in state.get("traits", {}).items() if value is not None}
    assert known == oracles.last_words(said)
    stays = state.get("memberships", {})
    inside = {name for name, (_, left_at, *_) in stays.items() if left_at is None}
    expected = {"keen"} if oracles.did_within(times_of(person, "Product Viewed"), 4, DAY, now) else set()
    expected |= set(also)
    for cart in carts(person):
        added, ordered = times_of(person, "Product Added", cart), times_of(person, "Order Completed", cart)
        if oracles.is_abandoned(added, ordered, 15 * MINUTE, now):
            expected.add(f"abandoned_cart\x1f{cart}")
    assert inside == expected


def check_life(life: Life) -> None:
    world = life.world
    assert len(world.live_items()) == len(life.people)
    for person in life.people:
        check_person(life.state_of(person), person, world.time.now)
    balance = life.books().check()
    assert balance.applied == sum(len(person.done) for person in life.people)
    assert balance.dropped == balance.conflict == 0


def check_effects(world: World) -> None:
    """Once nothing is left to be sent."""
    bodies: dict[str, set[bytes]] = {}
    for post in world.sender.posts:
        bodies.setdefault(post.headers["webhook-id"], set()).add(post.body)
    delivered = {one.delivery_id: {one.body.encode()} for one in world.deliveries.all() if one.state == "delivered"}
    assert delivered.items() <= bodies.items()
    # what an endpoint was sent and did not confirm may still be called off, with the attempt on record
    called_off = [one for one in world.deliveries.all() if one.delivery_id in bodies.keys() - delivered.keys()]
    assert all(one.state == "not_sent" and one.attempts for one in called_off)
    assert all(one.state != "claimed" for one in world.deliveries.all())
    # by profile: a cart may be told again after an order, and of entries long past consent gives the same instant
    causes = [
        (one.profile_id, one.campaign, one.cause.key, one.cause.at)
        for one in world.deliveries.all()
        if one.state == "delivered"
    ]
    assert len(causes) == len(set(causes))


@pytest.mark.parametrize("seed", seeds(60))
def test_people_come_out_as_what_they_did(seed: int) -> None:
    life = Life(seed, shards=1 + seed % 4, lag=0.2 if seed % 2 else 0.0)
    life.live()
    life.end()
    check_life(life)
    life.world.pass_time(LONG_ENOUGH)
    check_life(life)


@pytest.mark.parametrize("seed", seeds(40))
def test_positions_alone_tell_a_redelivery_two_days_later(seed: int) -> None:
    """The mapping is made anew and reads the stream from its oldest record on. The memory of message ids is over by
    then, so that only the cursors stand between that and a second count.
    """
    life = Life(seed, shards=1 + seed % 4)
    life.live()
    life.end()
    life.world.pass_time(2 * DAY)
    life.end()
    life.world.read_again(batch=1 + seed % 7)
    check_life(life)


@pytest.mark.parametrize("seed", seeds(10))
def test_every_archived_event_can_be_opened_with_what_is_stored(seed: int) -> None:
    """By the keys of the live profiles, and those of the profiles they absorbed, from the rows of the merges."""
    life = Life(seed, shards=3)
    life.live()
    life.end()
    world = life.world
    keys = {str(state["profile_id"]): state["data_key"] for state in world.states()}
    merges = [row for row in map(json.loads, world.lake.rows) if row["verdict"] == "merged"]
    for _ in merges:
        for row in merges:
            opened = open_row(world, row, keys)
            if opened is not None:
                keys[row["absorbed"]] = opened
    verdicts = life.books(opens=lambda row: open_row(world, row, keys) is not None).verdicts().items()
    assert {message_id for (message_id, _), _ in verdicts} == {one.message_id for p in life.people for one in p.done}
    for (message_id, _), row in verdicts:
        event_row = open_row(world, row, keys)
        assert event_row is not None
        assert json.loads(event_row)["message_id"] == message_id


def open_row(world: World, row: Mapping[str, Any], keys: dict[str, bytes]) -> bytes | None:
    key = keys.get(row["profile_id"])
    try:
        return None if key is None else world.seal.open(key, base64.b64decode(row["sealed"]))
    except ValueError:
        return None


@pytest.mark.parametrize("seed", seeds(15))
def test_each_effect_is_claimed_once_and_posted_under_one_id(seed: int) -> None:
    life = Life(seed, people=2, shards=2)
    life.live(rounds=2)
    life.end()
    life.world.pass_time(LONG_ENOUGH)
    check_effects(life.world)


@pytest.mark.parametrize("seed", seeds(10))
def test_the_books_balance_in_the_middle_of_everything(seed: int) -> None:
    life = Life(seed)
    life.live(rounds=1)
    for person in life.people:
        life._send_request(person)
    balance = life.books().check(in_flight=None)
    assert balance.in_flight >= len(life.people)
    life.end()
    life.books().check()


def test_a_calm_life_needs_no_second_delivery_of_anything() -> None:
    life = Life(1, rate=0.0)
    life.world.wire = Steady()
    life.live()
    life.end()
    check_life(life)
