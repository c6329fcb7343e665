from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Rejected
from attune.domain.identifiers import Identifier
from attune.sources.segment import normalise
from attune.sources.segment_requests import Envelope
from tests.builders import DAY, HOUR, NOW, SECOND, identifiers, source

YEAR = 365 * DAY


def iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()


def read(
    fields: Any, *, envelope: Envelope | None = None, of: Source | None = None, **changes: Any
) -> Event | Rejected:
    whole = {**fields, **changes} if isinstance(fields, dict) else fields
    raw = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
    return normalise(raw, envelope or Envelope(items=(raw,)), of or source(), NOW)


def event(fields: Any, **options: Any) -> Event:
    found = read(fields, **options)
    assert isinstance(found, Event), found
    return found


def reason(fields: Any, **options: Any) -> str:
    found = read(fields, **options)
    assert isinstance(found, Rejected), found
    return found.reason


TRACK: dict[str, Any] = {"type": "track", "event": "Product Viewed", "userId": "u1", "messageId": "m1"}
IDENTIFY: dict[str, Any] = {"type": "identify", "userId": "u1", "messageId": "m1"}


def test_a_track_call_keeps_its_name_its_properties_and_its_context() -> None:
    found = event(TRACK, properties={"sku": "a"}, context={"ip": "192.0.2.1"}, anonymousId="d1")
    assert (found.type, found.name, found.message_id) == ("track", "Product Viewed", "m1")
    assert (found.properties, found.context, found.traits) == ({"sku": "a"}, {"ip": "192.0.2.1"}, {})
    assert found.identifiers == identifiers(user_id="u1", anonymous_id="d1")


def test_identifiers_come_from_ids_traits_and_external_ids_strongest_first() -> None:
    external = [{"id": "L-7", "type": "loyalty_id"}, {"id": "x", "type": "ios.idfa"}, {"id": "no type"}, "odd", {}]
    context = {"externalIds": external, "traits": {"phone": "+44 20 7946 0000"}}
    found = event(IDENTIFY, anonymousId="d1", traits={"email": " Ada@Example.com "}, context=context)
    assert [(i.namespace, i.value) for i in found.identifiers] == [
        ("user_id", "u1"),
        ("loyalty_id", "L-7"),
        ("email", "ada@example.com"),
        ("phone", "+442079460000"),
        ("ios_idfa", "x"),
        ("anonymous_id", "d1"),
    ]


def test_null_and_meaningless_ids_are_absent() -> None:
    assert event(TRACK, anonymousId=None).identifiers == identifiers(user_id="u1")
    assert reason(TRACK, userId=None, anonymousId="") == "no_identifier"
    assert (
        reason(TRACK, userId="undefined") == reason(TRACK, userId=True) == reason(TRACK, userId={}) == "no_identifier"
    )


def test_a_number_as_user_id_is_its_digits() -> None:
    assert event(TRACK, userId=42).identifiers == identifiers(user_id="42")


def test_the_weakest_of_too_many_identifiers_are_dropped_with_a_note() -> None:
    external = [{"id": f"v{n}", "type": f"n{n:02}"} for n in range(30)]
    found = event(TRACK, context={"externalIds": external}, anonymousId="d1")
    assert len(found.identifiers) == 16
    assert found.identifiers[0] == Identifier("user_id", "u1")
    assert "identifiers_dropped" in found.notes


def test_the_traits_of_a_track_call_name_a_person_but_do_not_change_one() -> None:
    found = event(TRACK, context={"traits": {"email": "a@b.example", "plan": "gold"}})
    assert Identifier("email", "a@b.example") in found.identifiers
    assert found.traits == {}
    assert found.context["traits"]["plan"] == "gold"


def test_identify_takes_traits_from_both_places_and_its_own_win() -> None:
    found = event(IDENTIFY, traits={"plan": "gold"}, context={"traits": {"plan": "free", "city": "Ulm"}, "ip": "x"})
    assert found.traits == {"plan": "gold", "city": "Ulm"}
    assert found.context == {"ip": "x"}


def test_a_group_describes_the_group_not_the_person() -> None:
    found = event({"type": "group", "userId": "u1", "groupId": "g1", "traits": {"email": "office@g.example"}})
    assert found.properties == {"groupId": "g1", "traits": {"email": "office@g.example"}}
    assert found.traits == {}
    assert found.identifiers == identifiers(user_id="u1")


