"""Shopify's topics one by one: what each becomes, of whom it tells, and what nobody prepared for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.definitions.sources import Source
from attune.domain.events import Event
from attune.domain.identifiers import WEAK
from attune.sources.shopify import TOPICS, Topic, Webhook, read, read_webhook
from attune.sources.shopify_compliance import COMPLIANCE
from attune.sources.webhooks import Call
from tests.builders import HOUR, NOW, identifiers

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "../shared/data/webhooks/shopify-2023-01"
SHOP = Source(id="shop", type="shopify", consent={"analytics": True})
#: an hour before NOW
BEFORE = "2025-06-15T10:06:40-04:00"
LINE = {"product_id": 7788, "variant_id": 41886, "title": "Cat Laser Toy", "price": "30.00", "quantity": 1}
REFUND = {
    "id": 55,
    "order_id": 8209,
    "created_at": BEFORE,
    "processed_at": None,
    "note": "came broken, says Ada",
    "refund_line_items": [{"quantity": 2, "subtotal": 60.0, "line_item": {**LINE, "quantity": 3}}],
    "transactions": [
        {"kind": "refund", "status": "success", "amount": "40.00", "currency": "CAD"},
        {"kind": "refund", "status": "failure", "amount": "20.00", "currency": "CAD"},
        {"kind": "sale", "status": "success", "amount": "63.50", "currency": "CAD"},
    ],
}
FULFILLMENT = {
    "id": 77,
    "order_id": 8209,
    "status": "success",
    "email": "typed@example.com",
    "tracking_company": "UPS",
    "tracking_number": "1z",
    "tracking_url": "https://ups.example/1z",
    "line_items": [LINE],
    "created_at": BEFORE,
    "updated_at": BEFORE,
}
GID = "gid://shopify/"
#: of topics of which no recorded payload is at hand: shaped as Shopify's reference shows them
SHAPED: dict[str, dict[str, Any]] = {
    "customer.joined_segment": {"customer_id": f"{GID}Customer/6038", "segment_id": f"{GID}Segment/3"},
    "customer.left_segment": {"customer_id": f"{GID}Customer/6038", "segment_id": f"{GID}Segment/3"},
    "customer.tags_added": {"customerId": f"{GID}Customer/6038", "tags": ["vip", "b2b"], "occurredAt": BEFORE},
    "customer.tags_removed": {"customerId": f"{GID}Customer/6038", "tags": ["vip"], "occurredAt": BEFORE},
    "customers/merge": {
        "admin_graphql_api_customer_kept_id": f"{GID}Customer/6038",
        "admin_graphql_api_customer_deleted_id": f"{GID}Customer/6039",
        "status": "completed",
    },
    "customers/purchasing_summary": {
        "customerId": f"{GID}Customer/6038",
        "numberOfOrders": 4,
        "amountSpent": {"amount": "100.00", "currencyCode": "CAD"},
        "lastOrderId": f"{GID}Order/8209",
        "occurredAt": BEFORE,
    },
    "customers_email_marketing_consent/update": {
        "customer_id": 6038,
        "email_address": "ada@example.com",
        "email_marketing_consent": {"state": "subscribed", "consent_updated_at": BEFORE},
    },
    "customers_whats_app_marketing_consent/update": {
        "customer_id": 6038,
        "phone_number": "+1 613 555 0100",
        "whats_app_marketing_consent": {"state": "subscribed", "updated_at": BEFORE},
    },
    "fulfillment_events/create": {
        "id": 1,
        "fulfillment_id": 77,
        "order_id": 8209,
        "status": "in_transit",
        "happened_at": BEFORE,
        "estimated_delivery_at": "2025-06-18T12:00:00Z",
    },
}


def webhook(topic: str, payload: dict[str, Any], **changes: Any) -> Webhook:
    return read_webhook(topic, json.dumps({**payload, **changes}).encode(), SHOP, NOW)


def event(topic: str, payload: dict[str, Any], **changes: Any) -> Event:
    return webhook(topic, payload, **changes).event


def test_a_refund_is_of_the_order_and_counts_what_was_given_back() -> None:
    found = event("refunds/create", REFUND)
    assert (found.name, found.time, found.identifiers) == (
        "Order Refunded",
        NOW - HOUR,
        identifiers(shopify_order_id="8209"),
    )
    assert found.properties == {
        "order_id": "8209",
        "refund_id": "55",
        "currency": "CAD",
        "total": 40.0,
        "value": 60.0,
        "products": [{"product_id": "7788", "variant": "41886", "name": "Cat Laser Toy", "price": 30.0, "quantity": 2}],
    }


def test_one_refund_is_one_message_and_another_another() -> None:
    assert event("refunds/create", REFUND).message_id == event("refunds/create", REFUND, note="").message_id
    assert event("refunds/create", REFUND).message_id != event("refunds/create", REFUND, id=56).message_id


def test_an_order_can_be_found_by_its_number_later() -> None:
    order = event("orders/create", {"id": 8209, "email": "ada@example.com", "line_items": []})
    assert identifiers(shopify_order_id="8209")[0] in order.identifiers
    assert "shopify_order_id" in WEAK


def test_a_fulfilment_binds_no_typed_address_to_whoever_ordered() -> None:
    found = event("fulfillments/create", FULFILLMENT)
    assert (found.name, found.identifiers) == ("Fulfillment Created", identifiers(shopify_order_id="8209"))
    assert found.properties == {
        "order_id": "8209",
        "fulfillment_id": "77",
        "status": "success",
        "carrier": "UPS",
        "tracking_number": "1z",
        "tracking_url": "https://ups.example/1z",
        "products": [{"product_id": "7788", "variant": "41886", "name": "Cat Laser Toy", "price": 30.0, "quantity": 1}],
    }


def test_each_update_of_a_fulfilment_is_a_message() -> None:
    first = event("fulfillments/update", FULFILLMENT)
    assert first.message_id == event("fulfillments/update", FULFILLMENT).message_id
    assert first.message_id != event("fulfillments/update", FULFILLMENT, shipment_status="delivered").message_id


def test_the_carriers_news_name_the_order() -> None:
    found = event("fulfillment_events/create", SHAPED["fulfillment_events/create"])
    assert (found.name, found.time) == ("Shipment Status Updated", NOW - HOUR)
    assert found.properties == {
        "order_id": "8209",
        "fulfillment_id": "77",
        "shipment_status": "in_transit",
        "estimated_delivery_at": "2025-06-18T12:00:00Z",
    }


def test_a_payment_tells_its_kind_and_nothing_of_the_card() -> None:
    payment = {"id": 9, "order_id": 8209, "kind": "sale", "status": "failure", "error_code": "card_declined"}
    payment |= {"amount": "36.99", "currency": "CAD", "gateway": "visa", "payment_details": {"credit_card_number": "1"}}
    found = event("order_transactions/create", payment, created_at=BEFORE)
    assert found.properties == {
        "order_id": "8209",
        "transaction_id": "9",
        "kind": "sale",
        "status": "failure",
        "error_code": "card_declined",
        "gateway": "visa",
        "total": 36.99,
        "currency": "CAD",
    }


def test_an_edit_counts_the_lines_that_came_and_went() -> None:
    lines = {"additions": [{"id": 1, "delta": 1}], "removals": []}
    found = event("orders/edited", {"order_edit": {"order_id": 8209, "created_at": BEFORE, "line_items": lines}})
    assert (found.name, found.time) == ("Order Edited", NOW - HOUR)
    assert found.properties == {"order_id": "8209", "lines_added": 1, "lines_removed": 0}


@pytest.mark.parametrize(
    ("topic", "name", "who"),
    [
        ("orders/delete", "Order Deleted", {"shopify_order_id": "8209"}),
        ("checkouts/delete", "Checkout Deleted", {"shopify_checkout_id": "8209"}),
        ("customers/delete", "Customer Deleted", {"shopify_customer_id": "8209"}),
    ],
)
def test_what_is_deleted_is_known_by_its_number(topic: str, name: str, who: dict[str, str]) -> None:
    found = event(topic, {"id": 8209})
    assert (found.name, found.identifiers, found.notes) == (name, identifiers(**who), ("time_of_receipt",))
    assert found.message_id == event(topic, {"id": 8209, "phone": None}).message_id


def test_a_deleted_checkout_is_one_that_was_seen() -> None:
    seen = event("checkouts/create", {"id": 98, "token": "k1", "line_items": []})
    assert set(event("checkouts/delete", {"id": 98}).identifiers) <= set(seen.identifiers)


def test_tags_come_and_go() -> None:
    added, removed = (event(f"customer.tags_{what}", SHAPED[f"customer.tags_{what}"]) for what in ("added", "removed"))
    assert (added.name, added.properties, added.time) == ("Customer Tags Added", {"tags": ["b2b", "vip"]}, NOW - HOUR)
    assert (removed.name, removed.properties) == ("Customer Tags Removed", {"tags": ["vip"]})
    assert added.identifiers == identifiers(shopify_customer_id="6038")


def test_an_accounts_tags_are_a_trait_where_the_account_tells_them() -> None:
    assert event("customers/update", {"id": 6038}, tags="vip, b2b,vip,").traits == {"tags": ["b2b", "vip"]}
    assert event("customers/update", {"id": 6038}, tags="").traits == {"tags": []}
    assert event("customers/update", {"id": 6038}).traits == {}


def test_somebody_joins_a_segment_as_often_as_shopify_says_so() -> None:
    body = json.dumps(SHAPED["customer.joined_segment"]).encode()
    headers = {"x-shopify-topic": "customer.joined_segment"}
    calls = [Call(headers=headers | {"x-shopify-webhook-id": one}, body=body) for one in ("d1", "d1", "d2")]
    first, again, later = (read(one, SHOP, NOW) for one in calls)
    assert first == again
    assert first.events[0].message_id != later.events[0].message_id
    assert first.events[0].properties == {"segment_id": "3"}


def test_a_merge_says_which_account_went() -> None:
    found = event("customers/merge", SHAPED["customers/merge"])
    assert (found.name, found.identifiers) == ("Customer Merged", identifiers(shopify_customer_id="6038"))
    assert found.properties == {"merged_customer_id": "6039", "status": "completed"}


def test_a_purchasing_summary_is_traits() -> None:
    found = event("customers/purchasing_summary", SHAPED["customers/purchasing_summary"])
    assert (found.type, found.traits) == ("identify", {"orders_count": 4, "total_spent": 100.0})


def test_whatsapp_has_no_purpose_and_grants_nothing() -> None:
    said = webhook(
        "customers_whats_app_marketing_consent/update", SHAPED["customers_whats_app_marketing_consent/update"]
    )
    assert said.consents == ()
    assert said.event.identifiers == identifiers(shopify_customer_id="6038", phone="+16135550100")


def test_consent_of_versions_before_2024_counts_with_its_time_only() -> None:
    account = {"id": 6038, "email": "ada@example.com", "accepts_marketing_updated_at": BEFORE, "updated_at": BEFORE}

    def stated(**changes: Any) -> list[tuple[dict[str, bool] | None, int]]:
        return [(one.consent, one.time) for one in webhook("customers/update", account, **changes).consents]

    assert stated(accepts_marketing=True) == [({"email": True}, NOW - HOUR)]
    assert stated(accepts_marketing=False) == [({"email": False}, NOW - HOUR)]
    assert stated(accepts_marketing=True, accepts_marketing_updated_at=None) == []
    newer = {"state": "unsubscribed", "consent_updated_at": BEFORE}
    assert stated(accepts_marketing=True, email_marketing_consent=newer) == [({"email": False}, NOW - HOUR)]


def test_a_ticked_box_for_sms_is_heard_for_the_number_that_is_known() -> None:
    checkout = {"token": "k1", "phone": "+1 613 555 0100", "created_at": BEFORE, "buyer_accepts_sms_marketing": True}
    own = webhook("checkouts/create", checkout, sms_marketing_phone="+16135550100")
    assert [(one.consent, one.time) for one in own.consents] == [({"sms": True}, NOW - HOUR)]
    assert webhook("checkouts/create", checkout, sms_marketing_phone="+16135550199").consents == ()
    assert webhook("checkouts/create", checkout, sms_marketing_phone=None).consents == ()


def test_numbers_may_come_as_global_ids() -> None:
    plain = event("orders/updated", {"id": 8209, "customer": {"id": 6038}, "updated_at": BEFORE})
    of_tomorrow = {"id": f"{GID}Order/8209?key=1", "customer": {"id": f"{GID}Customer/6038"}}
    newer = event("orders/updated", of_tomorrow, updated_at=BEFORE)
    assert (newer.identifiers, newer.properties) == (plain.identifiers, plain.properties)


# ---------------------------------------------------------------------------------------------------- the manual


def row(topic: str, mapping: Topic) -> str:
    name = f"`{mapping.event}`" if mapping.event else "identify"
    if mapping.completed:
        name += f"; `{mapping.completed}` once it has `completed_at`"
    who = ", ".join(f"`{namespace}`" for namespace in mapping.subject.namespaces)
    when = ", ".join(f"`{field}`" for field in mapping.happened) or "receipt"
    return f"| `{topic}` | {name} | {who} | {when} |"


def test_the_manual_shows_every_topic_as_it_is_read() -> None:
    manual = (ROOT / "docs/collect.md").read_text().partition("## Shopify")[2].partition("\n## ")[0]
    rows = [
        line
        for line in manual.splitlines()
        if (line.startswith("| `") and "/" in line) or line.startswith("| `customer.")
    ]
    topics = [one for one in rows if one.split("`")[1] in TOPICS]
    assert topics == [row(topic, mapping) for topic, mapping in TOPICS.items()]
    compliance = {one.split("`")[1]: one.split("`")[3] for one in rows if one not in topics}
    assert compliance == {topic: asked.kind for topic, asked in COMPLIANCE.items()}


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_a_topic_names_people_by_what_its_row_says(topic: str) -> None:
    path = EXAMPLES / f"{topic.replace('/', '.')}.json"
    if topic not in SHAPED and not path.is_file():
        pytest.skip("Shopify's example payloads are not beside this repository")
    payload = SHAPED[topic] if topic in SHAPED else json.loads(path.read_bytes())["body"]
    found = event(topic, payload)
    assert {one.namespace for one in found.identifiers} <= set(TOPICS[topic].subject.namespaces)
    assert (found.name or "identify") in row(topic, TOPICS[topic])


# ------------------------------------------------------------------------------------- what nobody prepared for

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [BEFORE, "19.99", "1e999", "subscribed", "a@b.example", "gid://shopify/", f"{GID}Order/1", "0", "-"]
    )
)
anything = st.recursive(
    leaves, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=4), one), max_leaves=6
)


def mutated(data: st.DataObject, value: Any, depth: int = 0) -> Any:
    """The payload with parts left out, renamed, added, of another type, at any depth."""
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(anything)
    if isinstance(value, list):
        return [mutated(data, one, depth + 1) for one in value[:2]]
    if not isinstance(value, dict):
        return value
    chosen = {}
    touched = data.draw(st.sets(st.sampled_from(sorted(value)), max_size=4)) if value else set()
    for name, part in value.items():
        if name not in touched:
            chosen[name] = part
            continue
        how = data.draw(st.sampled_from(["drop", "rename", "change", "deeper"]))
        if how == "rename":
            chosen[f"{name}V2"] = part
        elif how == "change":
            chosen[name] = data.draw(anything)
        elif how == "deeper":
            chosen[name] = mutated(data, part, depth + 1)
    return chosen | data.draw(st.dictionaries(st.text(max_size=5), leaves, max_size=2))


def payload_of(topic: str) -> dict[str, Any]:
    path = EXAMPLES / f"{topic.replace('/', '.')}.json"
    if path.is_file():
        body: dict[str, Any] = json.loads(path.read_bytes())["body"]
        return body
    return SHAPED.get(topic, REFUND)


REASONS = {"no_identifier", "invalid_event", "too_deep", "invalid_number"}


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_payload_of_tomorrow_is_read_or_kept_with_a_reason(data: st.DataObject) -> None:
    topic = data.draw(st.sampled_from(sorted(TOPICS)))
    body = json.dumps(mutated(data, payload_of(topic))).encode()
    said = read(Call(headers={"x-shopify-topic": topic}, body=body), SHOP, NOW)
    assert len(said.events) + len(said.rejected) == 1
    assert {(one.reason in REASONS, one.raw) for one in said.rejected} <= {(True, body)}
    assert all(1 <= one.time <= NOW and one.identifiers and one.fingerprint for one in (*said.events, *said.made))
    again = read(Call(headers={"x-shopify-topic": topic}, body=body), SHOP, NOW + HOUR)
    assert [one.message_id for one in said.events] == [one.message_id for one in again.events]
