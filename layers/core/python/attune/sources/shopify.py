"""Shopify's webhooks → events, named and spelled as in Segment's e-commerce spec (version 2) where it has a name.

`TOPICS` is the table: a topic a row. docs/collect.md shows it to people; a test keeps the two equal. The compliance
topics are no events: `sources/shopify_compliance.py` makes privacy requests of them. Explicit marketing consent becomes
an event of its own with the time of the consent (`sources/shopify_consent.py`).

The signature covers the body only: topic, shop and webhook id are unsigned headers, so message ids are made of what
the body says. Left out, and quarantined as `unknown_topic` if subscribed to all the same: what is about no customer
(products, stock, themes), and drafts of orders, which merchants write.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Rejected, short_hash
from attune.sources import content, shopify_accounts, shopify_orders
from attune.sources.payloads import UnreadableError
from attune.sources.shopify_compliance import COMPLIANCE, privacy_request
from attune.sources.shopify_consent import consent_events
from attune.sources.shopify_people import ACCOUNT, CART, CHECKOUT, DELETED_CHECKOUT, MEMBER, OF_ORDER, ORDER, Subject
from attune.sources.shopify_values import cart_properties, checkout_properties, text
from attune.sources.webhooks import Call, Reading

_TOPIC: Final = "x-shopify-topic"
_DELIVERY: Final = "x-shopify-webhook-id"
#: the headers that `read` looks at
READS: Final = frozenset({_TOPIC, _DELIVERY})

type Payload = dict[str, Any]
type Fields = Callable[[Payload], Payload]


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """How one topic is read. `event`: its name; an identify has none. `completed`: its name once `completed_at` is set.

    `happened`: the payload's time fields, the first that is set counts; without one it was when it was received.
    `once`: the event happens once in the life of its object, so the message id says no more than which object.
    """

    event: str = ""
    completed: str = ""
    subject: Subject
    properties: Fields | None = None
    traits: Fields | None = None
    happened: tuple[str, ...] = ("updated_at", "created_at")
    once: bool = False


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook says: its event, and statements of consent, which come before it."""

    event: Event
    consents: tuple[Event, ...] = ()


def proves(call: Call, source: Source, secrets: Sequence[str], now: int) -> bool:  # noqa: ARG001 - no time is signed
    """Base64 of HMAC-SHA256 over the raw body, under any live secret.

    The body names no shop, so the path does, and a shop's secret signs for its own source only.
    """
    given = call.headers.get("x-shopify-hmac-sha256", "").strip().encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(given, sign(secret, call.body)) for secret in secrets if secret]
    shop = call.headers.get("x-shopify-shop-domain", "").strip().lower()
    return any(matches) and (not source.shop_domain or shop == source.shop_domain.lower())


def sign(secret: str, body: bytes) -> bytes:
    """What Shopify puts into `X-Shopify-Hmac-Sha256`."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256"))


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says."""
    topic = call.headers.get(_TOPIC, "")
    delivery = call.headers.get(_DELIVERY, "")
    try:
        if topic in COMPLIANCE:
            return Reading(requests=(privacy_request(topic, call.body, delivery, source, received_at),))
        webhook = read_webhook(topic, call.body, source, received_at, delivery)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=call.body),))
    return Reading(events=(webhook.event,), made=webhook.consents)


def read_webhook(topic: str, body: bytes, source: Source, received_at: int, delivery: str = "") -> Webhook:
    """What a webhook of `topic` says; missing and malformed fields are left out. `delivery`: as its retries repeat it.

    Raises `UnreadableError`: `unknown_topic`; whatever `read_object` does; `no_identifier`.
    """
    mapping = TOPICS.get(topic)
    if mapping is None:
        raise UnreadableError("unknown_topic")
    payload = content.read_object(body)
    identifiers, notes = content.read_identifiers(mapping.subject.claims(payload))
    if not identifiers:
        raise UnreadableError("no_identifier")
    stamp = _stamp(mapping, payload)
    time = content.known_time(stamp, received_at)
    event = Event(
        type="track" if mapping.event else "identify",
        message_id=_message_id(topic, mapping, payload, body, delivery if stamp is None else str(stamp)),
        time=received_at if time is None else time,
        identifiers=identifiers,
        name=mapping.completed if mapping.completed and payload.get("completed_at") else mapping.event,
        properties=mapping.properties(payload) if mapping.properties else {},
        traits=mapping.traits(payload) if mapping.traits else {},
        basis=source.consent or None,
        notes=notes if time is not None else (*notes, "time_of_receipt"),
    )
    consents = consent_events(payload, event, received_at)
    return Webhook(event=content.fingerprinted(event, stamp), consents=consents)


def _stamp(mapping: Topic, payload: Payload) -> object:
    """The time that counts, as it was written; an edit of an order holds its own inside."""
    places = (payload, content.as_object(payload.get("order_edit")))
    return next((place[field] for place in places for field in mapping.happened if place.get(field)), None)