def test_a_page_called_like_an_event_is_a_page() -> None:
    found = event({"type": "page", "userId": "u1", "name": "Order Completed", "category": "Docs"})
    assert found.name == ""
    assert found.properties == {"name": "Order Completed", "category": "Docs"}


def test_an_alias_links_both_ids() -> None:
    found = event({"type": "alias", "userId": "u1", "previousId": "d9"})
    assert found.identifiers == identifiers(user_id="u1", anonymous_id="d9")


def test_nothing_that_a_client_sends_is_lost() -> None:
    sent = {"integrations": {"All": False}, "version": 2, "_metadata": {"a": 1}, "traits": {"b": 2}, "writeKey": "k"}
    found = event(TRACK, **sent)
    assert found.context == {
        "integrations": {"All": False},
        "unknown_fields": {"version": 2, "_metadata": {"a": 1}, "traits": {"b": 2}},
    }


def test_the_context_of_a_batch_reaches_its_events_and_theirs_wins() -> None:
    envelope = Envelope(items=(), context={"ip": "1", "locale": "de"}, integrations={"All": True})
    found = event(TRACK, envelope=envelope, context={"ip": "2"})
    assert found.context == {"ip": "2", "locale": "de", "integrations": {"All": True}}


def test_a_single_call_has_the_type_of_its_path() -> None:
    assert event(TRACK, envelope=Envelope(items=(), call="identify")).type == "identify"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "Track"}, "invalid_type"),
        ({"type": None}, "invalid_type"),
        ({"type": ["track"]}, "invalid_type"),
        ({"type": "$wake"}, "reserved_name"),
        ({"event": "$consent"}, "reserved_name"),
        ({"event": "  $erase"}, "reserved_name"),
        ({"type": "page", "name": "$score"}, "reserved_name"),
        ({"event": ""}, "invalid_name"),
        ({"event": None}, "invalid_name"),
        ({"event": 7}, "invalid_name"),
        ({"properties": []}, "invalid_event"),
        ({"context": "x"}, "invalid_event"),
        ({"type": "identify", "traits": 1}, "invalid_event"),
        ({"messageId": "m" * 101}, "invalid_message_id"),
        ({"messageId": {}}, "invalid_message_id"),
        ({"timestamp": "yesterday"}, "invalid_time"),
        ({"timestamp": ""}, "invalid_time"),
        ({"timestamp": 0}, "invalid_time"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "invalid_time"),
        ({"timestamp": NOW + 2 * YEAR}, "invalid_time"),
        ({"context": {"consent": "yes"}}, "invalid_consent"),
        ({"context": {"consent": {"categoryPreferences": []}}}, "invalid_consent"),
        ({"context": {"consent": {"categoryPreferences": {"analytics": "true"}}}}, "invalid_consent"),
    ],
)
def test_what_is_no_event_is_rejected_with_its_reason(changes: dict[str, Any], expected: str) -> None:
    assert reason(TRACK, **changes) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"[]", "invalid_event"),
        (b'"x"', "invalid_event"),
        (b"null", "invalid_event"),
        (b"7", "invalid_event"),
        (b'{"type":"track","type":"track"}', "duplicate_keys"),
        (b'{"a":1e999}', "invalid_number"),
        (b'{"a":' * 20 + b"1" + b"}" * 20, "too_deep"),
    ],
)
def test_rejected_input_keeps_its_bytes(raw: bytes, expected: str) -> None:
    assert read(raw) == Rejected(reason=expected, raw=raw)


def test_a_name_as_long_as_allowed_and_odd_keys_are_data() -> None:
    odd = {"__proto__": 1, "$set": {"a": 2}, "a.b": 3, "": 4, "\x00": 5}
    assert event(TRACK, messageId="m" * 100, properties=odd).properties == odd


def test_a_wrong_clock_is_corrected_by_what_it_says_of_the_sending() -> None:
    wrong = 3 * HOUR
    found = event(TRACK, timestamp=NOW - 90 * SECOND - wrong, sentAt=NOW - 10 * SECOND - wrong)
    assert found.time == NOW - 80 * SECOND
    assert found.notes == ()


def test_the_original_timestamp_is_the_clients_own() -> None:
    found = event(TRACK, originalTimestamp=NOW - HOUR, timestamp=NOW, sentAt=NOW, receivedAt=NOW)
    assert found.time == NOW - HOUR


