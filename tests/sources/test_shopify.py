from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.sources import Source
from attune.domain.events import CONSENT, Event
from attune.domain.identifiers import Identifier
from attune.sources.payloads import UnreadableError
from attune.sources.shopify import TOPICS, Webhook, read_webhook
from tests.builders import HOUR, NOW, identifiers

SHOP = Source(id="shop", type="shopify", consent={"analytics": True})
EXAMPLES = Path(__file__).parents[2] / "../shared/data/webhooks/shopify-2023-01"


def example(topic: str) -> Path:
    return EXAMPLES / f"{topic.replace('/', '.')}.json"


#: NOW is 2025-06-15T15:06:40Z
BEFORE = "2025-06-15T10:06:40-04:00"
LINE = {
    "product_id": 7788,
    "variant_id": 41886,
    "sku": "cat-laser",
    "title": "Cat Laser Toy",
    "variant_title": "Red",
    "vendor": "Acme",
    "price": "30.00",
    "line_price": "60.00",
    "quantity": 2,
    "price_set": {"shop_money": {"amount": "30.00", "currency_code": "CAD"}},
}
CART = {"id": "c1", "token": "c1", "line_items": [LINE], "updated_at": BEFORE, "created_at": BEFORE}
CUSTOMER = {"id": 6038, "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "phone": None}
CHECKOUT = {
    "id": 98,
    "token": "k1",
    "cart_token": "c1?key=secret",
    "email": "ada@example.com",
    "customer": CUSTOMER,
    "line_items": [LINE],
    "currency": "CAD",
    "total_price": "63.50",
    "subtotal_price": "60.00",
    "total_tax": "3.50",
    "total_discounts": "0.00",
    "discount_codes": [{"code": "SPRING"}],
    "abandoned_checkout_url": "https://shop.example/checkouts/k1/recover?key=1",
    "created_at": BEFORE,
    "updated_at": BEFORE,
    "completed_at": None,
}
ORDER = {
    "id": 8209,
    "name": "#1001",
    "email": "ada@example.com",
    "cart_token": "c1",
    "checkout_token": "k1",
    "customer": CUSTOMER,
    "line_items": [LINE],
    "total_price": "63.50",
    "subtotal_price": "60.00",
    "currency": "CAD",
    "total_shipping_price_set": {"shop_money": {"amount": "4.20"}},
    "created_at": BEFORE,
    "updated_at": "2025-06-15T11:06:40-04:00",
}

WITH_PRODUCTS = ("carts/", "checkouts/create", "checkouts/update", "orders/", "refunds/", "fulfillments/")
SOUND: dict[str, dict[str, Any]] = {"carts": CART, "checkouts": CHECKOUT, "orders": ORDER}


def read(topic: str, payload: Any, **changes: Any) -> Webhook:
    whole = {**payload, **changes} if isinstance(payload, dict) else payload
    return read_webhook(topic, json.dumps(whole).encode(), SHOP, NOW)


def event(topic: str, payload: dict[str, Any], **changes: Any) -> Event:
    return read(topic, payload, **changes).event


def stated(topic: str, payload: dict[str, Any], **changes: Any) -> list[tuple[dict[str, bool] | None, int]]:
    return [(one.consent, one.time) for one in read(topic, payload, **changes).consents]


def reason(topic: str, body: bytes) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_webhook(topic, body, SHOP, NOW)
    return caught.value.reason


@pytest.mark.parametrize("topic", ["carts/create", "carts/update"])
def test_a_cart_is_viewed_under_its_token_and_nobodys_name(topic: str) -> None:
    found = event(topic, CART)
    assert (found.type, found.name, found.time) == ("track", "Cart Viewed", NOW - HOUR)
    assert found.identifiers == identifiers(cart_token="c1")
    assert found.properties == {
        "cart_id": "c1",
        "value": 60.0,
        "currency": "CAD",
        "products": [
            {
                "product_id": "7788",
                "sku": "cat-laser",
                "variant": "41886",
                "variant_name": "Red",
                "name": "Cat Laser Toy",
                "brand": "Acme",
                "price": 30.0,
                "quantity": 2,
            }
        ],
    }


def test_an_emptied_cart_lists_no_products() -> None:
    assert event("carts/update", CART, line_items=[]).properties["products"] == []


def test_a_checkout_brings_cart_and_person_together() -> None:
    found = event("checkouts/create", CHECKOUT)
    assert found.name == "Checkout Started"
    assert found.identifiers == (
        *identifiers(shopify_customer_id="6038", email="ada@example.com"),
        *identifiers(shopify_checkout_id="98", checkout_token="k1", cart_token="c1"),
    )
    assert found.traits == {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
    assert {name: value for name, value in found.properties.items() if name != "products"} == {
        "cart_id": "c1",
        "checkout_id": "k1",
        "checkout_url": "https://shop.example/checkouts/k1/recover?key=1",
        "email": "ada@example.com",
        "currency": "CAD",
        "value": 63.5,
        "revenue": 60.0,
        "tax": 3.5,
        "discount": 0.0,
        "coupon": "SPRING",
    }


def test_a_changed_checkout_is_a_step_and_a_completed_one_no_return_to_the_cart() -> None:
    assert event("checkouts/update", CHECKOUT).name == "Checkout Step Viewed"
    assert event("checkouts/update", CHECKOUT, completed_at=BEFORE).name == "Checkout Step Completed"


def test_an_order_completes_the_cart_it_came_from() -> None:
    found = event("orders/create", ORDER)
    assert (found.name, found.time) == ("Order Completed", NOW - HOUR)
    assert found.properties["order_id"] == "8209"
    assert found.properties["cart_id"] == "c1"
    assert (found.properties["total"], found.properties["revenue"], found.properties["shipping"]) == (63.5, 60.0, 4.2)
    assert Identifier("cart_token", "c1") in found.identifiers


@pytest.mark.parametrize(
    ("topic", "name"),
    [("orders/paid", "Order Updated"), ("orders/updated", "Order Updated"), ("orders/cancelled", "Order Cancelled")],
)
def test_what_happens_to_an_order_later_does_not_complete_it_again(topic: str, name: str) -> None:
    found = event(topic, ORDER)
    assert found.name == name
    assert found.time == NOW
    assert found.message_id != event("orders/create", ORDER).message_id


def test_an_order_is_completed_under_one_message_id_whatever_changed_meanwhile() -> None:
    later = event("orders/create", ORDER, updated_at="2026-01-01T00:00:00Z", total_price="1.00")
    assert later.message_id == event("orders/create", ORDER).message_id
    assert event("orders/create", ORDER, id=8210).message_id != later.message_id


def test_each_version_of_a_cart_is_one_message() -> None:
    first = event("carts/update", CART)
    assert event("carts/update", CART) == first
    assert event("carts/update", CART, updated_at="2025-06-15T15:00:00Z").message_id != first.message_id
    within_the_same_second = event("carts/update", CART, line_items=[])
    assert within_the_same_second.message_id != first.message_id


def test_without_id_and_time_the_bytes_tell_messages_apart() -> None:
    one = event("customers/update", {"email": "a@b.example", "first_name": "A"})
    other = event("customers/update", {"email": "a@b.example", "first_name": "B"})
    assert one.message_id != other.message_id
    assert (one.time, one.notes) == (NOW, ("time_of_receipt",))


def test_a_customer_is_identified_by_id_and_addresses() -> None:
    account = {**CUSTOMER, "orders_count": 3, "total_spent": "120.50", "updated_at": BEFORE, "phone": "+1 613 555"}
    found = event("customers/update", account)
    assert (found.type, found.name) == ("identify", "")
    assert found.identifiers == identifiers(shopify_customer_id="6038", email="ada@example.com", phone="+1613555")
    assert found.traits == {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "phone": "+1 613 555",
        "orders_count": 3,
        "total_spent": 120.5,
    }


def test_a_typed_address_is_not_bound_to_an_account_with_another() -> None:
    found = event("checkouts/update", CHECKOUT, email="stranger@example.com", buyer_accepts_marketing=True)
    assert Identifier("email", "ada@example.com") in found.identifiers
    assert Identifier("email", "stranger@example.com") not in found.identifiers
    assert stated("checkouts/update", CHECKOUT, email="stranger@example.com", buyer_accepts_marketing=True) == []


def test_a_guest_is_known_by_the_typed_address_and_the_billing_name() -> None:
    found = event("orders/create", ORDER, customer=None, billing_address={"first_name": "Bob"})
    assert Identifier("email", "ada@example.com") in found.identifiers
    assert found.traits == {"first_name": "Bob", "email": "ada@example.com"}


def test_what_the_source_vouches_for_is_the_events_basis() -> None:
    found = event("carts/create", CART)
    assert (found.consent, found.basis) == (None, {"analytics": True})


def said(state: str | None, at: str | None, field: str = "email_marketing_consent") -> dict[str, Any]:
    return {**CUSTOMER, field: {"state": state, "consent_updated_at": at}}


def test_a_subscription_is_consent_as_of_its_own_time() -> None:
    customer = said("subscribed", "2025-01-01T00:00:00Z")
    assert stated("customers/update", customer, updated_at=BEFORE) == [({"email": True}, 1_735_689_600_000)]
    assert stated("checkouts/update", CHECKOUT, customer=customer) == [({"email": True}, 1_735_689_600_000)]


def test_a_subscription_without_a_time_grants_nothing() -> None:
    assert stated("customers/update", said("subscribed", None), updated_at=BEFORE) == []


def test_an_unsubscription_without_a_time_counts_from_the_webhook() -> None:
    assert stated("customers/update", said("unsubscribed", None), updated_at=BEFORE) == [({"email": False}, NOW - HOUR)]


@pytest.mark.parametrize("state", ["not_subscribed", "pending", "invalid", "", None, 7])
def test_other_states_say_nothing(state: Any) -> None:
    assert stated("customers/update", said(state, BEFORE), updated_at=BEFORE) == []


def test_sms_is_a_purpose_of_its_own() -> None:
    payload = {"id": 6038, "sms_marketing_consent": {"state": "SUBSCRIBED", "consent_updated_at": BEFORE}}
    assert stated("customers_marketing_consent/update", payload) == [({"sms": True}, NOW - HOUR)]


def test_a_ticked_box_grants_as_of_the_checkout_and_an_unticked_one_says_nothing() -> None:
    ticked = {**CHECKOUT, "buyer_accepts_marketing": True, "updated_at": "2025-06-15T15:00:00Z"}
    assert stated("checkouts/update", ticked) == [({"email": True}, NOW - HOUR)]
    assert stated("checkouts/update", CHECKOUT, buyer_accepts_marketing=False) == []


def test_consent_is_about_the_person_and_the_same_in_every_webhook_that_repeats_it() -> None:
    ticked = {**CHECKOUT, "buyer_accepts_marketing": True}
    (first,) = read("checkouts/create", ticked).consents
    (again,) = read("checkouts/update", ticked, updated_at="2025-06-15T15:00:00Z").consents
    assert first == again
    assert (first.type, first.identifiers) == (CONSENT, identifiers(shopify_customer_id="6038"))


def test_a_cart_consents_to_nothing() -> None:
    assert read("carts/update", CART, buyer_accepts_marketing=True).consents == ()


def test_unreadable_webhooks_have_a_reason() -> None:
    assert reason("shop/update", b"{}") == reason("", b"{}") == "unknown_topic"
    assert reason("carts/update", b"{") == "invalid_json"
    assert reason("carts/update", b"[]") == "invalid_event"
    assert reason("orders/create", b"{}") == "no_identifier"
    assert reason("orders/create", b'{"email":null,"customer":null}') == "no_identifier"


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([BEFORE, "19.99", "1e999", "subscribed", "a@b.example", "", "9999-12-31T23:59:59-23:59"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(LINE)), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.data())
def test_missing_and_odd_fields_never_raise(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(sorted(TOPICS)))
    sound: dict[str, Any] = SOUND.get(topic.split("/", maxsplit=1)[0], CUSTOMER)
    payload: dict[str, Any] = sound | {"email_marketing_consent": {"state": "subscribed", "consent_updated_at": BEFORE}}
    for field in data.draw(st.sets(st.sampled_from(sorted(payload)))):
        payload[field] = data.draw(values)
    if isinstance(payload.get("customer"), dict) and data.draw(st.booleans()):
        payload["customer"] = data.draw(st.dictionaries(st.sampled_from(sorted(CUSTOMER)), values))
    try:
        webhook = read(topic, payload)
    except UnreadableError as unreadable:
        assert unreadable.reason == "no_identifier"  # noqa: PT017 (both outcomes are right)
    else:
        assert all(1 <= one.time <= NOW and one.identifiers for one in (webhook.event, *webhook.consents))


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="Shopify's example payloads are not beside this repository")
@pytest.mark.parametrize("topic", [topic for topic in TOPICS if example(topic).is_file()])
def test_shopifys_own_examples_are_understood(topic: str) -> None:
    path = example(topic)
    webhook = read_webhook(topic, json.dumps(json.loads(path.read_bytes())["body"]).encode(), SHOP, NOW)
    found = webhook.event
    assert found.identifiers
    assert found.time < NOW or "time_of_receipt" in found.notes
    assert all(isinstance(product["price"], float) for product in found.properties.get("products", ()))
    has_products = topic.startswith(WITH_PRODUCTS) and topic not in ("orders/edited", "orders/delete")
    assert bool(found.properties.get("products")) == has_products


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="Shopify's example payloads are not beside this repository")
def test_every_example_is_understood_or_quarantined() -> None:
    for path in sorted(EXAMPLES.glob("*.json")):
        example = json.loads(path.read_bytes())
        try:
            read_webhook(example["topic"], json.dumps(example["body"]).encode(), SHOP, NOW)
        except UnreadableError as unreadable:
            assert unreadable.reason in ("unknown_topic", "no_identifier")  # noqa: PT017 (both outcomes are right)
