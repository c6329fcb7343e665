"""A source with a form of its own: servers address people as these write themselves, and as profiles show them."""

from __future__ import annotations

from typing import Any

import pytest

from attune.adapters.memory import MemoryHolds, MemoryKeys, PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.sources import Source
from attune.domain.events import decode_record
from attune.domain.identifiers import Identifier
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.segments.explain_segments import ExplainSegments
from tests.builders import Pseudonyms, event, identifiers, identify
from tests.use_cases.test_manage_lists import ListDesk

FORMS = {
    "mailbox": (Normalisation(email="mailbox"), "email:A.da+shop@gmail.com"),
    "region": (Normalisation(region="DE"), "phone:030 1234567"),
    "hash": (Normalisation(hash=("identifiers.email",)), "email:ada@example.com"),
}


class FormingDesk(ListDesk):
    """The desk of a source that brings what it takes into another form."""

    def __init__(self, form: Normalisation) -> None:
        super().__init__()
        definitions = self.processor.definitions
        version, shop = definitions.get("source", "shop") or (None, None)
        shaped = Source(id="shop", normalise=form)
        definitions.put(shaped, read_version=version if shop else None)
        self._source = shaped
        self._admit = AdmitEvents(Pseudonyms())

    def signs_up(self, address: str) -> Identifier:
        """As an entrance takes it."""
        named = (*identifiers(user_id="u1"), read_address(address))
        formed = self._admit.form(identify({"first_name": "Ada"}, identifiers=named), self._source)
        self.processor.send(formed)
        return formed.identifiers[1]

    def carry(self) -> None:
        self.processor(*(decode_record(stored.data) for stored in self.stream.records))
        self.stream.records.clear()


@pytest.fixture(params=sorted(FORMS))
def told(request: pytest.FixtureRequest) -> tuple[FormingDesk, str, Identifier]:
    form, address = FORMS[request.param]
    desk = FormingDesk(form)
    stored = desk.signs_up(address)
    assert stored != read_address(address)
    return desk, address, stored


def spellings(address: str, stored: Identifier) -> list[str]:
    return [address, f"{stored.namespace}:{stored.value}"]


def test_a_withdrawal_reaches_who_is_meant_however_they_are_named(told: tuple[FormingDesk, str, Identifier]) -> None:
    desk, address, stored = told
    for spelt in spellings(address, stored):
        desk.set_consent(spelt, {"consent": {"email": True}})
        desk.carry()
        desk.processor.now += 1
        assert desk.manage.read("user_id:u1")["consent"]["email"]["granted"] is True
        desk.set_consent(spelt, {"consent": {"email": False}})
        shown: Any = desk.manage.read("user_id:u1")["consent"]["email"]
        assert (shown["granted"], shown["source"]) == (False, "hold")
        desk.carry()
        desk.processor.now += 1
        assert desk.manage.read("user_id:u1")["consent"]["email"]["granted"] is False
    assert len(desk.processor.store.all_items()) == 1


def test_the_profile_is_found_and_listed_by_either_spelling(told: tuple[FormingDesk, str, Identifier]) -> None:
    desk, address, stored = told
    whole = desk.manage.read("user_id:u1")
    for spelt in spellings(address, stored):
        assert desk.manage.read(spelt, desk.key) == whole
        for said, lists in (("add", ["fair_2026"]), ("remove", [])):
            changed: dict[str, Any] = {said: [spelt]}
            desk.change(**changed)
            desk.carry()
            desk.processor.now += 1_000
            assert desk.manage.read("user_id:u1")["lists"] == lists


def test_why_somebody_is_in_a_segment_is_told_by_either_spelling(told: tuple[FormingDesk, str, Identifier]) -> None:
    desk, address, stored = told
    explain = ExplainSegments(
        profiles=desk.processor.store,
        holds=MemoryHolds(),
        definitions=desk.processor.definitions,
        keys=MemoryKeys(),
        pseudonyms=Pseudonyms(),
        history=MemoryHistory(lambda: desk.processor.lake.rows, desk.processor.store),
        seal=PlainSeal(),
        clock=lambda: desk.processor.now,
    )
    whole = explain("user_id:u1", "keen", {})
    for spelt in spellings(address, stored):
        assert explain(spelt, "keen", {}, desk.key) == whole


def test_where_two_sources_spell_it_otherwise_a_withdrawal_reaches_both() -> None:
    desk = FormingDesk(FORMS["mailbox"][0])
    desk.signs_up("email:a.da@gmail.com")
    desk.processor.send(event(identifiers=identifiers(email="a.da@gmail.com")))
    desk.set_consent("email:A.da@gmail.com", {"consent": {"email": False}})
    desk.carry()
    for known in ("user_id:u1", "email:a.da@gmail.com"):
        assert desk.manage.read(known)["consent"]["email"]["granted"] is False
    assert len(desk.processor.store.all_items()) == 2
