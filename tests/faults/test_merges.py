"""Several profiles that turn out to be one, in whatever order and while events are under way: one of each person is
left, every identifier and every tombstone leads there, nothing is counted twice, and who refused anywhere has refused.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.identifiers import Identifier, by_strength
from tests.builders import DAY, HOUR, NOW, SECOND, consent_event, event, identifiers, key_of
from tests.faults.effort import LONG, seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import World

ROUGH = Schedule(again=0.1, zombie=0.02, nonsense=0.03, parallel=4)
PURPOSES = ("email", "personalization")


class Crowd:
    """People with a profile on each of their devices, of whom pairs of devices are then seen together."""

    def __init__(self, seed: int, *, people: int, devices: int, rate: float = 0.03) -> None:
        self.rng = Random(seed)
        self.wire = Unreliable(Random(seed + 1), rate=rate)
        mapping = {"bisect": True, "restless": 0.02}
        self.world = World(wire=self.wire, seed=seed, shards=1 + seed % 4, schedule=ROUGH, mapping=mapping)
        self.people = {
            f"person-{number}": [Identifier("anonymous_id", f"device-{number}-{n}") for n in range(devices)]
            for number in range(people)
        }
        self.done = dict.fromkeys(self.people, 0)
        self.refused: dict[str, set[str]] = {person: set() for person in self.people}
        self._sent = 0

    def live(self) -> None:
        for person, devices in self.people.items():
            for device in devices:
                self._visit(person, device)
        self._settle_sometimes(1.0)
        pairs = [(person, pair) for person, devices in self.people.items() for pair in self._joining(devices)]
        self.rng.shuffle(pairs)
        for person, pair in pairs:
            if self.rng.random() < 0.5:
                self._visit(person, self.rng.choice(self.people[person]))
            if self.rng.random() < 0.1:
                self._refuse(person, self.rng.choice(self.people[person]))
            self._visit(person, *pair)
            self._settle_sometimes(0.1)
        self.wire.rate = 0.0
        self._settle_sometimes(1.0)

    def _joining(self, devices: list[Identifier]) -> list[tuple[Identifier, Identifier]]:
        """Pairs that connect them all, one way or another, and some that tell nothing new."""
        shuffled = self.rng.sample(devices, len(devices))
        tree = [(self.rng.choice(shuffled[:n]), shuffled[n]) for n in range(1, len(shuffled))]
        return tree + self.rng.choices(tree, k=len(tree) // 3)

    def _visit(self, person: str, *devices: Identifier) -> None:
        self.done[person] += 1
        self._send(event("Page", **self._fields(devices)))

    def _refuse(self, person: str, device: Identifier) -> None:
        purpose = self.rng.choice(PURPOSES)
        self.refused[person].add(purpose)
        self._send(consent_event({purpose: False}, **self._fields((device,))))

    def _fields(self, devices: tuple[Identifier, ...]) -> dict[str, Any]:
        self._sent += 1
        return {"message_id": f"m{self._sent}", "time": NOW + self._sent * SECOND, "identifiers": by_strength(devices)}

    def _send(self, one: Any) -> None:
        self.world.send(one, received_at=one.time)

    def _settle_sometimes(self, chance: float) -> None:
        if self.rng.random() < chance:
            self.world.settle(sending=False)

    # ---------------------------------------------------------------------------------------------- the judgement

    def check(self) -> None:
        items = {item.profile_id: item for item in self.world.profiles.all_items()}
        live = {state["profile_id"]: state for state in self.world.states()}
        assert len(live) == len(self.people)
        homes = set()
        for person, devices in self.people.items():
            [home] = {self._lead(items, self._owner(device)) for device in devices}
            homes.add(home)
            state = live[home]
            assert state["events"] == self.done[person]
            assert {link[0][1] for link in state["links"].values()} == {device.value for device in devices}
            withdrawn = {purpose for purpose, word in state["consent"].items() if not word[0]}
            assert withdrawn == self.refused[person]
        assert homes == live.keys()
        assert {self._lead(items, profile_id) for profile_id in items} == homes

    def _owner(self, device: Identifier) -> str:
        key = self.world.pseudonyms.key(device)
        return self.world.profiles.identities([key], consistent=True)[key].profile_id

    def _lead(self, items: dict[str, Any], profile_id: str) -> str:
        """Where tombstones lead; one that leads back to where it was met, or nowhere, fails here."""
        met = set()
        while items[profile_id].merged_into is not None:
            assert profile_id not in met
            met.add(profile_id)
            profile_id = items[profile_id].merged_into
        return profile_id


@pytest.mark.parametrize("seed", seeds(25, long=5_000))
def test_profiles_that_are_merged_in_any_order_under_way_become_one_of_each_person(seed: int) -> None:
    rng = Random(seed)
    crowd = Crowd(seed, people=rng.randint(1, 4), devices=rng.randint(2, 8))
    crowd.live()
    crowd.check()


@pytest.mark.parametrize("people", [25] if LONG else [4])
def test_forty_profiles_become_each_of_them(people: int) -> None:
    """Forty devices each, fewer than the fifty that one profile may hold: a thousand profiles in a long run."""
    crowd = Crowd(people, people=people, devices=40, rate=0.005)
    crowd.live()
    crowd.check()


def test_a_token_that_is_in_use_stays_when_its_former_holder_turns_out_to_be_the_same() -> None:
    world, one, other = World(), {"anonymous_id": "one"}, {"anonymous_id": "other"}
    both = by_strength(identifiers(**one) + identifiers(**other))
    for at, who in (
        (NOW, identifiers(**one, cart_token="t")),
        (NOW + 31 * DAY, identifiers(**other, cart_token="t")),
        (NOW + 31 * DAY + HOUR, both),
    ):
        world.time.now = at
        world.send(event("Page", identifiers=who, time=at), received_at=at)
        world.settle()
    [state] = world.states()
    assert key_of("cart_token", "t") in state["links"]
