"""What an access record says, and of whom: as the caller's source names people."""

from __future__ import annotations

import pytest

from attune.adapters.memory import MemoryDefinitions
from attune.adapters.memory_ledger import MemoryLedger
from attune.adapters.memory_profiles import MemoryProfiles
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.errors import AttuneError
from attune.domain.privacy.access_records import AccessRecord, day_of
from attune.use_cases.management.record_access import Caller, RecordAccess, admin_name, read_reason
from attune.use_cases.profiles.name_people import NamePeople
from attune.use_cases.profiles.record_people import RecordPeople
from tests.builders import NOW, Pseudonyms, definition_list, key_of, source

CALLER = Caller("server key abc", "GET /v1/profiles/{profile}", "audit", "crm")
GERMAN = source(id="crm", normalise=Normalisation(region="DE"))


class Desk:
    def __init__(self) -> None:
        self.profiles = MemoryProfiles()
        self.ledger = MemoryLedger(self.profiles)
        self._numbers = iter(range(1, 1_000))
        self.record = RecordAccess(
            records=self.ledger, clock=lambda: NOW, random_bytes=lambda size: next(self._numbers).to_bytes(size)
        )
        self.people = RecordPeople(
            record=self.record,
            name=NamePeople(self.profiles, Pseudonyms()),
            definitions=MemoryDefinitions(definition_list(GERMAN)),
            pseudonyms=Pseudonyms(),
        )

    def kept(self) -> list[AccessRecord]:
        return [found.record for found in self.ledger.of_day(day_of(NOW))]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_record_says_who_asked_for_whom_through_which_route_and_why(desk: Desk) -> None:
    desk.record(CALLER, ["ab" * 16])
    assert desk.kept() == [
        AccessRecord(
            at=NOW,
            record_id="0000000000000001",
            who="server key abc",
            route="GET /v1/profiles/{profile}",
            subject="ab" * 16,
            reason="audit",
        )
    ]


def test_a_call_about_many_leaves_a_record_for_each_once(desk: Desk) -> None:
    desk.record(CALLER, ["cd" * 16, "ab" * 16, "cd" * 16])
    assert [one.subject for one in desk.kept()] == ["ab" * 16, "cd" * 16]


def test_the_same_call_twice_is_two_records(desk: Desk) -> None:
    for _ in range(2):
        desk.record(CALLER, ["ab" * 16])
    assert len(desk.kept()) == 2


def test_whom_an_address_means_is_named_as_events_of_the_source_name_them(desk: Desk) -> None:
    desk.people(CALLER, "phone:0170 1234567")
    assert [one.subject for one in desk.kept()] == [key_of("phone", "+491701234567")]


def test_without_a_source_an_address_is_taken_as_it_is_normalised(desk: Desk) -> None:
    desk.people(Caller("admin key 12345678", "POST /v1/x"), "email:Ada@Example.com ")
    assert [one.subject for one in desk.kept()] == [key_of("email", "ada@example.com")]


@pytest.mark.parametrize("address", ["", "ada", "email:", ":x", "email:not an address"])
def test_what_identifies_nobody_is_recorded_of_nobody(desk: Desk, address: str) -> None:
    with pytest.raises(AttuneError) as refused:
        desk.people(CALLER, address)
    assert refused.value.code == "invalid_identifier"
    assert desk.kept() == []


def test_of_the_admin_key_no_more_is_told_than_tells_it_from_the_next() -> None:
    assert admin_name("one key") != admin_name("another key")
    assert "one key" not in admin_name("one key")
    assert len(admin_name("one key")) == len("admin key ") + 8


@pytest.mark.parametrize(
    "text",
    ["a person's name", "ada@example.com", "+49170", "case\n", "case:\x1f", "user:zq42", "u1795399089", "case:AB12"],
)
def test_free_text_is_no_reason(text: str) -> None:
    with pytest.raises(AttuneError) as refused:
        read_reason(text)
    assert (refused.value.code, refused.value.status) == ("invalid_reason", 400)
