"""Shopify's three compliance topics: what customers and shops ask about their data, for the privacy officer.

| topic | request | about |
|---|---|---|
| `customers/data_request` | `access` | the customer, by number, e-mail and phone, and the orders named |
| `customers/redact` | `erasure` | the same |
| `shop/redact` | `shop_erasure` | everybody the shop has sent |

The topic is an unsigned header, so the signed body must bear it out: it names this shop, and holds nothing that only
another topic has. Else somebody who holds one signed body could have it acted upon as another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.privacy.requests import Kind, PrivacyRequest, request_id
from attune.sources import content
from attune.sources.content import as_object
from attune.sources.payloads import UnreadableError
from attune.sources.shopify_values import number_in, text

if TYPE_CHECKING:
    from attune.domain.definitions.sources import Source

#: orders named in one request, and characters of the number of one: together an item that DynamoDB takes (400 KB)
MAX_ORDERS: Final = 10_000
_MAX_NUMBER: Final = 32


class Compliance(msgspec.Struct, frozen=True):
    """`kind` of request, the field that lists its orders, and the fields that only other topics have."""

    kind: Kind
    orders: str
    foreign: tuple[str, ...]


COMPLIANCE: Final = {
    "customers/data_request": Compliance("access", "orders_requested", ("orders_to_redact",)),
    "customers/redact": Compliance("erasure", "orders_to_redact", ("orders_requested", "data_request")),
    "shop/redact": Compliance("shop_erasure", "", ("customer", "orders_to_redact", "orders_requested", "data_request")),
}


def privacy_request(topic: str, body: bytes, delivery: str, source: Source, received_at: int) -> PrivacyRequest:
    """What is asked. `delivery`: Shopify's id of this webhook, which its retries repeat.

    The id covers the body and the delivery: the same customer may ask again a year later in the same words, and a
    request too many does less harm than one too few. Raises `UnreadableError`: whatever `read_object` does;
    `wrong_shop`; `wrong_topic`; `no_identifier`.
    """
    asked = COMPLIANCE[topic]
    payload = content.read_object(body)
    shop = text(payload.get("shop_domain")).lower()
    if not shop or (source.shop_domain and shop != source.shop_domain.lower()):
        raise UnreadableError("wrong_shop")
    if any(field in payload for field in asked.foreign):
        raise UnreadableError("wrong_topic")
    customer = as_object(payload.get("customer"))
    named: list[tuple[object, object]] = [("shopify_customer_id", number_in(customer.get("id")))]
    named += [(namespace, customer.get(namespace)) for namespace in ("email", "phone")]
    identifiers, _ = content.read_identifiers(named)
    orders = _orders(payload, asked.orders)
    if asked.kind != "shop_erasure" and not identifiers and not orders:
        raise UnreadableError("no_identifier")
    return PrivacyRequest(
        request_id=request_id("shopify", source.id, topic, delivery, body),
        kind=asked.kind,
        source=source.id,
        received_at=received_at,
        identifiers=identifiers,
        reference=text(as_object(payload.get("data_request")).get("id")),
        orders=orders,
    )


def _orders(payload: dict[str, Any], field: str) -> tuple[str, ...]:
    listed = payload.get(field)
    numbers = (number_in(one) for one in listed) if isinstance(listed, list) else ()
    sound = (number for number in numbers if number.isascii() and number.isalnum() and len(number) <= _MAX_NUMBER)
    return tuple(sound)[:MAX_ORDERS]
