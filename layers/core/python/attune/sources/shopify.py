"""Shopify's webhooks → events, named and spelled as in Segment's e-commerce spec (version 2).

| topic | event |
|---|---|
| `carts/create`, `carts/update` | `Cart Viewed` |
| `checkouts/create` | `Checkout Started` |
| `checkouts/update` | `Checkout Step Viewed`; `Checkout Step Completed` once the checkout has become an order |
| `orders/create` | `Order Completed`, at most one for an order |
| `orders/paid`, `orders/updated`, `orders/fulfilled`, `orders/partially_fulfilled` | `Order Updated` |
| `orders/cancelled` | `Order Cancelled` |
| `customers/create`, `/update`, `/enable`, `/disable`, `customers_*marketing_consent/update` | identify |

Explicit marketing consent becomes an event of its own with the time of the consent (`sources/shopify_consent.py`).
The signature covers the body only: topic, shop and webhook id are unsigned headers, so message ids are made of what
the body says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from attune.domain.definitions import Source
from attune.domain.events import Event, short_hash
from attune.sources import content, payloads
from attune.sources.content import as_object
from attune.sources.payloads import UnreadableError
from attune.sources.shopify_consent import consent_events
from attune.sources.shopify_values import (
    account_traits,
    buyer_email,
    buyer_traits,
    cart_properties,
    checkout_properties,
    nothing,
    order_properties,
    text,
    token,
)

type Payload = dict[str, Any]
type Claims = list[tuple[object, object]]


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """How one topic is read. `happened`: the payload's time fields, the first that is set counts.

    `once`: the event happens once in the life of its object, so the message id says no more than which object.
    """

    type: str = "track"
    name: Callable[[Payload], str]
    properties: Callable[[Payload], Payload]
    claims: Callable[[Payload], Claims]
    traits: Callable[[Payload], Payload]
    happened: tuple[str, ...] = ("updated_at", "created_at")
    once: bool = False


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook says: its event, and statements of consent, which come before it."""

    event: Event
    consents: tuple[Event, ...] = ()


def read_webhook(topic: str, body: bytes, source: Source, received_at: int) -> Webhook:
    """What a webhook of `topic` says; missing and malformed fields are left out.

    Raises `UnreadableError`: `unknown_topic`; whatever `read_json` does; `invalid_event` unless the body is an
    object; `no_identifier`.
    """
    mapping = TOPICS.get(topic)
    if mapping is None:
        raise UnreadableError("unknown_topic")
    payload = payloads.read_json(body)
    if not isinstance(payload, dict):
        raise UnreadableError("invalid_event")
    identifiers, notes = content.read_identifiers(mapping.claims(payload))
    if not identifiers:
        raise UnreadableError("no_identifier")
    stamp = next((payload[field] for field in mapping.happened if payload.get(field)), None)
    time = content.known_time(stamp, received_at)
    event = Event(
        type=mapping.type,
        message_id=_message_id(topic, mapping, payload, stamp, body),
        time=received_at if time is None else time,
        identifiers=identifiers,
        name=mapping.name(payload),
        properties=mapping.properties(payload),
        traits=mapping.traits(payload),
        basis=source.consent or None,
        notes=notes if time is not None else (*notes, "time_of_receipt"),
    )
    consents = consent_events(payload, event, received_at)
    return Webhook(event=content.fingerprinted(event, stamp), consents=consents)


def _person(payload: Payload) -> Claims:
    customer = as_object(payload.get("customer"))
    return [
        ("shopify_customer_id", customer.get("id")),
        ("email", buyer_email(payload)),
        ("phone", customer.get("phone") or payload.get("phone")),
    ]


def _account(payload: Payload) -> Claims:
    """A customer's own webhooks; the consent topic of e-mail spells the fields differently."""
    return [
        ("shopify_customer_id", payload.get("id") or payload.get("customer_id")),
        ("email", payload.get("email") or payload.get("email_address")),
        ("phone", payload.get("phone")),
    ]


def _cart(payload: Payload) -> Claims:
    return [("cart_token", token(payload.get("token") or payload.get("id")))]


def _checkout(payload: Payload) -> Claims:
    tokens = [("checkout_token", token(payload.get("token"))), ("cart_token", token(payload.get("cart_token")))]
    return [*_person(payload), *tokens]


def _order(payload: Payload) -> Claims:
    names = ("checkout_token", "cart_token")
    return [*_person(payload), *((name, token(payload.get(name))) for name in names)]


def _named(name: str) -> Callable[[Payload], str]:
    return lambda _: name


def _checkout_step(payload: Payload) -> str:
    """Shopify updates the checkout once more when it has become an order: that is no return to the cart."""
    return "Checkout Step Completed" if payload.get("completed_at") else "Checkout Step Viewed"


def _message_id(topic: str, mapping: Topic, payload: Payload, stamp: object, body: bytes) -> str:
    """Shopify's times may be whole seconds, so the bytes tell two changes within one apart; a retry has the same."""
    subject = text(payload.get("id") or payload.get("token") or payload.get("customer_id"))
    if mapping.once and subject:
        return "shopify-" + short_hash(topic, subject).hex()
    return "shopify-" + short_hash(topic, subject, str(stamp), body).hex()


_CART: Final = Topic(name=_named("Cart Viewed"), properties=cart_properties, claims=_cart, traits=nothing)
_CHECKOUT: Final = Topic(name=_checkout_step, properties=checkout_properties, claims=_checkout, traits=buyer_traits)
_ORDER: Final = Topic(name=_named("Order Updated"), properties=order_properties, claims=_order, traits=buyer_traits)
_CUSTOMER: Final = Topic(type="identify", name=_named(""), properties=nothing, claims=_account, traits=account_traits)


def _but(topic: Topic, **changes: Any) -> Topic:
    return msgspec.structs.replace(topic, **changes)


TOPICS: Final[dict[str, Topic]] = {
    "carts/create": _CART,
    "carts/update": _CART,
    "checkouts/create": _but(_CHECKOUT, name=_named("Checkout Started")),
    "checkouts/update": _CHECKOUT,
    "orders/create": _but(_ORDER, name=_named("Order Completed"), happened=("created_at", "updated_at"), once=True),
    "orders/paid": _ORDER,
    "orders/updated": _ORDER,
    "orders/fulfilled": _ORDER,
    "orders/partially_fulfilled": _ORDER,
    "orders/cancelled": _but(
        _ORDER, name=_named("Order Cancelled"), happened=("cancelled_at", "updated_at"), once=True
    ),
    "customers/create": _CUSTOMER,
    "customers/update": _CUSTOMER,
    "customers/enable": _CUSTOMER,
    "customers/disable": _CUSTOMER,
    "customers_marketing_consent/update": _CUSTOMER,
    "customers_email_marketing_consent/update": _CUSTOMER,
}
