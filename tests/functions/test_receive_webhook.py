"""receive_webhook from the gateway's event to the stream: whose signature counts, and that nothing signed is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attune.domain.events import CONSENT, Origin
from attune.sources.shopify import TOPICS
from tests.builders import key_of
from tests.functions.gateway import OutOfReach
from tests.functions.webhook_door import SHOP, Door, receiving_function, signature

KB = 1024
AT = "2025-06-15T10:06:40-04:00"
CART = {"id": "c1", "token": "c1", "line_items": [], "updated_at": AT}
ORDER = {"id": 1, "cart_token": "c1", "email": "ada@example.com", "created_at": AT, "line_items": []}


@pytest.fixture(scope="module")
def module() -> Any:
    return receiving_function()


@pytest.fixture
def door(module: Any) -> Door:
    return Door(module)


def test_a_signed_webhook_is_stored_as_an_event_that_is_vouched_for(door: Door) -> None:
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.body) == (200, {"success": True})
    (record,) = door.records()
    assert (record.source, record.origin, record.trusted) == ("shop", Origin.WEBHOOK, True)
    assert record.key == key_of("cart_token", "c1")
    assert [event.name for event in record.events] == ["Cart Viewed"]


def test_both_live_secrets_sign_while_they_are_rotated(door: Door) -> None:
    assert door.post("carts/update", CART, secret="old").status == 200
    assert door.post("carts/update", CART, secret="older").code == "invalid_signature"


def test_the_signature_is_the_one_shopify_makes() -> None:
    assert signature("hush", b'{"id":1}') == "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY="


@pytest.mark.parametrize("signed", ["", "x", "é", "\udcff", " ", "AAAA", signature("new", b"another body")])
def test_a_wrong_signature_is_refused(door: Door, signed: str) -> None:
    answer = door.post("carts/update", CART, signed=signed)
    assert (answer.status, answer.code) == (401, "invalid_signature")
    assert door.records() == []


def test_one_changed_byte_of_the_body_breaks_the_signature(door: Door) -> None:
    body = json.dumps(CART).encode()
    assert door.post("carts/update", body + b" ", signed=signature("new", body)).code == "invalid_signature"


def test_a_shops_secret_signs_for_its_own_source_only(door: Door) -> None:
    assert door.post("carts/update", CART, to="shop", secret="bound").code == "invalid_signature"


def test_a_source_without_a_secret_takes_nothing_not_even_signed_with_none(door: Door) -> None:
    assert door.post("carts/update", CART, to="bare", secret="").code == "invalid_signature"


def test_a_source_bound_to_a_shop_refuses_another(door: Door) -> None:
    post = {"to": "bound", "secret": "bound"}
    assert door.post("carts/update", CART, **post, x_shopify_shop_domain=SHOP.upper()).status == 200
    assert door.post("carts/update", CART, **post, x_shopify_shop_domain="other.example").code == "invalid_signature"
    assert door.post("carts/update", CART, **post).code == "invalid_signature"


@pytest.mark.parametrize("name", ["nobody", "site", "", "$x", "shop/../shop"])
def test_a_source_that_is_no_shop_is_unknown(door: Door, name: str) -> None:
    answer = door.post("carts/update", CART, to=name, secret="site")
    assert (answer.status, answer.code) == (404, "unknown_source")


def test_a_topic_nobody_reads_is_kept_byte_for_byte(door: Door) -> None:
    body = b'{ "id": 1,\n "name":"x" }'
    assert door.post("shop/update", body).status == 200
    assert door.rejected() == [("unknown_topic", body)]
    assert door.counted == [("EventsRejected", 1, {"source": "shop", "reason": "unknown_topic"})]


def test_signed_bytes_that_are_no_event_are_kept_with_their_reason(door: Door) -> None:
    bodies = [b"", b"{", b"\xff\xfe", b"[]", b"{}", b'{"token":"a","token":"b"}', b"[" * 100_000]
    for body in bodies:
        assert door.post("carts/update", body).status == 200
    reasons = [
        "invalid_json",
        "invalid_json",
        "invalid_json",
        "invalid_event",
        "no_identifier",
        "duplicate_keys",
        "too_deep",
    ]
    assert door.rejected() == list(zip(reasons, bodies, strict=True))


def test_consent_goes_ahead_of_the_event_in_a_record_of_our_own(door: Door) -> None:
    door.post("orders/create", {**ORDER, "buyer_accepts_marketing": True})
    consent, order = door.records()
    assert (consent.origin, order.origin) == (Origin.INTERNAL, Origin.WEBHOOK)
    assert consent.key == order.key == key_of("email", "ada@example.com")
    assert [(event.type, event.consent) for event in consent.events] == [(CONSENT, {"email": True})]
    assert door.counted == [("EventsAccepted", 2, {"source": "shop"})]


def test_a_guests_consent_is_stored_under_the_number_of_their_order(door: Door) -> None:
    guest = {"id": 1, "phone": "(613) 555-0100", "sms_marketing_phone": "613-555-0100", "created_at": AT}
    door.post("checkouts/create", {**guest, "buyer_accepts_sms_marketing": True}, to="canadian")
    consent, checkout = door.records()
    assert [event.type for event in consent.events] == [CONSENT]
    assert consent.key == checkout.key == key_of("phone", "+16135550100")


def test_the_same_webhook_again_is_the_same_event(door: Door) -> None:
    door.post("orders/create", ORDER)
    door.post("orders/create", ORDER, x_shopify_webhook_id="another")
    first, again = door.events()
    assert (first.message_id, first.fingerprint) == (again.message_id, again.fingerprint)


def test_a_webhook_of_500_kb_passes_and_one_byte_more_is_too_large(door: Door) -> None:
    cart = json.dumps({**CART, "line_items": [{"title": ""}]}).encode()
    full = cart.replace(b'"title": ""', b'"title": "' + b"x" * (500 * KB - len(cart)) + b'"')
    assert door.post("carts/update", full).status == 200
    assert door.post("shop/update", full).status == 200
    answer = door.post("carts/update", full + b" ")
    assert (answer.status, answer.code) == (413, "too_large")
    assert max(len(record.data) for record in door.stream.records) < 1024 * KB


def test_a_stream_that_is_down_makes_the_shop_come_again(door: Door) -> None:
    door.stream.is_down = True
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("port", ["definitions", "secrets", "pseudonyms", "stream"])
def test_whatever_is_out_of_reach_makes_the_shop_come_again(door: Door, port: str) -> None:
    door.rebuild(**{port: OutOfReach()})
    answer = door.post("carts/update", CART)
    assert (answer.status, answer.code, door.stream.records) == (503, "unavailable", [])
    assert "retry-after" in answer.headers


# --------------------------------------------------------------------------------- what people ask about their data

REDACT = {"shop_domain": SHOP, "customer": {"id": 7, "email": "ada@example.com"}, "orders_to_redact": []}


def test_a_compliance_webhook_is_acknowledged_once_it_is_stored(door: Door) -> None:
    answer = door.post("customers/redact", REDACT)
    assert (answer.status, answer.body) == (200, {"success": True})
    (kept,) = door.requests.waiting(10)
    assert (kept.kind, kept.source, kept.state) == ("erasure", "shop", "received")
    assert door.records() == []
    assert door.counted == [("PrivacyRequestsReceived", 1, {"source": "shop"})]


def test_a_compliance_webhook_that_cannot_be_stored_is_not_acknowledged(door: Door) -> None:
    door.rebuild(requests=OutOfReach())
    answer = door.post("customers/redact", REDACT)
    assert (answer.status, answer.code) == (503, "unavailable")
    assert "retry-after" in answer.headers


def test_a_request_repeated_is_one_request(door: Door) -> None:
    for _ in range(3):
        assert door.post("customers/redact", REDACT, x_shopify_webhook_id="d1").status == 200
    assert len(door.requests.waiting(10)) == 1


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact", "shop/redact"])
def test_an_unsigned_compliance_webhook_is_refused_with_401(door: Door, topic: str) -> None:
    assert (door.post(topic, REDACT, signed="AAAA").status, door.requests.waiting(10)) == (401, [])


def test_a_compliance_webhook_nobody_can_read_is_kept_byte_for_byte(door: Door) -> None:
    assert door.post("customers/redact", b'{"shop_domain": null}').status == 200
    assert door.rejected() == [("wrong_shop", b'{"shop_domain": null}')]


# --------------------------------------------------------------------------------------------------------- HubSpot


def test_a_batch_of_hubspots_reaches_the_stream_person_by_person(door: Door) -> None:
    said = [{"subscriptionType": "contact.creation", "objectId": number, "occurredAt": 1} for number in (1, 2, 1)]
    said.append({"subscriptionType": "contact.privacyDeletion", "objectId": 3, "occurredAt": 1})
    said.append({"subscriptionType": "deal.creation", "objectId": 4})
    answer = door.notify(said)
    assert (answer.status, answer.body) == (200, {"success": True})
    named = [record.key for record in door.records() if record.events]
    assert named == [key_of("hubspot_contact_id", "1"), key_of("hubspot_contact_id", "2")]
    assert [one.reason for record in door.records() for one in record.rejected] == ["unknown_topic"]
    assert [one.kind for one in door.requests.waiting(10)] == ["erasure"]


def test_hubspots_query_is_signed_as_it_was_written(door: Door) -> None:
    assert door.notify([], query="a=%3A%20").status == 200
    assert door.notify([], query="a=%3A%20", sent="a=%3A+").code == "invalid_signature"


def test_a_call_of_hubspots_that_is_too_old_is_refused(door: Door) -> None:
    assert door.notify([], age=301_000).code == "invalid_signature"


odd = st.none() | st.text(max_size=5) | st.integers() | st.floats() | st.lists(st.dictionaries(st.text(), st.text()))
fields = st.sampled_from([*ORDER, *CART, "customer", "buyer_accepts_marketing", "total_price", "completed_at"])
payloads = st.dictionaries(fields, odd).map(lambda payload: json.dumps(payload).encode())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    topic=st.sampled_from(sorted(TOPICS)) | st.text(max_size=10),
    body=st.binary(max_size=80) | payloads,
    is_signed=st.booleans(),
)
def test_any_signed_bytes_are_stored_and_any_others_refused(
    module: Any, topic: str, body: bytes, *, is_signed: bool
) -> None:
    door = Door(module)
    answer = door.post(topic, body, secret="new" if is_signed else "nobody's")
    if is_signed:
        assert answer.status == 200
        mains = [event for event in door.events() if event.type != CONSENT]
        assert len(mains) + len(door.rejected()) == 1
    else:
        assert (answer.status, answer.code) == (401, "invalid_signature")
        assert door.records() == []
