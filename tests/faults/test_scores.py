"""Scores under rough schedules: whatever is merged, withdrawn, repeated, overtaken or cut short, the last word of the
model counts, and nobody is scored who does not permit it.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.profiles.state import decode_profile
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    Pseudonyms,
    consent_event,
    event,
    identifiers,
    key_of,
    model,
    score_event,
    vip_segment,
)
from tests.faults import oracles
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.test_schedules import Life, Person, check_person
from tests.faults.wires import Unreliable
from tests.faults.world import ROUND, World

VALUES = ("vip", "regular", "lapsed")
VERSIONS = ("run-1", "run-2", "run-3")


def score_of(state: dict[str, Any]) -> tuple[int, str, str] | None:
    """As of, version, value."""
    stored = state.get("scores", {}).get(SHOPPER_CLUSTERS)
    return (stored[2], stored[1], stored[0]) if stored else None


def check_consent(world: World) -> None:
    """Of all that was ever written: no score without the consent that it needs."""
    for image in world.profiles.images():
        profile = decode_profile(image.state) if image.state else None
        if profile and profile.scores:
            assert profile.consent["personalization"].granted is True


# ------------------------------------------------------------------------------------------------- lives of several


class ScoredLife(Life):
    """People who are scored meanwhile, under whatever profile they had at the time, and more than once."""

    def __init__(self, seed: int, **world: Any) -> None:
        super().__init__(seed, vip_segment(), **world)
        self._dice = Random(seed + 2)
        self.told: dict[int, list[tuple[int, str, str]]] = {person.number: [] for person in self.people}

    def _send_request(self, person: Person) -> None:
        super()._send_request(person)
        for _ in range(self._dice.randint(1, 2)):
            self._score(self._dice.choice(self.people))

    def _score(self, person: Person) -> None:
        """Runs score everybody as of the same instant: under all profiles that will turn out to be one."""
        known = {item.profile_id for item in self.world.profiles.all_items()} & set(profiles_of(person))
        if not known:
            return
        at = NOW - self._dice.choice([1, 2, 3]) * HOUR
        value, version = self._dice.choice(VALUES), self._dice.choice(VERSIONS)
        self.told[person.number].append((at, version, value))
        one = score_event(self._dice.choice(sorted(known)), value, at=at, version=version)
        for _ in range(self._dice.choice([1, 1, 2])):
            self.world.send(one)


def profiles_of(person: Person) -> list[str]:
    """Every profile id that this person may ever have been founded under."""
    n = person.number
    named = [("user_id", f"user-{n}"), ("email", f"mail-{n}@example.com")]
    named += [("anonymous_id", f"device-{n}-{device}") for device in range(3)]
    named += [("loyalty_id", f"card-{n}-{card}") for card in range(2)]
    return [Pseudonyms().profile_id(key_of(*one), 0) for one in named]


def check_scores(life: ScoredLife) -> None:
    for person in life.people:
        state = life.state_of(person)
        score = score_of(state)
        assert score == max(life.told[person.number], default=None)
        check_person(state, person, life.world.time.now, also=["vip"] if score and score[2] == "vip" else [])
    check_consent(life.world)
    life.books().check()


@pytest.mark.parametrize("seed", seeds(60))
def test_of_all_that_was_said_of_all_that_somebody_was_the_last_word_counts(seed: int) -> None:
    life = ScoredLife(seed, shards=1 + seed % 4, lag=0.2 if seed % 2 else 0.0)
    life.live()
    life.end()
    check_scores(life)


@pytest.mark.parametrize("seed", seeds(20))
def test_while_a_model_serves_nobody_stays_without_a_score(seed: int) -> None:
    """Who was scored in the fold was scored later than the run's instant, and keeps that."""
    life = ScoredLife(seed, shards=1 + seed % 4, models=[model("online")])
    life.live()
    life.end()
    for person in life.people:
        score = score_of(life.state_of(person))
        assert score is not None
        at, version, value = score
        assert (version == "online" and at >= NOW) or score == max(life.told[person.number])
        also = ["vip"] if value == "vip" else []
        check_person(life.state_of(person), person, life.world.time.now, also=also)


