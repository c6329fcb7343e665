"""Signals of consent from the request to the profile: a browser's header, Google's and OneTrust's words, doubts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from attune.domain.events import Event, Origin, decode_record
from attune.domain.purposes import Purpose
from attune.domain.quarantine import Came, quarantined
from attune.use_cases.read_quarantined import ReadQuarantined
from tests.builders import NOW, Pseudonyms, consent_event, definition_list, definitions, identifiers, source
from tests.functions.door import Door, collect_module
from tests.use_cases.test_process_events import Processor

TRACK = {"type": "track", "event": "Product Viewed", "anonymousId": "visitor"}
NO_NAME = {"type": "track", "anonymousId": "visitor"}
CHOSEN = {"consent": {"categoryPreferences": {"analytics": True, "advertising": True}}}
RESEARCH = Purpose(id="research", signals=("gpc",))


@pytest.fixture
def door() -> Iterator[Door]:
    with collect_module() as module:
        yield Door(module)


def batch(*calls: dict[str, Any], **shared: Any) -> dict[str, Any]:
    return {"batch": [dict(call, messageId=f"m{number}") for number, call in enumerate(calls)], **shared}


def test_a_browser_s_header_speaks_for_every_event_of_its_request(door: Door) -> None:
    assert door.post("batch", batch(TRACK, TRACK, context=CHOSEN), sec_gpc="1").status == 200
    assert [one.consent for one in door.events()] == [{"analytics": True, "advertising": False}] * 2
    assert [one.evidence for one in door.events()] == [{"method": "banner", "advertising": "gpc"}] * 2
    assert door.post("track", TRACK, sec_gpc="1").status == 200
    assert (door.events()[-1].consent, door.events()[-1].evidence) == ({"advertising": False}, {"method": "gpc"})


@pytest.mark.parametrize("said", ["0", "", "true", "2", "1,0", "yes", "null"])
def test_any_other_value_says_nothing(door: Door, said: str) -> None:
    door.post("track", TRACK, sec_gpc=said)
    assert door.events()[-1].consent is None


def test_which_purposes_it_withdraws_is_the_company_s_to_define() -> None:
    with collect_module() as module:
        door: Door = Door(module, RESEARCH)  # type: ignore[arg-type] # any definition will do
        door.post("track", TRACK, sec_gpc="1")
    assert door.events()[-1].consent == {"advertising": False, "research": False}


def test_a_call_that_comes_back_out_of_quarantine_still_has_it(door: Door) -> None:
    door.post("batch", batch(NO_NAME), sec_gpc="1")
    [refused] = [one for record in door.records() for one in record.rejected]
    assert refused.how["gpc"] is True
    came = Came(how=refused.how, origin=Origin.CLIENT, trusted=False)
    kept = quarantined("invalid_name", "shop", NOW, refused.raw, came)
    patch = "merge(@, {event: 'Product Viewed'})"
    reread = ReadQuarantined(Pseudonyms())(kept, refused.raw, came, definitions(source()), patch, NOW)
    assert [one.consent for one in reread.events] == [{"advertising": False}]


def test_it_ends_a_permission_and_leaves_the_others(door: Door) -> None:
    processor = Processor(*definition_list())
    everything = {"analytics": True, "personalization": True, "email": True, "advertising": True}
    processor.send(consent_event(everything, identifiers=identifiers(anonymous_id="visitor"), time=NOW - 1))
    door.post("track", TRACK, sec_gpc="1")
    processor.now = max(record.received_at for record in door.records())
    processor(*door.records())
    assert {name: one.granted for name, one in processor.profile().consent.items()} == everything | {
        "advertising": False
    }
    assert processor.profile().events >= 1


def test_a_statement_is_told_from_what_rides_along(door: Door) -> None:
    updated = {"type": "track", "event": "Segment Consent Preference Updated", "anonymousId": "visitor"}
    door.post("batch", batch(TRACK, updated, context=CHOSEN))
    assert [one.evidence for one in door.events()] == [{"method": "banner"}, {"method": "statement"}]


def test_what_is_odd_is_noted_and_counted_by_source(door: Door) -> None:
    odd = {"consent": {"categoryPreferences": {"Fishing": True, "advertising": True}}}
    modes = {"consent": {"googleConsentMode": {"ad_storage": "denied"}, "categoryPreferences": {"advertising": True}}}
    door.post("batch", batch({**TRACK, "context": odd}, {**TRACK, "context": modes}, {**TRACK, "context": odd}))
    told = {
        (dimensions["source"], dimensions["reason"]): value
        for name, value, dimensions in door.counted
        if name == "ConsentDoubts"
    }
    assert told == {("shop", "unknown_purpose"): 2, ("shop", "consent_contradiction"): 1}
    assert [one.notes for one in door.events()] == [
        ("unknown_purpose",),
        ("consent_contradiction",),
        ("unknown_purpose",),
    ]
    assert [one.consent for one in door.events()] == [
        {"advertising": True},
        {"advertising": False},
        {"advertising": True},
    ]


@pytest.mark.parametrize(
    "consent",
    [
        {"googleConsentMode": {"ad_storage": "perhaps"}},
        {"oneTrustGroups": "C0002"},
        {"categoryPreferences": {"email": "yes"}},
    ],
)
def test_what_cannot_be_read_is_put_aside_and_stores_nothing(door: Door, consent: dict[str, Any]) -> None:
    assert door.post("track", TRACK | {"context": {"consent": consent}}).status == 200
    assert ([reason for reason, _ in door.rejected()], door.events()) == (["invalid_consent"], [])


def test_evidence_survives_the_stream(door: Door) -> None:
    door.post("track", TRACK | {"context": {"consent": CHOSEN["consent"] | {"notice": "2025-06"}}})
    [stored] = door.stream.records
    [event] = decode_record(stored.data).events
    assert event.evidence == {"method": "banner", "notice": "2025-06"}
    assert msgspec.convert(json.loads(stored.data)["events"][0], Event).evidence == event.evidence
