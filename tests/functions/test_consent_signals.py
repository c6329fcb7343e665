"""Signals of consent from the request to the profile: a browser's header, Google's and OneTrust's words, doubts."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from attune.domain.collection.quarantine import Came, quarantined
from attune.domain.definitions.purposes import Purpose
from attune.domain.definitions.tracking_plans import PlannedEvent, TrackingPlan
from attune.domain.events import Event, Origin, decode_record, encode_event
from attune.use_cases.repairs.read_quarantined import ReadQuarantined
from tests.builders import NOW, Pseudonyms, consent_event, definition_list, definitions, identifiers, source
from tests.functions.door import Door, collect_module
from tests.use_cases.test_process_events import Processor

TRACK = {"type": "track", "event": "Product Viewed", "anonymousId": "visitor"}
STATED = TRACK | {"event": "Segment Consent Preference Updated"}
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
    kept = quarantined("invalid_name", "shop", NOW, refused.raw, came, Pseudonyms().key)
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
    door.post("batch", batch(TRACK, STATED, context=CHOSEN))
    assert [one.evidence for one in door.events()] == [{"method": "banner"}, {"method": "statement"}]


@pytest.mark.parametrize("call", [STATED, TRACK])
@pytest.mark.parametrize("timed", [True, False])
def test_of_calls_without_an_id_that_say_another_thing_of_consent_each_is_heard(
    door: Door, call: dict[str, Any], timed: bool
) -> None:
    processor = Processor(*definition_list())
    processor.send(consent_event({"analytics": True}, identifiers=identifiers(anonymous_id="visitor"), time=NOW - 1))
    stamp = {"timestamp": "2025-06-15T15:06:40Z"} if timed else {}
    for email in (True, False):
        said = {"consent": {"categoryPreferences": {"email": email, "analytics": True}}}
        door.post("track", {**call, **stamp, "context": said}, key=door.server)
    processor.now = max(record.received_at for record in door.records())
    processor(*door.records(), *door.records())
    of_calls = Counter(row["verdict"] for row in processor.rows() if row["message_id"].startswith("derived-"))
    assert of_calls == {"applied": 2, "duplicate": 2}
    assert processor.profile().consent["email"].granted is False


def test_who_refuses_allows_and_refuses_again_in_the_same_words_has_refused(door: Door) -> None:
    for email in (False, True, False, True):
        said = {"consent": {"categoryPreferences": {"email": email, "analytics": True}}}
        door.post("track", {**STATED, "context": said}, key=door.server)
        time.sleep(0.002)
    first, second, third, fourth = (one.message_id for one in door.events())
    assert len({first, second, third}) == 3
    assert fourth == second  # a grant may be a retry that a withdrawal has overtaken


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


STRICT = TrackingPlan(
    id="strict",
    events={"Product Viewed": PlannedEvent(properties={"required": ["sku"]})},
    unplanned_events="block",
    on_violation="block",
)
REFUSED = {"consent": {"categoryPreferences": {"email": False, "personalization": True}}}
UPDATED = {"type": "track", "event": "Segment Consent Preference Updated"}


@pytest.mark.parametrize(
    ("call", "gpc", "heard"),
    [
        (UPDATED, "", {"email": False, "personalization": True}),
        (UPDATED, "1", {"email": False, "personalization": True, "advertising": False}),
        ({"type": "track", "event": "Product Viewed"}, "", {"email": False}),
        ({"type": "track", "event": "Wheel Spun"}, "1", {"email": False, "advertising": False}),
        ({"type": "identify", "traits": {"shoe_size": 42}}, "1", {"email": False, "advertising": False}),
    ],
)
def test_what_a_plan_blocks_still_refuses_and_a_statement_of_it_grants_too(
    call: dict[str, Any], gpc: str, heard: dict[str, bool]
) -> None:
    before = {"analytics": True, "email": True, "advertising": True, "personalization": False}
    processor = Processor(*definition_list())
    for number, name in enumerate(({"anonymous_id": "visitor"}, {"user_id": "ann"})):
        said = identifiers(**name)
        processor.send(consent_event(before, identifiers=said, message_id=f"b{number}"), trusted=True)
    with collect_module() as module:
        door: Door = Door(module, source(tracking_plan="strict"), STRICT)  # type: ignore[arg-type] # any definition
        body = {**call, "userId": "ann", "anonymousId": "visitor", "messageId": "m", "context": REFUSED}
        body.setdefault("properties", {"remark": "not planned"})
        for _ in range(2):
            assert door.post("batch", {"batch": [body]}, key=door.server, sec_gpc=gpc).status == 200
        assert {reason for reason, _ in door.rejected()} <= {"unplanned_event", "plan_violation"}
        records = door.records()
    assert not [word for one in door.stream.records for word in (b"remark", b"shoe") if word in _told(one.data)]
    processor.now = max(record.received_at for record in records)
    processor(*records)
    for who in (("anonymous_id", "visitor"), ("user_id", "ann")):
        profile = processor.profile(*who)
        assert {name: one.granted for name, one in profile.consent.items()} == before | heard
        assert (profile.events, profile.traits) == (0, {})
    assert processor.profile("anonymous_id", "visitor").profile_id != processor.profile("user_id", "ann").profile_id
    told = Counter(row["verdict"] for row in processor.rows() if row["message_id"].startswith("consent-"))
    assert told == {"applied": 2, "duplicate": 2}


def test_a_browser_s_blocked_word_grants_nothing_in_another_s_name() -> None:
    processor = Processor(*definition_list())
    ann = identifiers(user_id="ann", anonymous_id="laptop")
    processor.send(consent_event({"personalization": False, "email": True}, identifiers=ann), trusted=True)
    with collect_module() as module:
        door: Door = Door(module, source(tracking_plan="strict"), STRICT)  # type: ignore[arg-type] # any definition
        door.post("track", {**UPDATED, "userId": "ann", "anonymousId": "stranger", "context": REFUSED})
        processor.now = max(record.received_at for record in door.records())
        processor(*door.records())
    found = {name: one.granted for name, one in processor.profile("user_id", "ann").consent.items()}
    assert found == {"personalization": False, "email": False}


def test_a_blocked_statement_that_refuses_storing_grants_nothing() -> None:
    said = {"consent": {"categoryPreferences": {"analytics": False, "email": True}}}
    with collect_module() as module:
        door: Door = Door(module, source(tracking_plan="strict"), STRICT)  # type: ignore[arg-type] # any definition
        door.post("track", {**UPDATED, "anonymousId": "visitor", "context": said})
    assert [one.consent for one in door.events()] == [{"analytics": False}]


def test_what_is_blocked_and_refuses_nothing_says_nothing() -> None:
    with collect_module() as module:
        door: Door = Door(module, source(tracking_plan="strict"), STRICT)  # type: ignore[arg-type] # any definition
        door.post("batch", batch({"type": "page", "anonymousId": "visitor"}, context=CHOSEN))
    assert (len(door.rejected()), door.events()) == (1, [])


def _told(data: bytes) -> bytes:
    """What is taken in of a record, without what goes to quarantine."""
    return b"".join(encode_event(event) for event in decode_record(data).events)


def test_evidence_survives_the_stream(door: Door) -> None:
    door.post("track", TRACK | {"context": {"consent": CHOSEN["consent"] | {"notice": "2025-06"}}})
    [stored] = door.stream.records
    [event] = decode_record(stored.data).events
    assert event.evidence == {"method": "banner", "notice": "2025-06"}
    assert msgspec.convert(json.loads(stored.data)["events"][0], Event).evidence == event.evidence