def test_these_lives_are_about_something() -> None:
    life = ScoredLife(1)
    life.live()
    life.end()
    tombstones = {item.profile_id for item in life.world.profiles.all_items() if item.merged_into}
    told = [score for person in life.people for score in life.told[person.number]]
    assert len(told) > 15
    assert len({(at, version) for at, version, _ in told}) < len(told)
    assert tombstones & {profile_id for person in life.people for profile_id in profiles_of(person)}


# ----------------------------------------------------------------------------------------------- a changing mind


class ChangingMind:
    """A visitor and a customer who turn out to be one person, and say yes and no; the oracle beside them."""

    def __init__(self, seed: int, **world: Any) -> None:
        self.rng = Random(seed)
        self.world = World(vip_segment(), seed=seed, tick=0, **world)
        self.names = {"visitor": {"anonymous_id": "me"}, "customer": {"user_id": "u-me"}}
        self.ids = {
            name: Pseudonyms().profile_id(key_of(*next(iter(self.names[name].items()))), 0) for name in self.names
        }
        self.people = {name: oracles.Scored() for name in self.names}
        self.time = self.world.time.now
        for claims in self.names.values():
            self.world.send(event(identifiers=identifiers(**claims), time=self.time))
        self.world.settle()

    def go_on(self) -> None:
        """A minute later the next thing happens, and is worked off."""
        self.time = self.world.time.now = max(self.time, self.world.time.now) // ROUND * ROUND + MINUTE
        kind = self.rng.choice(["score", "score", "score", "yes", "no", "one"])
        name = self.rng.choice(sorted(self.names))
        match kind:
            case "score":
                self._is_scored(name)
            case "yes" | "no":
                self._says(name, granted=kind == "yes")
            case _:
                self._turn_out_to_be_one()
        self.world.settle()

    def _is_scored(self, name: str) -> None:
        at = self.time - self.rng.choice([0, 0, 1, 2, 5, 10]) * MINUTE
        value, version = self.rng.choice(VALUES), self.rng.choice(VERSIONS)
        for _ in range(self.rng.choice([1, 2])):
            self.world.send(score_event(self.ids[name], value, at=at, version=version))
        self.people[name].told(at, version, value)

    def _says(self, name: str, *, granted: bool) -> None:
        claims = identifiers(**self.names[name])
        self.world.send(consent_event({"personalization": granted}, time=self.time, identifiers=claims))
        if granted:
            self.people[name].grants(self.time)
        else:
            self.people[name].withdraws()

    def _turn_out_to_be_one(self) -> None:
        if self.rng.random() < 0.5 or self.people["visitor"] is self.people["customer"]:
            return
        both = identifiers(**self.names["visitor"], **self.names["customer"])
        self.world.send(event(identifiers=both, consent=None, time=self.time))
        self.people["customer"].absorbs(self.people["visitor"])
        self.people["visitor"] = self.people["customer"]

    def check(self) -> None:
        for name, claims in self.names.items():
            [key] = [self.world.pseudonyms.key(identifier) for identifier in identifiers(**claims)]
            [state] = [state for state in self.world.states() if key in state["links"]]
            person = self.people[name]
            assert score_of(state) == person.score
            stay = state.get("memberships", {}).get("vip")
            inside = stay is not None and stay[1] is None
            assert inside is (person.permits and person.score is not None and person.score[2] == "vip")
        check_consent(self.world)


@pytest.mark.parametrize("seed", seeds(60))
def test_scores_follow_what_was_said_last_and_never_outlast_a_withdrawal(seed: int) -> None:
    mind = ChangingMind(seed)
    for _ in range(30):
        mind.go_on()
        mind.check()


@pytest.mark.parametrize("seed", seeds(60))
def test_redeliveries_zombies_and_crashes_bring_no_score_back(seed: int) -> None:
    rough = Schedule(again=0.3, zombie=0.05, parallel=2)
    mind = ChangingMind(seed, schedule=rough, wire=Unreliable(Random(seed), rate=0.05), shards=1 + seed % 3)
    for _ in range(30):
        mind.go_on()
        mind.check()
