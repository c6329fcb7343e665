"""Somebody gives, withdraws and gives consent again, on devices and through the shop, early, late and repeated: what is
stored is what the oracle, written from the promises, lets be stored.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from attune.domain.consent.gate import Edge, Refusal, Refused, allowed
from attune.domain.consent.policies import policies_of
from attune.domain.definitions.kinds import snapshot
from attune.domain.events import Event
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile
from tests.builders import (
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    consent_event,
    definition_list,
    event,
    identifiers,
    segments_of,
)
from tests.faults import oracles
from tests.faults.effort import seeds
from tests.faults.rebuilding import rebuild_all
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import World

START = NOW - 20 * HOUR
ME = {"anonymous_id": "me", "user_id": "u-me"}
DEVICE, NAME = {"anonymous_id": "me"}, {"user_id": "u-me"}
PREFERENCE = "Segment Consent Preference Updated"


class Life:
    """One person and what they send, each thing a minute after the other, with the oracle beside it."""

    def __init__(self, seed: int, *, prompt: bool, **world: Any) -> None:
        """`prompt`: nothing is late: it happened, was received and lies on the stream at the same instant.

        A browser that names no device cannot grant; once the shop has vouched for the name it may not even claim it,
        so in every other life the shop speaks of the device only.
        """
        self.rng, self._prompt = Random(seed), prompt
        self._claims = (
            {True: (ME, DEVICE, NAME), False: (ME, DEVICE)}
            if seed % 2
            else {True: (DEVICE,), False: (ME, DEVICE, NAME)}
        )
        self._sends = 0
        self.world = World(seed=seed, tick=0, **world)
        self.person = oracles.Person()
        self.stored: dict[str, Event] = {}
        self.refused: set[str] = set()
        self.time = self.world.time.now = START
        vouched: dict[str, Any] = {"consent": None, "basis": {"analytics": True}}
        said: dict[str, Any] = {"consent": {"analytics": True}}
        first = (vouched if seed % 4 < 2 else said) | self._at(ME)
        self.send(event(message_id="first", **first), trusted=False)

    def go_on(self, sends: int = 25) -> None:
        for _ in range(sends):
            self.time += MINUTE
            one, trusted = self._anything()
            self.send(one, trusted=trusted)
            if self.rng.random() < 0.2:
                self.send(one, trusted=trusted)  # the answer was lost
            if self.rng.random() < 0.2 and self.stored:
                self._again(self.rng.choice(list(self.stored.values())))

    def _anything(self) -> tuple[Event, bool]:
        self._sends += 1
        rng, kind = self.rng, self.rng.choice(["plain", "plain", "plain", "preference", "$consent", "basis", "silent"])
        trusted = kind == "$consent" or rng.random() < 0.5
        words = {purpose: rng.random() < 0.6 for purpose in ("analytics", "email") if rng.random() < 0.7}
        fields = {"message_id": f"m{self._sends}", **self._at(rng.choice(self._claims[trusted]))}
        match kind:
            case "$consent":
                return consent_event(words, **fields), trusted
            case "preference":
                return event(PREFERENCE, consent=words, **fields), trusted
            case "basis":
                return event(consent=None, basis={"analytics": True}, **fields), trusted
            case "silent":
                return event(consent=None, **fields), trusted
            case _:
                return event(consent=words, **fields), trusted

    def _at(self, claims: dict[str, str]) -> dict[str, Any]:
        late = 0 if self._prompt else self.rng.choice([0, 0, 3, 10]) * MINUTE
        return {"identifiers": identifiers(**claims), "time": self.time - late}

    def send(self, one: Event, *, trusted: bool) -> None:
        slow = 0 if self._prompt else self.rng.choice([0, 0, 1, 5]) * MINUTE
        received_at = max(one.time, self.time - slow)
        device = any(identifier.namespace == "anonymous_id" for identifier in one.identifiers)
        sent = oracles.Sent(
            time=one.time,
            says=one.consent or {},
            basis=one.basis or {},
            may_grant=trusted or device,
            stated=one.name == PREFERENCE or one.type == "$consent",
            bare=one.type == "$consent",
        )
        self.world.time.now = self.time
        self.world.send(one, trusted=trusted, received_at=received_at)
        if one.message_id in self.stored:
            return
        if self.person.sends(sent):
            self.stored[one.message_id] = one
        else:
            self.refused.add(one.message_id)

    def _again(self, one: Event) -> None:
        """In another request."""
        self.world.send(one, received_at=self.time, trusted=True)

    def check(self) -> None:
        [state] = self.world.states()
        calls = [message_id for message_id, one in self.stored.items() if one.type != "$consent"]
        rows = [json.loads(row) for row in self.world.lake.rows]
        verdicts = {row["message_id"]: row["verdict"] for row in rows if row["verdict"] not in ("merged", "duplicate")}
        expected = dict.fromkeys(self.refused, "dropped") | dict.fromkeys(self.stored, "applied")
        assert {message_id: verdicts.get(message_id) for message_id in expected} == expected
        assert state["events"] == len(calls)
        known = {purpose: (granted, at) for purpose, (granted, at, *_) in state["consent"].items()}
        assert known == {purpose: (granted, at) for purpose, (granted, at, _) in self.person.said.items()}


@pytest.mark.parametrize("seed", seeds(60))
def test_what_is_stored_follows_from_what_was_said(seed: int) -> None:
    life = Life(seed, prompt=False)
    for _ in range(25):
        life.go_on(sends=1)
        life.world.settle()
        life.check()


@pytest.mark.parametrize("seed", seeds(30))
def test_batches_redeliveries_and_crashes_change_nothing_of_it(seed: int) -> None:
    rough = Schedule(again=0.3, zombie=0.02, parallel=1)
    life = Life(seed, prompt=True, schedule=rough, wire=Unreliable(Random(seed), rate=0.05))
    for _ in range(4):
        life.go_on(sends=6)
        life.world.settle()
    life.check()


@pytest.mark.parametrize("refuses", ["visitor", "customer"])
@pytest.mark.parametrize("last", ["visitor", "customer"])
def test_when_two_turn_out_to_be_one_a_withdrawal_of_either_stands(refuses: str, last: str) -> None:
    world = World(tick=0)
    people = {"visitor": DEVICE, "customer": NAME}
    for name in sorted(people, key=lambda one: one == last):
        world.time.now += MINUTE
        words = {"analytics": True, "email": name != refuses}
        world.send(event(identifiers=identifiers(**people[name]), consent=words, time=world.time.now))
    world.settle()
    world.time.now += MINUTE
    world.send(event(identifiers=identifiers(**ME), consent=None, time=world.time.now))
    world.settle()
    [state] = world.states()
    assert state["events"] == 3
    assert {purpose: granted for purpose, (granted, *_) in state["consent"].items()} == {
        "analytics": True,
        "email": False,
    }


def test_a_withdrawal_that_comes_late_ends_what_only_rode_along() -> None:
    world = World(tick=0)
    me: dict[str, Any] = {"identifiers": identifiers(**DEVICE)}
    world.send(event(consent={"analytics": True}, **me))
    world.send(consent_event({"analytics": False}, time=NOW - MINUTE, **me))
    world.send(event(consent={"analytics": True}, **me))
    world.settle()
    [state] = world.states()
    assert state["events"] == 1
    assert state["consent"]["analytics"][0] is False


def test_what_was_done_after_a_withdrawal_that_comes_late_is_used_for_nothing_until_a_rebuild_takes_it_out() -> None:
    """Storing is withdrawn; the word needs twenty minutes to reach us; all else stays granted."""
    world = World(tick=0)
    me: dict[str, Any] = {"identifiers": identifiers(**NAME)}
    world.send(consent_event(EVERYTHING, time=NOW - HOUR, **me))
    for minutes in (50, *range(20, 10, -2)):
        world.send(event(consent=None, time=NOW - minutes * MINUTE, **me))
    world.settle()
    assert segments_of(only(world)) == ["keen"]
    world.send(consent_event({"analytics": False}, time=NOW - 30 * MINUTE, **me))
    world.settle()
    policies = policies_of(snapshot(definition_list()))
    assert segments_of(only(world)) == []
    for edge in (Edge.SEGMENT, Edge.TRAIN, Edge.RECOMMEND, Edge.DECIDE, Edge.SEND):
        assert allowed(edge, policies.in_use(only(world)), at=NOW) == Refused("", Refusal.RESTRICTED)
    rebuild_all(world)
    assert (only(world).last_seen, segments_of(only(world))) == (NOW - 50 * MINUTE, [])
    assert allowed(Edge.SEGMENT, policies.in_use(only(world)), at=NOW)


@pytest.mark.parametrize(("after", "counts"), [(MINUTE - 1, True), (MINUTE, False)])
def test_what_a_page_sent_just_before_its_statement_is_not_taken_for_later_though_its_clock_says_so(
    after: int, *, counts: bool
) -> None:
    world = World(tick=0)
    me: dict[str, Any] = {"identifiers": identifiers(**NAME)}
    world.send(consent_event(EVERYTHING, time=NOW - HOUR, **me))
    world.send(event(consent=None, time=NOW + after, **me), received_at=NOW + MINUTE)
    world.send(consent_event({"analytics": False}, time=NOW, **me), received_at=NOW + MINUTE)
    world.settle()
    policies = policies_of(snapshot(definition_list()))
    assert bool(allowed(Edge.SEGMENT, policies.in_use(only(world)), at=NOW + HOUR)) is counts


def test_whoever_changes_their_mind_in_time_is_not_taken_for_somebody_whose_withdrawal_came_late() -> None:
    world = World(tick=0)
    me: dict[str, Any] = {"identifiers": identifiers(**NAME)}
    world.send(consent_event(EVERYTHING, time=NOW - HOUR, **me))
    for seconds, said in ((100, False), (150, True), (200, None), (300, False)):
        world.time.now = at = NOW + seconds * SECOND
        one = event(consent=None, time=at, **me) if said is None else consent_event({"analytics": said}, time=at, **me)
        world.send(one, received_at=at)
    world.settle()
    policies = policies_of(snapshot(definition_list()))
    assert only(world).events == 1
    assert allowed(Edge.SEGMENT, policies.in_use(only(world)), at=NOW + HOUR)


def only(world: World) -> Profile:
    [item] = [item for item in world.profiles.all_items() if item.state]
    return decode_profile(item.state)


def test_the_lives_are_about_something() -> None:
    life = Life(0, prompt=False)
    life.go_on(sends=200)
    assert len(life.stored) > 40
    assert len(life.refused) > 40
