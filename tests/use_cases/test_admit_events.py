"""The one door: a plan on what the sender said, then the source's normalisation, then hashing."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.definitions.kinds import Definition, Definitions, snapshot
from attune.domain.definitions.normalisation import CategoryValue, CountryValue, Normalisation
from attune.domain.definitions.tracking_plans import PlannedEvent, TrackingPlan
from attune.domain.events import Event, Rejected
from attune.use_cases.collection.admit_events import AdmitEvents
from tests.builders import Pseudonyms, identifiers, source

RAW = b'{"as": "it came"}'
COUNTRY = {"properties": {"country": {"enum": ["de", "fr"]}}}


class Door:
    def __init__(self) -> None:
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        self.admit = AdmitEvents(Pseudonyms(), lambda name, number, by: self.counted.append((name, number, dict(by))))

    def __call__(self, said: Event, *defined: Definition) -> Event | Rejected:
        definitions = snapshot(defined)
        return self.admit(said, RAW, definitions.sources["shop"], definitions)


@pytest.fixture
def door() -> Door:
    return Door()


def plan(schema: dict[str, Any] | None = None, **fields: Any) -> TrackingPlan:
    return TrackingPlan(id="p", **{"events": {"Viewed": PlannedEvent(properties=schema or COUNTRY)}, **fields})


def event(**fields: Any) -> Event:
    said: dict[str, Any] = {"type": "track", "message_id": "m", "time": 1, "name": "Viewed"}
    said["identifiers"] = identifiers(user_id="u")
    return Event(**(said | fields))


def test_a_source_without_either_changes_nothing(door: Door) -> None:
    said = event(properties={"country": 5})
    assert door(said, source()) is said
    assert door.counted == []


def test_the_plan_judges_what_the_sender_said_before_it_is_normalised(door: Door) -> None:
    planned = source(tracking_plan="p", normalise=Normalisation(values={"properties.country": CountryValue()}))
    strict = plan(on_violation="block")
    admitted = door(event(properties={"country": "de"}), planned, strict)
    assert isinstance(admitted, Event)
    assert (admitted.properties, admitted.notes) == ({"country": "DE"}, ("normalised:properties.country",))
    refused = door(event(properties={"country": "DE"}), planned, strict)
    assert refused == Rejected(reason="plan_violation", raw=RAW)


def test_an_unplanned_event_has_a_reason_of_its_own(door: Door) -> None:
    refused = door(event(name="x"), source(tracking_plan="p"), plan(unplanned_events="block"))
    assert refused == Rejected(reason="unplanned_event", raw=RAW)


def test_violations_are_counted_by_reason_and_say_nothing_of_the_sender_s(door: Door) -> None:
    planned = source(tracking_plan="p")
    door(event(properties={"country": "ada@example.com"}), planned, plan())
    door(event(name="ada@example.com"), planned, plan())
    door(event(properties={"country": "de"}), planned, plan())
    assert door.counted == [
        ("PlanViolations", 1, {"source": "shop", "reason": "wrong_value", "action": "allow", "event": "Viewed"}),
        ("PlanViolations", 1, {"source": "shop", "reason": "unplanned_event", "action": "allow", "event": ""}),
    ]


def test_several_violations_of_one_reason_count_once_for_an_event(door: Door) -> None:
    door(event(), source(tracking_plan="p"), plan({"required": ["a", "b", "c"]}))
    assert [(by["reason"], number) for _, number, by in door.counted] == [("missing_property", 1)]


def test_a_changed_definition_counts_from_the_next_snapshot_on(door: Door) -> None:
    planned = source(tracking_plan="p")
    said = event(properties={"country": "it"})
    assert isinstance(door(said, planned, plan(on_violation="block")), Rejected)
    assert isinstance(door(said, planned, plan({"properties": {}}, on_violation="block")), Event)
    upper = source(normalise=Normalisation(values={"properties.country": CountryValue()}))
    mapped = source(normalise=Normalisation(values={"properties.country": CategoryValue(mapping={"it": "Italy"})}))
    assert [getattr(door(said, one), "properties", None) for one in (upper, mapped, source())] == [
        {"country": "IT"}, {"country": "Italy"}, {"country": "it"},
    ]  # fmt: skip


def test_a_plan_that_was_deleted_meanwhile_judges_nothing(door: Door) -> None:
    definitions = Definitions(sources={"shop": source(tracking_plan="gone")})
    said = event()
    assert door.admit(said, RAW, definitions.sources["shop"], definitions) is said


def test_hashes_are_keyed_and_the_same_in_every_field_and_source(door: Door) -> None:
    rules = Normalisation(hash=("traits.card", "properties.card"))
    found = door(event(traits={"card": "4242"}, properties={"card": "4242"}), source(normalise=rules))
    assert isinstance(found, Event)
    assert found.traits["card"] == found.properties["card"]
    other = AdmitEvents(Pseudonyms(b"another deployment's secret"))
    definitions = snapshot((source(normalise=rules),))
    elsewhere = other(event(traits={"card": "4242"}), RAW, definitions.sources["shop"], definitions)
    assert isinstance(elsewhere, Event)
    assert len(elsewhere.traits["card"]) == 32
    assert elsewhere.traits != found.traits


def test_no_hash_is_the_identity_key_of_anybody(door: Door) -> None:
    rules = Normalisation(hash=("identifiers.user_id",))
    found = door(event(), source(normalise=rules))
    assert isinstance(found, Event)
    assert found.identifiers[0].value not in {Pseudonyms().key(one) for one in identifiers(user_id="u")}