def _message_id(topic: str, mapping: Topic, payload: Payload, body: bytes, moment: str) -> str:
    """Shopify's times may be whole seconds, so the bytes tell two changes within one apart; a retry has the same.

    `moment`: the time, or where the body has none, which delivery it was: somebody may join a segment twice.
    """
    subject = text(payload.get("id") or payload.get("token") or payload.get("customer_id"))
    if mapping.once and subject:
        return "shopify-" + short_hash(topic, subject).hex()
    return "shopify-" + short_hash(topic, subject, moment, body).hex()


_CART: Final = Topic(event="Cart Viewed", subject=CART, properties=cart_properties)
_STARTED: Final = Topic(
    event="Checkout Started", subject=CHECKOUT, properties=checkout_properties, traits=shopify_orders.buyer_traits
)
_ORDER: Final = Topic(
    event="Order Updated",
    subject=ORDER,
    properties=shopify_orders.order_properties,
    traits=shopify_orders.buyer_traits,
)
_FULFILLED: Final = Topic(
    event="Fulfillment Created",
    subject=OF_ORDER,
    properties=shopify_orders.fulfillment_properties,
    happened=("created_at", "updated_at"),
    once=True,
)
_ACCOUNT: Final = Topic(subject=ACCOUNT, traits=shopify_accounts.account_traits)
_TAGS: Final = Topic(
    event="Customer Tags Added",
    subject=MEMBER,
    properties=shopify_accounts.tag_properties,
    happened=("occurredAt",),
)
_SEGMENT: Final = Topic(
    event="Customer Segment Joined", subject=MEMBER, properties=shopify_accounts.segment_properties, happened=()
)


def _but(topic: Topic, **changes: Any) -> Topic:
    return msgspec.structs.replace(topic, **changes)


TOPICS: Final[dict[str, Topic]] = {
    "carts/create": _CART,
    "carts/update": _CART,
    "checkouts/create": _STARTED,
    "checkouts/update": _but(_STARTED, event="Checkout Step Viewed", completed="Checkout Step Completed"),
    "checkouts/delete": Topic(event="Checkout Deleted", subject=DELETED_CHECKOUT, happened=(), once=True),
    "orders/create": _but(_ORDER, event="Order Completed", happened=("created_at", "updated_at"), once=True),
    "orders/paid": _ORDER,
    "orders/updated": _ORDER,
    "orders/fulfilled": _ORDER,
    "orders/partially_fulfilled": _ORDER,
    "orders/cancelled": _but(_ORDER, event="Order Cancelled", happened=("cancelled_at", "updated_at"), once=True),
    "orders/edited": Topic(event="Order Edited", subject=OF_ORDER, properties=shopify_orders.edit_properties),
    "orders/delete": Topic(
        event="Order Deleted", subject=ORDER, properties=shopify_orders.deleted_properties, happened=(), once=True
    ),
    "refunds/create": Topic(
        event="Order Refunded",
        subject=OF_ORDER,
        properties=shopify_orders.refund_properties,
        happened=("processed_at", "created_at"),
        once=True,
    ),
    "order_transactions/create": Topic(
        event="Order Transaction Created",
        subject=OF_ORDER,
        properties=shopify_orders.transaction_properties,
        happened=("processed_at", "created_at"),
        once=True,
    ),
    "fulfillments/create": _FULFILLED,
    "fulfillments/update": _but(
        _FULFILLED, event="Fulfillment Updated", happened=("updated_at", "created_at"), once=False
    ),
    "fulfillment_events/create": Topic(
        event="Shipment Status Updated",
        subject=OF_ORDER,
        properties=shopify_orders.shipment_properties,
        happened=("happened_at", "created_at"),
    ),
    "customers/create": _ACCOUNT,
    "customers/update": _ACCOUNT,
    "customers/enable": _ACCOUNT,
    "customers/disable": _ACCOUNT,
    "customers/delete": Topic(event="Customer Deleted", subject=ACCOUNT, happened=(), once=True),
    "customers/merge": Topic(
        event="Customer Merged", subject=MEMBER, properties=shopify_accounts.merge_properties, happened=()
    ),
    "customers/purchasing_summary": Topic(
        subject=MEMBER, traits=shopify_accounts.summary_traits, happened=("occurredAt",)
    ),
    "customer.tags_added": _TAGS,
    "customer.tags_removed": _but(_TAGS, event="Customer Tags Removed"),
    "customer.joined_segment": _SEGMENT,
    "customer.left_segment": _but(_SEGMENT, event="Customer Segment Left"),
    "customers_marketing_consent/update": _ACCOUNT,
    "customers_email_marketing_consent/update": _ACCOUNT,
    "customers_whats_app_marketing_consent/update": _ACCOUNT,
}
