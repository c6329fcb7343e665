"""Whatever becomes of people (crashes, repeats, merges, unlinkings, erasures), their ledger is as it was written; and
whatever is done to it afterwards, past the functions, is found.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_ledger import MemoryLedger
from attune.adapters.memory_privacy import MemoryPrivacyRequests
from attune.domain.events import Event
from attune.domain.profiles.consent import digest_of
from attune.use_cases.privacy.verify_ledger import VerifyLedger
from tests.builders import MINUTE, consent_event, profile_id
from tests.faults.effort import seeds
from tests.faults.erasing import erase_event
from tests.faults.test_schedules import Life, Person
from tests.faults.unlinking import Mistaken, unlink_event

PURPOSES = ("analytics", "personalization", "email", "sms")
type Tampered = tuple[str, str]


class Undecided(Life):
    """People who change their minds, some of whom want to be forgotten, or are told apart."""

    def _event(self, person: Person, claims: Any) -> Event:
        one = super()._event(person, claims)
        said = {purpose: self.rng.random() < 0.5 for purpose in PURPOSES if self.rng.random() < 0.5}
        return msgspec.structs.replace(one, consent={"analytics": True} | said)

    def live(self, rounds: int = 4, sends: int = 6) -> None:
        for _ in range(rounds):
            super().live(1, sends)
            someone = self.rng.choice(self.people)
            claims, now = someone.claims(self.rng), self.world.time.now
            kind = self.rng.choice(["word", "word", "erase", "unlink"])
            if kind == "word":
                said = {purpose: self.rng.random() < 0.5 for purpose in PURPOSES}
                self.world.send(consent_event(said, time=now, identifiers=claims))
            elif kind == "erase":
                self.world.send(erase_event(*claims, time=now, request_id=f"{now:032x}"))
            elif items := self.world.live_items():
                self.world.send(unlink_event(self.rng.choice(items).profile_id, *claims, time=now))
            self.world.pass_time(MINUTE)


def findings(life: Life | Mistaken) -> list[Tampered]:
    profiles = life.world.profiles
    verify = VerifyLedger(
        ledger=MemoryLedger(profiles),
        profiles=profiles,
        scan=profiles,
        documents=MemoryDocuments(),
        requests=MemoryPrivacyRequests(),
        admin_key=lambda: "",
        clock=lambda: life.world.time.now,
    )
    answer = verify({})
    assert answer["next"] is None
    return [(one["what"], one["where"].removeprefix("consent of ")) for one in answer["findings"]]


def lived(seed: int) -> Undecided:
    life = Undecided(seed, people=3, shards=2)
    life.live()
    life.wire.rate = 0.0
    life.world.pass_time(0)
    return life


@pytest.mark.parametrize("seed", seeds(12))
def test_every_chain_leads_from_its_profile_or_tombstone_to_its_beginning(seed: int) -> None:
    life = lived(seed)
    assert findings(life) == []
    assert life.world.profiles.in_ledger()


def test_the_lives_have_everything_in_them() -> None:
    items = [item for seed in range(12) for item in lived(seed).world.profiles.all_items()]
    assert any(item.merged_into and item.ledger_length for item in items)
    assert any(item.erased_at and item.ledger_length for item in items)


@pytest.mark.parametrize("seed", seeds(12))
def test_one_act_of_tampering_anywhere_is_found(seed: int) -> None:
    rng = Random(seed)
    life = lived(seed)
    shelf: Any = life.world.profiles._ledger
    keys = sorted((entry.profile_id, entry.entry) for entry in shelf.values())
    for _ in range(20):
        whose, entry = rng.choice(keys)
        known = shelf.get((whose, entry))
        kind = rng.choice(["change", "forge", "remove", "copy", "strange"])
        put: list[tuple[str, str]] = []
        match kind:
            case "change":
                shelf.put((whose, entry), msgspec.structs.replace(known, granted=not known.granted))
            case "forge":
                forged = msgspec.structs.replace(known, effective_at=known.effective_at - 1)
                number = int(entry.partition("#")[2])
                shelf.put((whose, entry), msgspec.structs.replace(forged, digest=digest_of(forged, number)))
            case "remove":
                shelf.drop((whose, entry))
            case _:
                other = profile_id(99) if kind == "strange" else whose
                last = len(life.world.profiles.ledger(whose))
                put = [(other, f"consent#{last + rng.randint(1, 3):08d}")]
                shelf.put(put[0], msgspec.structs.replace(known, profile_id=other, entry=put[0][1]))
        assert {where for _, where in findings(life)} == {put[0][0] if put else whose}, kind
        for place in put:
            shelf.drop(place)
        shelf.put((whose, entry), known)
    assert findings(life) == []


@pytest.mark.parametrize("seed", seeds(4))
def test_who_was_told_apart_and_folded_anew_has_a_chain_of_their_own(seed: int) -> None:
    life = Mistaken(seed).live(wrong=0.4).join("ann", "ben", "cid").calm().separate().calm()
    life.rebuild()
    assert findings(life) == []
    assert len(life.world.profiles.in_ledger()) > 1
