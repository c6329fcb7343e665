"""Somebody does things, gives and withdraws consent, is restricted and suppressed, turns out to be one with their
devices, and is corrected in between: whatever of it is repeated, every correction is made, and a rebuild keeps it.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.builders import HOUR, MINUTE, SECOND, consent_event, identifiers, identify, key_of
from tests.faults.effort import seeds
from tests.use_cases.privacy_desk import ANN, PrivacyDesk

PHONE = identifiers(anonymous_id="phone")
NAMED = [
    *(identifiers(user_id="ann"), identifiers(email="ann@example.com"), identifiers(anonymous_id="tablet")),
    *(ANN, identifiers(user_id="ann", anonymous_id="phone"), PHONE),
]
EVERYBODY = {one for named in NAMED for one in named}
TRAITS = ("name", "city", "size")
STANDS = ("restriction", "restriction_end", "suppression", "suppression_end")


class Story:
    """`asked`: the corrections."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.desk = PrivacyDesk()
        self.asked: list[str] = []
        self.desk.processor.send(identify({"name": "first"}, identifiers=ANN))

    def go_on(self, number: int) -> None:
        rng, desk = self.rng, self.desk
        desk.processor.now += rng.choice([SECOND, MINUTE, HOUR])
        now, named = desk.clock(), rng.choice(NAMED)
        match rng.choice(["does", "does", "decides", "asks", "corrects", "corrects"]):
            case "does":
                said = {rng.choice(TRAITS): number}
                desk.processor.send(identify(said, identifiers=named, time=now - rng.choice([0, 0, MINUTE])))
            case "decides":
                words = {"analytics": rng.random() < 0.5}
                desk.processor.send(consent_event(words, identifiers=named[:1], time=now))
            case "asks":
                desk.ask(rng.choice(STANDS), self._address())
            case _:
                corrected = {rng.choice(TRAITS): rng.choice([None, f"as of {number}"])}
                self.asked.append(desk.ask("rectification", self._address(), traits=corrected)["request_id"])
        if rng.random() < 0.6:
            again = list(desk.stream.records) if rng.random() < 0.3 else []
            desk.carry()
            desk.stream.records += again
        if rng.random() < 0.1:
            self.rebuild()

    def _address(self) -> str:
        return self.rng.choice(sorted(f"{one.namespace}:{one.value}" for one in EVERYBODY))

    def rebuild(self) -> dict[str, Any]:
        return self.desk.rebuild([key_of(one.namespace, one.value) for one in EVERYBODY])

    def traits(self) -> dict[Any, Any]:
        there = [one for one in EVERYBODY if self.desk.processor.item(one.namespace, one.value)]
        return {one: self.desk.processor.profile(one.namespace, one.value).trait_values() for one in there}


@pytest.mark.parametrize("seed", seeds(12))
def test_every_correction_is_made_and_a_rebuild_keeps_it(seed: int) -> None:
    story = Story(seed)
    for number in range(30):
        story.go_on(number)
    story.desk.carry()
    story.desk.processor.now += MINUTE
    before = story.traits()
    assert story.rebuild()["incomplete"] == 0
    assert story.traits() == before
    story.desk.run()
    for one in story.asked:
        outcome = story.desk.manage.one(one)["outcome"]
        assert outcome["applied"] is (outcome.get("code") != "nobody_known")
