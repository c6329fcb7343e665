"""Stripe's webhooks: what each kind becomes, on Stripe's own examples and on ones that nobody prepared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.domain.checks.mappings import mapping_problems
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.events import Event
from attune.domain.identifiers import Identifier
from attune.sources.stripe import EVENTS, read
from attune.sources.webhooks import Call, Reading
from tests.builders import NOW
from tests.faults.effort import examples

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "../shared/data/webhooks/stripe"
PAY = Source(id="pay", type="stripe", consent={"analytics": True})
AT = 1_677_834_000

needs_examples = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples lie beside the project")


def said(document: object, source: Source = PAY) -> Reading:
    body = json.dumps(document).encode()
    found = read(Call(body=body), source, NOW)
    assert all(one.raw == body for one in found.rejected)
    return found


def happened(kind: str, **fields: Any) -> dict[str, Any]:
    return {"id": "evt_1", "object": "event", "created": AT, "type": kind, "data": {"object": fields}}


def event(kind: str, **fields: Any) -> Event:
    found = said(happened(kind, **fields))
    assert found.rejected == ()
    (only,) = found.events
    return only


@pytest.mark.parametrize("kind", EVENTS)
def test_every_row_of_the_table_is_a_mapping_that_anybody_might_apply(kind: str) -> None:
    assert list(mapping_problems(kind, EVENTS[kind])) == []


@needs_examples
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_stripes_examples_become_events_or_are_kept(path: Path) -> None:
    document = json.loads(path.read_text())["body"]
    found = said(document)
    if document["type"] not in EVENTS:
        assert [one.reason for one in found.rejected] == ["unknown_topic"]
        return
    (only,) = found.events
    assert only.time == document["created"] * 1000
    customer = document["data"]["object"].get("customer") or document["data"]["object"]["id"]
    assert Identifier("stripe_customer_id", customer) in only.identifiers
    assert only.basis == {"analytics": True}


@needs_examples
def test_a_customer_is_who_somebody_is() -> None:
    body = json.loads((EXAMPLES / "customer.created.json").read_text())["body"]
    (only,) = said(body).events
    assert (only.type, only.name) == ("identify", "")
    assert only.identifiers == (
        Identifier("email", "hook@me.com"),
        Identifier("stripe_customer_id", "cus_NSPHp4fOlXGw8P"),
    )
    assert {name: only.traits[name] for name in ("name", "email", "language")} == {
        "name": "Martin",
        "email": "hook@me.com",
        "language": "en-US",
    }
    assert only.traits["address"]["country"] == "CM"


def test_a_checkout_is_an_order_in_whole_currency() -> None:
    found = event(
        "checkout.session.completed",
        id="cs_1",
        customer="cus_1",
        customer_details={"email": "Ada@Example.com", "phone": "+442079460000"},
        payment_intent="pi_1",
        currency="eur",
        amount_total=2599,
        amount_subtotal=2000,
        total_details={"amount_tax": 399, "amount_shipping": 200, "amount_discount": 0},
        payment_status="paid",
    )
    assert (found.type, found.name) == ("track", "Order Completed")
    assert [one.namespace for one in found.identifiers] == ["email", "phone", "stripe_customer_id"]
    assert found.properties == {
        "order_id": "pi_1",
        "checkout_id": "cs_1",
        "total": 25.99,
        "subtotal": 20.0,
        "tax": 3.99,
        "shipping": 2.0,
        "discount": 0.0,
        "currency": "eur",
        "email": "Ada@Example.com",
        "payment_status": "paid",
    }


@pytest.mark.parametrize(("promotions", "said"), [("opt_in", True), ("opt_out", False), (None, None)])
def test_what_a_checkout_asked_about_promotions_is_consent(promotions: str | None, said: bool | None) -> None:
    session = happened("checkout.session.completed", id="cs_1", customer="cus_1", consent={"promotions": promotions})
    found = read(Call(body=json.dumps(session).encode()), PAY, NOW)
    assert [(one.consent, one.time) for one in found.made] == ([] if said is None else [({"email": said}, AT * 1000)])


@pytest.mark.parametrize(
    ("amount", "currency", "total"),
    [
        (1999, "usd", 19.99),
        (1999, "JPY", 1999.0),
        (1999, "bhd", 1.999),
        (1999, "ugx", 19.99),
        (0, "eur", 0.0),
        (5, "krw", 5.0),
    ],
)
def test_amounts_are_in_the_unit_that_stripe_counts_a_currency_in(amount: int, currency: str, total: float) -> None:
    found = event("charge.succeeded", id="ch_1", customer="cus_1", amount=amount, currency=currency)
    assert found.properties["total"] == total


def test_a_refund_names_the_order_that_was_paid() -> None:
    paid = event("checkout.session.completed", id="cs_1", customer="cus_1", payment_intent="pi_1")
    refund = event(
        "charge.refunded",
        id="ch_1",
        customer="cus_1",
        payment_intent="pi_1",
        amount=500,
        amount_refunded=200,
        currency="eur",
    )
    assert refund.name == "Order Refunded"
    assert refund.properties["order_id"] == paid.properties["order_id"] == "pi_1"
    assert (refund.properties["total"], refund.properties["charged"]) == (2.0, 5.0)


def test_a_payment_is_no_second_order() -> None:
    names = {mapping.event for mapping in EVENTS.values()}
    orders = [kind for kind, mapping in EVENTS.items() if mapping.event == "'Order Completed'"]
    assert orders == ["checkout.session.completed"]
    assert {"'Payment Succeeded'", "'Charge Succeeded'", "'Invoice Paid'"} <= names


@needs_examples
def test_a_subscription_names_its_products() -> None:
    body = json.loads((EXAMPLES / "customer.subscription.created.json").read_text())["body"]
    (only,) = said(body).events
    assert only.name == "Subscription Created"
    product = {
        "product_id": "prod_MnXpcVDdQq8wCY",
        "variant": "price_1M3wjkE0b6fckueSKPgfRMSG",
        "quantity": 10,
        "price": 7.0,
    }
    assert only.properties["products"] == [product]
    assert (only.properties["status"], only.properties["trial_end"]) == ("trialing", 1680426419)


def test_a_retry_is_the_same_event_and_another_event_is_not() -> None:
    first = event("charge.succeeded", id="ch_1", customer="cus_1")
    assert event("charge.succeeded", id="ch_1", customer="cus_1").message_id == first.message_id
    other = {**happened("charge.succeeded", id="ch_1", customer="cus_1"), "id": "evt_2"}
    assert said(other).events[0].message_id != first.message_id


def test_what_the_table_does_not_know_goes_by_the_sources_own_mapping() -> None:
    document = happened("quote.accepted", id="qt_1", customer="cus_1")
    assert [one.reason for one in said(document).rejected] == ["unknown_topic"]
    own = Mapping(event="'Quote Accepted'", message_id="id", identifiers={"stripe_customer_id": "data.object.customer"})
    (only,) = said(document, Source(id="pay", type="stripe", mapping=own)).events
    assert only.name == "Quote Accepted"
    known = happened("charge.succeeded", id="ch_1", customer="cus_1")
    assert said(known, Source(id="pay", type="stripe", mapping=own)).events[0].name == "Charge Succeeded"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "unknown_topic"),
        ([], "unknown_topic"),
        ({"type": None}, "unknown_topic"),
        ({"type": ["charge.succeeded"]}, "unknown_topic"),
        ({"type": "v2.core.event", "id": "evt_1"}, "unknown_topic"),
        ({"type": "charge.succeeded"}, "no_identifier"),
        ({"type": "charge.succeeded", "data": None}, "no_identifier"),
        (happened("charge.succeeded", customer={"id": "cus_1"}), "no_identifier"),
        (happened("charge.succeeded", customer="cus_1", amount="1999", currency="eur"), "unmappable"),
        ({**happened("charge.succeeded", customer="cus_1"), "created": "soon"}, "invalid_time"),
    ],
)
def test_a_version_to_come_is_kept_with_its_reason(document: object, reason: str) -> None:
    found = said(document)
    assert ([one.reason for one in found.rejected], found.events) == ([reason], ())


def test_bytes_that_are_no_json_are_kept_as_they_came() -> None:
    for body in (b"", b"{", b"\xff", b'{"type":"a","type":"b"}', b"[" * 100_000):
        (refused,) = read(Call(body=body), PAY, NOW).rejected
        assert refused.raw == body


odd = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
names = st.sampled_from(
    ["id", "customer", "amount", "currency", "items", "customer_details", "address", "preferred_locales"]
)


@settings(max_examples=examples(150), deadline=None)
@given(kind=st.sampled_from([*EVENTS, "other"]), fields=st.dictionaries(names, odd | st.dictionaries(names, odd)))
def test_odd_fields_are_left_out_or_the_whole_is_kept(kind: str, fields: dict[str, Any]) -> None:
    found = said(happened(kind, **{"customer": "cus_1", **fields}))
    assert len(found.events) + len(found.rejected) == 1
