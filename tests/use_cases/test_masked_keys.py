"""What a masked server key is shown of a person, through every use case that shows a server key anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.adapters.memory import MemoryDeliveries, MemoryHolds, MemoryKeys, MemoryStream, PlainSeal
from attune.adapters.memory_history import MemoryHistory
from attune.adapters.memory_ledger import MemoryLedger
from attune.domain.definitions.computations import Last
from attune.domain.definitions.conditions import Aggregate, AllOf, Performed, PropertyTest, TraitTest
from attune.domain.definitions.kinds import ComputedTrait
from attune.domain.definitions.sources import Source
from attune.ports import Key
from attune.use_cases.consent.explain_consent import ExplainConsent
from attune.use_cases.profiles.manage_profiles import ManageProfiles
from attune.use_cases.segments.explain_segments import ExplainSegments
from tests.builders import NOW, Pseudonyms, definition_list, event, identifiers, identify, views_segment
from tests.use_cases.test_process_events import Processor

ADDRESS = "email:ada@example.com"
KNOWN_BY = identifiers(user_id="u1", email="ada@example.com", phone="+493012345678")
#: what tells who somebody is, or how to reach them
SECRETS = ("ada@example.com", "ada%40example.com", "3012345678", "Ada", "Lovelace", "Gasse 7", "1815-12-10", "mittens")
SAID = {
    "first_name": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "address": {"street": "Gasse 7", "country": "DE"},
    "birthday": "1815-12-10",
    "remark": "ring 030 12345678",
    "referrer": "https://shop.example/?who=ada%40example.com",
    "cat": "mittens",
    "tier": "gold",
    "pet": {"cat": "mittens"},
    "ada@example.com": True,
}
DEFINED = definition_list(
    Source(id="shop", personal=("cat",)),
    views_segment(
        id="named",
        when=AllOf(
            conditions=(
                TraitTest(trait="first_name", operator="is_not_empty"),
                TraitTest(trait="remark", operator="is_not_empty"),
                TraitTest(trait="whom", operator="is_not_empty"),
                TraitTest(trait="tier", value="gold"),
                TraitTest(trait="lastName", operator="in", value=["Lovelace", "Hopper"]),
                TraitTest(trait="email", value="ada@example.com"),
                TraitTest(trait="remark", operator="starts_with", value="ring 030 123456"),
                TraitTest(trait="ada@example.com", value=True),
                Performed(event="Form Sent", where=(PropertyTest(property="first_name", value="Ada"),)),
                Aggregate(function="distinct", event="Form Sent", property="pet.cat", operator="at_least", value=1),
                Aggregate(function="distinct", event="Form Sent", property="first_name", operator="at_least", value=1),
            )
        ),
    ),
    ComputedTrait(id="whom", compute=Last(event="Form Sent", property="first_name")),
)


class Desk:
    """One person of whom everything personal is known, and every use case that shows them."""

    def __init__(self) -> None:
        self.processor = Processor(*DEFINED)
        self.processor.send(identify(SAID, identifiers=KNOWN_BY, message_id="m1"))
        self.processor.send(
            event(
                "Form Sent",
                message_id="m2",
                identifiers=KNOWN_BY,
                properties={"first_name": "Ada", "pet": {"cat": "mittens"}},
            )
        )

    def shown(self, key: Key) -> dict[str, Any]:
        processor = self.processor
        about: dict[str, Any] = {
            "profiles": processor.store,
            "definitions": processor.definitions,
            "pseudonyms": Pseudonyms(),
            "clock": lambda: processor.now,
        }
        keys, holds = MemoryKeys(), MemoryHolds()
        never: dict[str, Any] = {"stream": MemoryStream(), "in_flight": lambda _: False}
        profiles = ManageProfiles(**about, deliveries=MemoryDeliveries(), holds=holds, keys=keys, **never)
        history: Any = MemoryHistory(lambda: list(processor.lake.rows), processor.store)
        segments = ExplainSegments(**about, holds=holds, keys=keys, history=history, seal=PlainSeal())
        consent = ExplainConsent(**about, holds=holds, chains=MemoryLedger(processor.store))
        past = "2025-06-15T15:06:40.000Z"
        return {
            "profile": profiles.read(ADDRESS, key),
            "why": segments(ADDRESS, "named", {}, key),
            "why then": segments(ADDRESS, "named", {"at": past}, key),
            "consent": consent(ADDRESS, key),
        }


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def key(role: str) -> Key:
    return Key(key_id="k", source="shop", type="server", digest="", created_at=NOW, role=role)


def test_a_full_key_sees_the_person(desk: Desk) -> None:
    """Or the tests below would show nothing."""
    text = json.dumps(desk.shown(key("full")), ensure_ascii=False)
    assert [secret for secret in (*SECRETS, "030 12345678") if secret not in text] == []


@pytest.mark.parametrize("role", ["masked", "a role of tomorrow"])
def test_no_answer_to_a_masked_key_says_how_to_reach_the_person_or_who_they_are(desk: Desk, role: str) -> None:
    text = json.dumps(desk.shown(key(role)), ensure_ascii=False)
    assert not [secret for secret in (*SECRETS, "12345678") if secret in text]


def test_it_shows_all_else(desk: Desk) -> None:
    masked, full = desk.shown(key("masked")), desk.shown(key("full"))
    assert masked["profile"]["traits"]["tier"] == "gold"
    assert masked["profile"]["identifiers"] == [
        {"namespace": "user_id", "value": "u1"},
        {"namespace": "email", "value": "a…@example.com"},
        {"namespace": "phone", "value": "…78"},
    ]
    for part in ("profile_id", "segments", "consent", "deliveries", "lists"):
        assert masked["profile"][part] == full["profile"][part]
    assert masked["profile"]["traits"].keys() - {"…"} == full["profile"]["traits"].keys() - {"ada@example.com"}
    assert masked["why"]["in"] is full["why"]["in"] is True
    assert masked["consent"] == full["consent"]


def test_why_somebody_is_in_a_segment_is_told_without_what_was_compared(desk: Desk) -> None:
    parts = desk.shown(key("masked"))["why"]["standings"][0]["condition"]["parts"]
    compared = {part["condition"].get("trait"): part["rests_on"]["value"] for part in parts}
    assert compared["tier"] == "gold"
    assert compared["first_name"] == compared["remark"] == compared["whom"] == "…"


def test_what_is_hidden_is_not_told_by_what_it_is_compared_with(desk: Desk) -> None:
    parts = desk.shown(key("masked"))["why"]["standings"][0]["condition"]["parts"]
    words = {part["condition"].get("trait"): part["condition"] for part in parts}
    assert words["tier"] == {"type": "trait", "trait": "tier", "value": "gold"}
    assert words["lastName"] == {"type": "trait", "trait": "lastName", "operator": "in", "value": "…"}
    assert words["email"]["value"] == words["remark"]["value"] == "…"
    [where] = next(part["condition"]["where"] for part in parts if "where" in part["condition"])
    assert where == {"property": "first_name", "value": "…"}
