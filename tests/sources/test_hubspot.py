"""HubSpot's webhooks: whose signature counts and for how long, what each notification becomes, and whom it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event, Rejected
from attune.domain.identifiers import Identifier
from attune.sources.hubspot import MAX_NOTIFICATIONS, NOTIFICATIONS, Notification, proves, read, sign, signed_address
from attune.sources.hubspot_contacts import TRAITS
from attune.sources.webhooks import Call, Reading
from tests.builders import HOUR, NOW, identifiers

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "../shared/data/webhooks/hubspot"
URL = "https://collect.example/v1/webhooks/crm"
CRM = Source(id="crm", type="hubspot", url=URL, consent={"analytics": True})
SECRET = "client secret"
AT = NOW - HOUR
CREATED = {
    "eventId": 1,
    "subscriptionId": 12345,
    "portalId": 62515,
    "appId": 1,
    "occurredAt": AT,
    "subscriptionType": "contact.creation",
    "attemptNumber": 0,
    "objectId": 123,
    "changeSource": "CRM",
    "changeFlag": "NEW",
}


def changed(name: str, value: Any, **more: Any) -> dict[str, Any]:
    change = {"subscriptionType": "contact.propertyChange", "propertyName": name, "propertyValue": value}
    return CREATED | change | more


def said(*notifications: Any) -> Reading:
    return read(Call(body=json.dumps(notifications).encode()), CRM, NOW)


def event(notification: dict[str, Any]) -> Event:
    found = said(notification)
    assert found.rejected == ()
    (only,) = found.events
    return only


def stated(*notifications: Any) -> list[tuple[dict[str, bool] | None, int]]:
    return [(one.consent, one.time) for one in said(*notifications).made]


# ------------------------------------------------------------------------------------------------- the signature


def call(body: bytes = b"[]", *, now: int = NOW, secret: str = SECRET, url: str = URL, **changes: Any) -> Call:
    query = changes.get("raw_query", "")
    signed = sign(secret, "POST", signed_address(url, query), body, str(now)).decode()
    headers = {"x-hubspot-signature-v3": signed, "x-hubspot-request-timestamp": str(now)}
    return Call(headers=headers | changes.pop("headers", {}), body=body, **changes)


def test_hubspots_own_vector_passes() -> None:
    source = Source(id="crm", type="hubspot", url="https://www.example.com/webhook_uri")
    headers = {
        "x-hubspot-signature-v3": "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
        "x-hubspot-request-timestamp": "15000000",
    }
    vector = Call(headers=headers, body=b"{'example_field':'example_value'}")
    assert proves(vector, source, ["yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"], 15_000_000)


@pytest.mark.parametrize(
    ("age", "passes"), [(0, True), (300_000, True), (300_001, False), (-300_000, True), (-300_001, False)]
)
def test_a_call_counts_for_five_minutes_to_the_millisecond(age: int, passes: bool) -> None:
    assert proves(call(now=NOW - age), CRM, [SECRET], NOW) is passes


def test_a_time_in_seconds_is_stale() -> None:
    assert not proves(call(now=NOW // 1000), CRM, [SECRET], NOW)


def test_either_of_two_live_secrets_signs_and_no_other() -> None:
    assert proves(call(secret="old"), CRM, ["new", "old"], NOW)
    assert not proves(call(secret="older"), CRM, ["new", "old"], NOW)
    assert not proves(call(secret=""), CRM, [""], NOW)
    assert not proves(call(), CRM, [], NOW)


@pytest.mark.parametrize("stamp", ["", "x", "-1", "1e12", str(NOW) + ".0", "\uff19" * 13, "1" * 400, "\udcff"])
def test_a_malformed_time_is_refused(stamp: str) -> None:
    assert not proves(call(headers={"x-hubspot-request-timestamp": stamp}), CRM, [SECRET], NOW)


@pytest.mark.parametrize("signed", ["", "x", "é", "\udcff", "AAAA"])
def test_a_malformed_signature_is_refused(signed: str) -> None:
    assert not proves(call(headers={"x-hubspot-signature-v3": signed}), CRM, [SECRET], NOW)


def test_older_versions_of_the_signature_do_not_count() -> None:
    sound = call()
    older = {"x-hubspot-signature": sound.headers["x-hubspot-signature-v3"], "x-hubspot-signature-version": "v2"}
    stamp = {"x-hubspot-request-timestamp": str(NOW)}
    assert not proves(Call(headers=older | stamp, body=sound.body), CRM, [SECRET], NOW)


def test_the_address_is_the_definitions_whatever_the_headers_say() -> None:
    elsewhere = call(
        url="https://evil.example/v1/webhooks/crm", headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert not proves(elsewhere, CRM, [SECRET], NOW)
    assert proves(call(headers={"host": "inside.example"}), CRM, [SECRET], NOW)
    assert not proves(call(url=""), Source(id="crm", type="hubspot"), [SECRET], NOW)


def test_method_query_body_and_time_are_all_signed() -> None:
    sound = call(b"[1]", raw_query="a=b")
    assert proves(sound, CRM, [SECRET], NOW)
    for change in ({"method": "PUT"}, {"raw_query": "a=c"}, {"raw_query": ""}, {"body": b"[2]"}):
        fields: dict[str, Any] = {
            "method": sound.method,
            "headers": sound.headers,
            "raw_query": sound.raw_query,
            "body": sound.body,
        }
        assert not proves(Call(**(fields | change)), CRM, [SECRET], NOW)
    moved = call(b"[1]", raw_query="a=b", headers={"x-hubspot-request-timestamp": str(NOW + 1)})
    assert not proves(moved, CRM, [SECRET], NOW)


def test_only_the_escapes_that_hubspot_lists_are_undone() -> None:
    listed = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"
    assert signed_address(URL, f"a={listed}") == f"{URL}?a=:/?@!$'()*,;"
    assert signed_address(URL, "a=%20%25%26%3D%2B%C3%A9%2523A") == f"{URL}?a=%20%25%26%3D%2B%C3%A9%2523A"
    assert signed_address(URL, "a=%253A%3a") == f"{URL}?a=%253A:"
    assert signed_address(URL, "") == URL


@given(st.binary(max_size=60), st.integers(0), st.data())
def test_no_bit_of_a_call_can_be_changed(body: bytes, bit: int, data: st.DataObject) -> None:
    sound = call(body)
    flipped = bytearray(body or b"x")
    flipped[bit // 8 % len(flipped)] ^= 1 << bit % 8
    assert proves(sound, CRM, [SECRET], NOW)
    assert not proves(Call(headers=sound.headers, body=bytes(flipped)), CRM, [SECRET], NOW)
    header = data.draw(st.sampled_from(sorted(sound.headers)))
    odd = data.draw(st.text(max_size=50))
    if odd.strip() != sound.headers[header]:
        assert not proves(Call(headers=sound.headers | {header: odd}, body=body), CRM, [SECRET], NOW)


# ------------------------------------------------------------------------------------------------ notifications


def test_a_new_contact_is_known_by_its_number() -> None:
    found = event(CREATED)
    assert (found.type, found.name, found.time) == ("track", "Contact Created", AT)
    assert found.identifiers == identifiers(hubspot_contact_id="123")
    assert (found.consent, found.basis) == (None, {"analytics": True})


@pytest.mark.parametrize(
    ("kind", "name"),
    [("deletion", "Contact Deleted"), ("restore", "Contact Restored"), ("creation", "Contact Created")],
)
def test_what_happens_to_a_contact_is_told_in_old_and_new_spelling(kind: str, name: str) -> None:
    assert event(CREATED | {"subscriptionType": f"contact.{kind}"}).name == name
    newer = event(CREATED | {"subscriptionType": f"object.{kind}", "objectTypeId": "0-1"})
    assert (newer.name, newer.identifiers) == (name, identifiers(hubspot_contact_id="123"))
    company = said(CREATED | {"subscriptionType": f"object.{kind}", "objectTypeId": "0-2"})
    assert [one.reason for one in company.rejected] == ["unknown_topic"]


@pytest.mark.parametrize(("name", "trait"), [*sorted(TRAITS.items()), ("favourite_colour", "favourite_colour")])
def test_a_changed_property_is_a_trait_as_of_the_change(name: str, trait: str) -> None:
    found = event(changed(name, "value"))
    assert (found.type, found.name, found.time, found.traits) == ("identify", "", AT, {trait: "value"})


@pytest.mark.parametrize("emptied", ["", None])
def test_an_emptied_property_is_a_trait_no_more(emptied: Any) -> None:
    assert event(changed("firstname", emptied)).traits == {"first_name": None}
    assert event(changed("email", emptied)).identifiers == identifiers(hubspot_contact_id="123")


def test_an_address_is_what_somebody_is_known_by() -> None:
    assert event(changed("email", "Ada@Example.com ")).identifiers == identifiers(
        hubspot_contact_id="123", email="ada@example.com"
    )
    for name in ("phone", "mobilephone"):
        assert Identifier("phone", "+16135550100") in event(changed(name, "+1 613 555 0100")).identifiers


def test_what_hubspot_withholds_is_no_value() -> None:
    assert event(changed("email", "REDACTED")).traits == {}
    assert event(changed("email", "REDACTED")).identifiers == identifiers(hubspot_contact_id="123")


def test_merged_contacts_are_one() -> None:
    merge = {
        "subscriptionType": "contact.merge",
        "objectId": 3,
        "primaryObjectId": 1,
        "mergedObjectIds": [1, 2],
        "newObjectId": 3,
    }
    found = event(CREATED | merge)
    assert found.name == "Contact Merged"
    assert {one.value for one in found.identifiers} == {"1", "2", "3"}


def test_a_deletion_for_privacy_is_a_request_and_no_event() -> None:
    notification = CREATED | {"subscriptionType": "contact.privacyDeletion"}
    found = said(notification)
    assert (found.events, found.made, found.rejected) == ((), (), ())
    (request,) = found.requests
    assert (request.kind, request.identifiers, request.source) == (
        "erasure",
        identifiers(hubspot_contact_id="123"),
        "crm",
    )
    assert said(notification | {"attemptNumber": 3, "eventId": 9}).requests[0].request_id == request.request_id
    assert said(notification | {"objectId": 124}).requests[0].request_id != request.request_id
    plain = said(CREATED | {"subscriptionType": "contact.deletion"})
    assert (plain.requests, [one.name for one in plain.events]) == ((), ["Contact Deleted"])


def test_a_notification_sent_again_is_the_same_message() -> None:
    first = event(changed("firstname", "Ada"))
    again = event(changed("firstname", "Ada", eventId=77, attemptNumber=4))
    assert (again.message_id, again.fingerprint) == (first.message_id, first.fingerprint)


@pytest.mark.parametrize(
    "change",
    [{"portalId": 2}, {"subscriptionId": 2}, {"objectId": 2}, {"occurredAt": AT + 1}, {"propertyName": "lastname"}],
)
def test_whatever_the_composite_key_names_tells_messages_apart(change: dict[str, Any]) -> None:
    first = changed("firstname", "Ada")
    assert event(first).message_id != event(first | change).message_id


def test_a_batch_is_read_one_by_one_and_what_is_bad_is_kept_alone() -> None:
    batch = [CREATED | {"objectId": 1_000 + number} for number in range(98)]
    found = said(batch[0], {"subscriptionType": "deal.creation", "objectId": 5}, "x", *batch[1:])
    assert len(found.events) == len(found.raws) == 98
    assert [json.loads(raw) for raw in found.raws] == batch
    assert [(one.reason, json.loads(one.raw), one.how) for one in found.rejected] == [
        ("unknown_topic", {"subscriptionType": "deal.creation", "objectId": 5}, {"item": True}),
        ("invalid_event", "x", {"item": True}),
    ]


def test_more_notifications_than_a_call_may_hold_are_kept_as_one() -> None:
    full = json.dumps([1] * MAX_NOTIFICATIONS).encode()
    assert len(read(Call(body=full), CRM, NOW).rejected) == MAX_NOTIFICATIONS
    more = json.dumps([1] * (MAX_NOTIFICATIONS + 1)).encode()
    assert read(Call(body=more), CRM, NOW) == Reading(rejected=(Rejected(reason="too_many_items", raw=more),))


def test_what_comes_out_of_quarantine_is_read_as_the_item_it_was() -> None:
    item = json.dumps(CREATED).encode()
    assert read(Call(body=item, item=True), CRM, NOW).events == said(CREATED).events
    assert [one.reason for one in read(Call(body=item), CRM, NOW).rejected] == ["unknown_topic"]


def test_without_a_sound_time_the_receipt_counts() -> None:
    for occurred in (None, "soon", -5, True):
        found = event(CREATED | {"occurredAt": occurred})
        assert (found.time, found.notes) == (NOW, ("time_of_receipt",))
    assert event(CREATED | {"occurredAt": NOW + HOUR}).time == NOW


# ----------------------------------------------------------------------------------------------------- consent


@pytest.mark.parametrize("name", ["hs_email_optout", "hs_email_optout_10841822"])
def test_an_opt_out_withdraws_e_mail_as_of_the_change(name: str) -> None:
    assert stated(changed(name, "true")) == [({"email": False}, AT)]
    assert event(changed(name, "true")).traits == {}


@pytest.mark.parametrize("value", ["false", "", None, "maybe", 0])
def test_an_opt_out_taken_back_is_no_consent(value: Any) -> None:
    assert stated(changed("hs_email_optout", value)) == []


def test_freely_given_consent_grants_with_its_time_only() -> None:
    basis = "Legitimate interest;Freely given consent from contact"
    assert stated(changed("hs_legal_basis", basis)) == [({"email": True}, AT)]
    assert stated(changed("hs_legal_basis", basis, occurredAt=None)) == []
    assert stated(changed("hs_legal_basis", "Legitimate interest")) == []


def test_an_opt_out_without_a_time_withdraws_as_of_the_receipt() -> None:
    assert stated(changed("hs_email_optout", "true", occurredAt=None)) == [({"email": False}, NOW)]


def test_statements_are_about_the_contact_and_the_same_when_repeated() -> None:
    (first,) = said(changed("hs_email_optout", "true")).made
    (again,) = said(changed("hs_email_optout", "true", eventId=5)).made
    assert first == again
    assert (first.type, first.identifiers) == (CONSENT, identifiers(hubspot_contact_id="123"))


# ---------------------------------------------------------------------------------------------- whole contacts

WHOLE = {
    "vid": 251,
    "portal-id": 27145807,
    "merged-vids": [250],
    "properties": {
        "email": {"value": "ada@example.com", "timestamp": AT},
        "firstname": {"value": "Ada", "timestamp": AT},
        "company": {"value": "", "timestamp": AT},
        "hs_object_id": {"value": "251", "timestamp": AT},
        "hs_email_optout": {"value": "true", "timestamp": AT - 5},
        "lastmodifieddate": {"value": str(AT), "timestamp": AT},
    },
}


def test_a_workflow_sends_a_whole_contact() -> None:
    found = read(Call(body=json.dumps(WHOLE).encode()), CRM, NOW)
    (contact,) = found.events
    assert (contact.type, contact.time) == ("identify", AT)
    assert {one.value for one in contact.identifiers} == {"250", "251", "ada@example.com"}
    assert contact.traits == {"email": "ada@example.com", "first_name": "Ada", "lastmodifieddate": str(AT)}
    assert [(one.consent, one.time) for one in found.made] == [({"email": False}, AT - 5)]


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="HubSpot's example payloads are not beside this repository")
@pytest.mark.parametrize(
    ("name", "outcome"), [("CONTACT", "identify"), ("COMPANY", "unknown_topic"), ("DEAL", "unknown_topic")]
)
def test_recorded_calls_of_workflows_are_read_or_kept_with_a_reason(name: str, outcome: str) -> None:
    body = json.dumps(json.loads((EXAMPLES / f"{name}.json").read_bytes())["body"]).encode()
    found = read(Call(body=body), CRM, NOW)
    assert [one.type for one in found.events] + [one.reason for one in found.rejected] == [outcome]
    for contact in found.events:
        assert contact.identifiers == identifiers(hubspot_contact_id="251", email="kovatif642@cyclesat.com")
        assert (contact.traits["first_name"], contact.traits["job_title"]) == ("Kovat", "Writer")
        assert not [trait for trait in contact.traits if trait.startswith("hs_")]


# ---------------------------------------------------------------------------------------------------- the manual


def becomes(one: Notification) -> str:
    if one.is_request:
        return "privacy request, `erasure`"
    return f"`{one.event}`" if one.event else "identify"


def test_the_manual_shows_every_notification_as_it_is_read() -> None:
    manual = (ROOT / "docs/collect.md").read_text().partition("## HubSpot")[2].partition("\n## ")[0]
    rows = [line for line in manual.splitlines() if line.startswith("| `contact.")]
    assert rows == [f"| `{kind}` | {becomes(one)} |" for kind, one in NOTIFICATIONS.items()]
    table = manual.partition("| property | trait |")[2].partition("\n\n")[0]
    traits = dict(line.split("`")[1:4:2] for line in table.splitlines() if line.startswith("| `"))
    assert traits == TRAITS


# ------------------------------------------------------------------------------------- what nobody prepared for

odd = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers(), max_size=3)
)
notifications = st.dictionaries(
    st.sampled_from([*CREATED, "propertyName", "propertyValue", "mergedObjectIds", "objectTypeId", "future"]),
    odd | st.sampled_from([*NOTIFICATIONS, "object.merge", "0-1", "email", "hs_email_optout", "true"]),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.builds(
            lambda one, more: one | more, st.sampled_from([CREATED, {}, changed("email", "a@b.example")]), notifications
        )
        | odd,
        max_size=4,
    )
)
def test_every_notification_of_tomorrow_is_read_or_kept_with_a_reason(batch: list[Any]) -> None:
    found = read(Call(body=json.dumps(batch).encode()), CRM, NOW)
    whole = [one.reason for one in found.rejected] == ["invalid_json"]
    assert whole or len(found.events) + len(found.rejected) + len(found.requests) == len(batch)
    assert all(1 <= one.time <= NOW and one.identifiers for one in (*found.events, *found.made))


@given(
    st.dictionaries(
        st.sampled_from(["vid", "properties", "merged-vids", "portal-id"]),
        odd
        | st.dictionaries(
            st.sampled_from([*TRAITS, "email", "lastmodifieddate", "hs_email_optout"]),
            odd | st.fixed_dictionaries({"value": odd, "timestamp": odd}),
        ),
    )
)
def test_every_contact_of_tomorrow_is_read_or_kept_with_a_reason(body: dict[str, Any]) -> None:
    found = read(Call(body=json.dumps(body).encode()), CRM, NOW)
    assert len(found.events) + len(found.rejected) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[", b"[" * 100_000, b"null", b"7", b'"x"'])
def test_bytes_that_are_no_notifications_are_kept(body: bytes) -> None:
    (rejected,) = read(Call(body=body), CRM, NOW).rejected
    assert (rejected.raw, rejected.reason in ("invalid_json", "invalid_event")) == (body, True)