def test_the_batch_says_when_it_was_sent_where_the_event_does_not() -> None:
    envelope = Envelope(items=(), sent_at=iso(NOW + HOUR))
    assert event(TRACK, envelope=envelope, timestamp=iso(NOW + HOUR - SECOND)).time == NOW - SECOND


def test_without_a_time_the_event_happened_when_it_came() -> None:
    assert event(TRACK).time == event(TRACK, timestamp=None).time == NOW


def test_a_time_in_the_future_is_clamped_with_a_note() -> None:
    found = event(TRACK, timestamp=NOW + HOUR)
    assert (found.time, found.notes) == (NOW, ("time_clamped",))


def test_an_unreadable_time_of_sending_corrects_nothing() -> None:
    assert event(TRACK, timestamp=NOW - HOUR, sentAt="soon").time == NOW - HOUR


def test_a_retry_has_the_same_fingerprint_and_another_content_another() -> None:
    first = event(TRACK, timestamp=iso(NOW), sentAt=iso(NOW), properties={"a": 1, "b": 2})
    retry = event(TRACK, timestamp=iso(NOW), sentAt=iso(NOW + HOUR), properties={"b": 2, "a": 1}, context={"n": 2})
    assert first.fingerprint == retry.fingerprint
    assert len(first.fingerprint) == 16
    others: list[dict[str, Any]] = [
        {"properties": {"a": 1}},
        {"event": "Else"},
        {"timestamp": iso(NOW - 1)},
        {"userId": "u2"},
    ]
    prints = {event(TRACK, **{"timestamp": iso(NOW), "properties": {"a": 1, "b": 2}, **o}).fingerprint for o in others}
    assert len(prints | {first.fingerprint}) == 5


def test_a_missing_message_id_follows_from_source_and_content() -> None:
    first, again = event(TRACK, messageId=None, timestamp=NOW), event(TRACK, messageId="", timestamp=NOW)
    assert first.message_id == again.message_id != ""
    assert "message_id_derived" in first.notes
    assert event(TRACK, messageId=None, timestamp=NOW, of=source(id="other")).message_id != first.message_id


def test_a_missing_message_id_follows_from_what_is_said_of_consent_too() -> None:
    """Or a withdrawal in the words of the grant before it would be a duplicate of it."""

    def named(preferences: dict[str, bool] | None, **more: Any) -> str:
        said = {"consent": {"categoryPreferences": preferences}}
        return event(TRACK, messageId=None, timestamp=NOW, context=said, **more).message_id

    allowed = {"email": True, "analytics": True}
    assert named(allowed) == named(dict(reversed(allowed.items())))
    others = [None, {"email": True}, {"email": False}, {"email": False, "analytics": True}]
    assert len({named(one) for one in (allowed, *others)}) == 5
    assert named({"unheard_of": True}) == named(None) == event(TRACK, messageId=None, timestamp=NOW).message_id


def consent(preferences: dict[str, bool], **fields: Any) -> Event:
    return event(TRACK, context={"consent": {"categoryPreferences": preferences}}, of=source(**fields))


def test_consent_is_read_by_name_and_by_the_sources_categories() -> None:
    found = consent(
        {"analytics": True, "C0004": False, "unheard_of": True},
        consent_categories={"C0004": ("advertising", "personalization")},
    )
    assert found.consent == {"analytics": True, "advertising": False, "personalization": False}


def test_of_two_categories_for_one_purpose_the_refusal_counts() -> None:
    categories = {"a": ("email",), "b": ("email",)}
    assert consent({"a": False, "b": True}, consent_categories=categories).consent == {"email": False}
    assert consent({"a": True, "b": False}, consent_categories=categories).consent == {"email": False}


def test_what_the_source_vouches_for_is_kept_apart_from_what_the_person_said() -> None:
    found = consent({"email": False}, consent={"analytics": True, "email": True})
    assert found.consent == {"email": False}
    assert found.basis == {"analytics": True, "email": True}
    assert consent({}, consent={"analytics": True}).basis is None


def test_silence_about_consent_is_silence() -> None:
    assert event(TRACK, context={"consent": None}).consent is None
    assert event(TRACK, context={"consent": {"categoryPreferences": None}}).consent is None
