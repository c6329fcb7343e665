"""Whatever becomes of an event before somebody is erased, nothing it said is anybody's afterwards, nor comes back.

Ada's and Ben's lives on a stream that breaks, repeats and lags, with workers that remember who they were; a word that
forgets Ada comes anywhere in between. Then everything is delivered, sent and replayed again.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.events import Event, Origin
from attune.domain.identifiers import Identifier, by_strength
from tests.builders import DAY, HOUR, MINUTE, SECOND, event, identifiers, score_event
from tests.faults.effort import seeds
from tests.faults.erasing import Traces, erase_event, suppress_event, word_of
from tests.faults.rebuilding import rebuild_all
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import LONG_ENOUGH, World

ROUGH = Schedule(again=0.15, zombie=0.03, parallel=4)
ADA = (
    *identifiers(user_id="ada", email="ada@example.com"),
    *(Identifier("anonymous_id", f"ada-{n}") for n in range(3)),
    Identifier("cart_token", "ada-cart"),
)
BEN = identifiers(user_id="ben", anonymous_id="ben-phone")
NAMES = ("Product Viewed", "Product Viewed", "Product Added", "Order Completed")


class Lives:
    """Each event says a word of its own; `settle` lets the functions work for a while."""

    def __init__(self, seed: int, *, rate: float = 0.03, **options: Any) -> None:
        self.rng = Random(seed)
        self.wire = Unreliable(Random(seed + 1), rate=rate)
        lag = 0.2 if seed % 2 else 0.0
        self.world = World(seed=seed, wire=self.wire, shards=1 + seed % 3, lag=lag, schedule=ROUGH, **options)
        self.traces = Traces(self.world)
        self.done: list[Event] = []

    def live(self, sends: int, *people: tuple[Identifier, ...], before: int = DAY) -> Lives:
        """Events of these people, each at some time up to `before` ms ago."""
        for _ in range(sends):
            own = self.rng.choice(people or (ADA, ADA, BEN))
            self.say(*self.rng.sample(own, self.rng.randint(1, len(own))), ago=self.rng.randint(0, before))
            if self.rng.random() < 0.15:
                self.world.send(self.rng.choice(self.done), received_at=self.world.time.now)
        return self

    def say(self, *named: Identifier, ago: int = 0, name: str = "", **overrides: Any) -> Event:
        number, now = len(self.done), self.world.time.now
        word = f"canary-{number}"
        said = event(
            name or self.rng.choice(NAMES),
            message_id=f"m-{number}",
            time=now - ago,
            identifiers=by_strength(named),
            traits={"word": word, f"of-{number % 4}": word},
            properties={"cart_id": f"cart-{word}", "product_id": word, "total": number + 0.25},
            **overrides,
        )
        self.done.append(said)
        self.world.send(said, received_at=now)
        return said

    def erase(self, *named: Identifier, suppress: bool = False) -> Lives:
        now = self.world.time.now
        self.world.send(erase_event(*named, suppress=suppress, time=now), received_at=now)
        return self

    def settle(self, wait: int = 0, **options: Any) -> Lives:
        self.world.pass_time(wait, **options)
        return self

    def calm(self) -> Lives:
        """Everything works again, and what waits is done."""
        self.wire.rate = 0.0
        return self.settle(MINUTE)

    def again(self) -> Lives:
        """The stream is read again from its oldest record on; producers send all again, replays come late; everybody
        is folded anew from the lake.
        """
        self.world.read_again(batch=1 + self.rng.randint(0, 6))
        for one in self.done:
            now = self.world.time.now
            self.world.send(one, received_at=now)
            self.world.send(one, received_at=one.time, replayed_at=now)
            if self.rng.random() < 0.2:
                self.world.send(one, received_at=now, origin=Origin.WEBHOOK)
        for item in self.world.profiles.all_items():
            self.world.send(score_event(item.profile_id, at=self.world.time.now))
        self.settle(LONG_ENOUGH)
        rebuild_all(self.world)
        return self.settle(MINUTE)

    def check(self) -> set[str]:
        """No word of a refused event is anywhere but in rows that an erasure must look at; answers these words."""
        gone, graves = self.traces.refused(self.done), self.traces.graves(self.done)
        assert gone.isdisjoint(self.traces.in_profiles())
        assert gone.isdisjoint(self.traces.sealed_and_open(beside=graves))
        assert gone.isdisjoint(self.traces.put_aside())
        assert gone.isdisjoint(self.traces.in_the_clear(beside=graves))
        return gone

    def words(self, *named: Identifier) -> set[str]:
        """Of what was said under any of these."""
        return {word_of(one) for one in self.done if not set(one.identifiers).isdisjoint(named)}


def begun(seed: int, **options: Any) -> Lives:
    """Ada was heard under all her names at once, so that any of them leads to all of her."""
    lives = Lives(seed, **options)
    lives.say(*ADA)
    lives.say(*BEN)
    return lives.settle()


@pytest.mark.parametrize("seed", seeds(40, long=2_000))
def test_nothing_that_was_said_before_is_anywhere_afterwards_nor_comes_back(seed: int) -> None:
    lives = begun(seed).live(8)
    lives.settle(sending=False) if seed % 2 else None
    lives.erase(lives.rng.choice(ADA[:5])).live(8).calm()
    gone = lives.check()
    assert lives.words(*ADA) <= gone
    assert lives.words(*BEN).isdisjoint(gone)
    lives.settle(HOUR).again()
    assert lives.check() >= gone
    assert [state["events"] for state in lives.world.states()] == [len(lives.words(*BEN))]


@pytest.mark.parametrize("seed", seeds(30, long=1_500))
def test_a_new_life_begins_with_nothing_and_stays_when_the_old_word_is_read_again(seed: int) -> None:
    lives = begun(seed).live(6, ADA).erase(*ADA[:2]).live(4, ADA).calm()
    lives.settle(HOUR)
    gone = lives.check()
    lives.wire.rate = 0.03
    new = lives.live(8, ADA, before=MINUTE).calm().words(*ADA) - gone
    lives.settle().again()
    assert lives.check() == gone
    alive = [state for state in lives.world.states() if "ben-phone" not in repr(state["links"])]
    assert sum(state["events"] for state in alive) == len(new)
    assert {state.get("generation", 0) >= 1 for state in alive} == {True}


@pytest.mark.parametrize("seed", seeds(30, long=1_500))
def test_it_does_not_matter_who_turns_out_to_be_whom_meanwhile(seed: int) -> None:
    """Six devices, of whom any two may turn out to be one's, while one after the other is erased."""
    lives = Lives(seed)
    devices = tuple(Identifier("anonymous_id", f"device-{n}") for n in range(6))
    pairs = [(one, other) for one in devices for other in devices]
    for _ in range(3):
        lives.live(5, *lives.rng.sample(pairs, 4), before=HOUR)
        lives.settle() if lives.rng.random() < 0.5 else None
        lives.erase(lives.rng.choice(devices)).live(3, *lives.rng.sample(pairs, 4), before=MINUTE)
        lives.world.time.now += 2 * MINUTE
    gone = lives.calm().check()
    assert gone
    counted = sum(state["events"] for state in lives.world.states())
    assert counted == len({word_of(one) for one in lives.done} - gone)
    lives.again()
    assert lives.check() == gone
    assert sum(state["events"] for state in lives.world.states()) == counted


