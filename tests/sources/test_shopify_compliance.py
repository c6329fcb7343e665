"""Shopify's compliance topics: told apart by what was signed, and the same request however often it comes."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.sources import Source
from attune.domain.privacy.requests import PrivacyRequest
from attune.sources.shopify import read
from attune.sources.shopify_compliance import COMPLIANCE, MAX_ORDERS
from attune.sources.webhooks import Call, Reading
from attune.use_cases.collection.receive_webhook import MAX_WEBHOOK
from tests.builders import DAY, NOW, identifiers

SHOP = Source(id="shop", type="shopify", shop_domain="acme.myshopify.com")
OF_SHOP = {"shop_id": 954889, "shop_domain": "acme.myshopify.com"}
CUSTOMER = {"customer": {"id": 191167, "email": "John@example.com", "phone": "555-625-1199"}}
BODIES: dict[str, dict[str, Any]] = {
    "customers/data_request": OF_SHOP | CUSTOMER | {"orders_requested": [299938, 280263], "data_request": {"id": 9999}},
    "customers/redact": OF_SHOP | CUSTOMER | {"orders_to_redact": [299938]},
    "shop/redact": OF_SHOP,
}
JOHN = identifiers(shopify_customer_id="191167", email="john@example.com", phone="5556251199")


def said(topic: str, body: object, delivery: str = "d1", to: Source = SHOP) -> Reading:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(Call(headers={"x-shopify-topic": topic, "x-shopify-webhook-id": delivery}, body=data), to, NOW)


def asked(topic: str, delivery: str = "d1", **changes: Any) -> PrivacyRequest:
    (request,) = said(topic, BODIES[topic] | changes, delivery).requests
    return request


def reason(topic: str, body: object) -> str:
    found = said(topic, body)
    assert (found.requests, found.events, found.made) == ((), (), ())
    (rejected,) = found.rejected
    return rejected.reason


def test_each_topic_is_a_request_of_its_own_kind() -> None:
    kinds = {topic: asked(topic).kind for topic in COMPLIANCE}
    assert kinds == {
        "customers/data_request": "access",
        "customers/redact": "erasure",
        "shop/redact": "shop_erasure",
    }


def test_a_request_holds_whom_it_is_about_and_when_it_is_due() -> None:
    request = asked("customers/data_request")
    assert (request.identifiers, request.orders, request.reference) == (JOHN, ("299938", "280263"), "9999")
    assert (request.source, request.state, request.due_at) == ("shop", "received", NOW + 30 * DAY)
    assert asked("customers/redact").identifiers == JOHN
    assert asked("shop/redact").identifiers == ()


def test_a_redelivery_is_the_same_request_and_asking_again_a_new_one() -> None:
    first = asked("customers/redact")
    assert asked("customers/redact").request_id == first.request_id
    assert asked("customers/redact", "d2").request_id != first.request_id
    assert asked("customers/redact", orders_to_redact=[1]).request_id != first.request_id
    assert len({asked(topic).request_id for topic in COMPLIANCE}) == 3


@pytest.mark.parametrize("topic", sorted(COMPLIANCE))
@pytest.mark.parametrize("shop_domain", ["other.myshopify.com", "", None, 7])
def test_a_request_about_another_shop_is_not_acted_upon(topic: str, shop_domain: Any) -> None:
    assert reason(topic, BODIES[topic] | {"shop_domain": shop_domain}) == "wrong_shop"


@pytest.mark.parametrize(
    ("topic", "body_of"),
    [
        ("customers/redact", "customers/data_request"),
        ("customers/data_request", "customers/redact"),
        ("shop/redact", "customers/redact"),
        ("shop/redact", "customers/data_request"),
    ],
)
def test_a_body_signed_for_one_topic_is_no_request_of_another(topic: str, body_of: str) -> None:
    assert reason(topic, BODIES[body_of]) == "wrong_topic"


def test_an_order_that_was_signed_is_no_request_to_erase() -> None:
    order = {"id": 8209, "email": "ada@example.com", "customer": {"id": 6038}}
    assert reason("customers/redact", order) == "wrong_shop"


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request"])
@pytest.mark.parametrize("customer", [None, {}, [], "ada@example.com", {"id": None, "email": "", "phone": 0}])
def test_a_customer_nobody_can_find_is_kept_for_people(topic: str, customer: Any) -> None:
    orders: dict[str, Any] = {COMPLIANCE[topic].orders: []}
    assert reason(topic, OF_SHOP | {"customer": customer} | orders) == "no_identifier"
    (request,) = said(topic, OF_SHOP | {"customer": customer, COMPLIANCE[topic].orders: [7]}).requests
    assert request.orders == ("7",)


def test_a_request_of_the_largest_webhook_fits_into_an_item() -> None:
    orders = ["9" * 32] * (MAX_WEBHOOK // 36)
    request = asked("customers/redact", orders_to_redact=orders)
    assert len(request.orders) == MAX_ORDERS < len(orders)
    assert len(msgspec.json.encode(request)) < 400 * 1000
    assert asked("customers/redact", orders_to_redact=["9" * 33, "\u2603", "", None, {}, 7]).orders == ("7",)


@given(st.sampled_from(sorted(COMPLIANCE)), st.binary(max_size=60) | st.sampled_from([b"[]", b"{", b"null", b"{}"]))
def test_any_other_bytes_are_kept_with_a_reason(topic: str, body: bytes) -> None:
    assert reason(topic, body) in {"invalid_json", "invalid_event", "wrong_shop", "duplicate_keys", "invalid_number"}


odd = st.none() | st.text(max_size=5) | st.integers() | st.floats() | st.lists(st.integers() | st.text(max_size=3))


@given(st.data())
def test_odd_fields_never_raise(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(sorted(COMPLIANCE)))
    body = dict(BODIES[topic])
    for field in data.draw(st.sets(st.sampled_from(sorted(body)))):
        body[field] = data.draw(odd)
    found = said(topic, json.dumps(body).encode())
    assert len(found.requests) + len(found.rejected) == 1