@pytest.mark.parametrize("seed", seeds(20, long=1_000))
def test_who_is_suppressed_as_well_does_not_come_back_until_they_say_so(seed: int) -> None:
    lives = begun(seed).live(6, ADA).erase(ADA[0], suppress=True).live(4, ADA).calm()
    lives.settle(HOUR).live(6, ADA, before=0).settle()
    assert lives.check() == lives.words(*ADA)
    lives.again()
    assert lives.check() == lives.words(*ADA)
    now = lives.world.time.now
    lives.world.send(suppress_event(ADA[1], on=False, time=now), received_at=now)
    lives.settle(SECOND)
    lives.say(ADA[2])
    lives.settle()
    assert sorted(state["events"] for state in lives.world.states()) == [1, len(lives.words(*BEN))]


@pytest.mark.parametrize("seed", seeds(20, long=1_000))
def test_nothing_is_sent_of_what_waits_in_an_outbox_or_a_queue(seed: int) -> None:
    """Her cart is told of, decided on or claimed when the word comes; Ben's reminder goes out as ever."""
    lives = begun(seed, rate=0.0)
    lives.say(*ADA, name="Product Added", ago=20 * MINUTE)
    ben = lives.say(*BEN, name="Product Added", ago=20 * MINUTE)
    lives.wire.rate = 0.03
    lives.settle(lives.rng.randint(0, 6) * MINUTE, sending=False)
    lives.erase(lives.rng.choice(ADA[:5])).settle(sending=False)
    assert lives.world.sender.posts == []
    lives.calm().settle(LONG_ENOUGH)
    lives.check()
    graves = lives.traces.graves(lives.done)
    assert [one.reason for one in lives.world.deliveries.all() if one.profile_id in graves] in (
        [],
        ["no_profile"],
        ["no_profile"] * 2,
    )
    told = {one.cause.key: one.delivery_id for one in lives.world.deliveries.all() if one.profile_id not in graves}
    assert ben.properties["cart_id"] in told
    assert {post.headers["webhook-id"] for post in lives.world.sender.posts} == {*told.values()}
