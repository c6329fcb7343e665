"""Stripe's webhooks → events, named as in Segment's e-commerce spec where it has a name.

`EVENTS` is the table: what each kind of Stripe's events says, as a mapping like anybody may write one. Docs/collect.md
shows it to people; a test keeps the two equal. Kinds that are not in it go by the source's own mapping, if it has one.
Stripe's event id is the message id, so its retries of three days are recognised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.signatures import StripeSignature
from attune.domain.definitions.sources import Source
from attune.domain.events import Rejected
from attune.sources import payloads
from attune.sources.content import as_object
from attune.sources.mapped import read_document
from attune.sources.payloads import UnreadableError
from attune.sources.signed import is_signed
from attune.sources.webhooks import Call, Reading

SIGNATURE: Final = StripeSignature(tolerance="300s")


def proves(call: Call, source: Source, secrets: Sequence[str], now: int) -> bool:  # noqa: ARG001 - as every format
    """`Stripe-Signature` under any live secret, not more than 300 s off."""
    return is_signed(call, SIGNATURE, secrets, now)


def read(call: Call, source: Source, received_at: int) -> Reading:
    """What a proven call says."""
    try:
        document = payloads.read_json(call.body)
    except UnreadableError as unreadable:
        return Reading(rejected=(Rejected(reason=unreadable.reason, raw=call.body),))
    kind = as_object(document).get("type")
    mapping = EVENTS.get(kind, source.mapping) if isinstance(kind, str) else source.mapping
    if mapping is None:
        return Reading(rejected=(Rejected(reason="unknown_topic", raw=call.body),))
    return read_document(document, mapping, source, received_at, raw=call.body, item=call.item)


def _of(path: str, *names: str) -> dict[str, str]:
    """Expressions for fields of the object that keep their names."""
    return {name: f"{path}.{name}" for name in names}


def _but(mapping: Mapping, **changes: Any) -> Mapping:
    return msgspec.structs.replace(mapping, **changes)


def _amount(field: str) -> str:
    return f"stripe_amount(data.object.{field}, data.object.currency)"


_OBJECT: Final = "data.object"
_PRODUCTS: Final = (
    "data.object.items.data[].{product_id: price.product, variant: price.id, quantity: quantity,"
    " price: stripe_amount(price.unit_amount, price.currency)}"
)
#: which payment an order was paid by is what a refund names too
_ORDER_ID: Final = "data.object.payment_intent || data.object.id"

_ANY: Final = Mapping(
    message_id="id",
    time="created",
    event="type",
    identifiers={"stripe_customer_id": "data.object.customer"},
)
_CUSTOMER: Final = _but(
    _ANY,
    identifiers={"stripe_customer_id": "data.object.id", **_of(_OBJECT, "email", "phone")},
)
_IDENTIFY: Final = _but(
    _CUSTOMER,
    type="identify",
    event=None,
    traits={
        **_of(_OBJECT, "name", "email", "phone"),
        "address": (
            "data.object.address && data.object.address.{street: line1, city: city, state: state,"
            " postal_code: postal_code, country: country}"
        ),
        "language": "data.object.preferred_locales[0]",
        "created_at": "data.object.created",
    },
)
_CHECKOUT: Final = _but(
    _ANY,
    event="'Order Completed'",
    identifiers={
        **_ANY.identifiers,
        "email": "data.object.customer_details.email || data.object.customer_email",
        "phone": "data.object.customer_details.phone",
    },
    properties={
        "order_id": _ORDER_ID,
        "checkout_id": "data.object.id",
        "total": _amount("amount_total"),
        "subtotal": _amount("amount_subtotal"),
        "tax": _amount("total_details.amount_tax"),
        "shipping": _amount("total_details.amount_shipping"),
        "discount": _amount("total_details.amount_discount"),
        "email": "data.object.customer_details.email || data.object.customer_email",
        "subscription_id": "data.object.subscription",
        "invoice_id": "data.object.invoice",
        **_of(_OBJECT, "currency", "mode", "payment_status", "client_reference_id"),
    },
    consent={"email": "data.object.consent.promotions"},  # opt_in or opt_out, if the page asked
)
_INVOICE: Final = _but(
    _ANY,
    identifiers={**_ANY.identifiers, "email": "data.object.customer_email", "phone": "data.object.customer_phone"},
    properties={
        "invoice_id": "data.object.id",
        "invoice_number": "data.object.number",
        "total": _amount("total"),
        "amount_paid": _amount("amount_paid"),
        "amount_due": _amount("amount_due"),
        "subscription_id": (
            "data.object.subscription || data.object.parent.subscription_details.subscription"  # newer versions
        ),
        **_of(_OBJECT, "currency", "billing_reason", "attempt_count", "hosted_invoice_url"),
    },
)
_PAYMENT: Final = _but(
    _ANY,
    identifiers={
        **_ANY.identifiers,
        "email": "data.object.receipt_email || data.object.billing_details.email",
    },
    properties={
        "order_id": _ORDER_ID,
        "payment_id": "data.object.id",
        "total": _amount("amount"),
        "error_code": "data.object.last_payment_error.code || data.object.failure_code",
        **_of(_OBJECT, "currency", "status", "description"),
    },
)
_SUBSCRIPTION: Final = _but(
    _ANY,
    properties={
        "subscription_id": "data.object.id",
        "products": _PRODUCTS,
        "current_period_end": (
            "data.object.current_period_end || data.object.items.data[0].current_period_end"  # newer versions
        ),
        "cancellation_reason": "data.object.cancellation_details.reason",
        **_of(
            _OBJECT, "status", "currency", "cancel_at_period_end", "canceled_at", "ended_at", "trial_start", "trial_end"
        ),
    },
)

EVENTS: Final[dict[str, Mapping]] = {
    "customer.created": _IDENTIFY,
    "customer.updated": _IDENTIFY,
    "customer.deleted": _but(_CUSTOMER, event="'Customer Deleted'"),
    "checkout.session.completed": _CHECKOUT,
    "invoice.paid": _but(_INVOICE, event="'Invoice Paid'"),
    "invoice.payment_failed": _but(_INVOICE, event="'Invoice Payment Failed'"),
    "payment_intent.succeeded": _but(_PAYMENT, event="'Payment Succeeded'"),
    "payment_intent.payment_failed": _but(_PAYMENT, event="'Payment Failed'"),
    "charge.succeeded": _but(_PAYMENT, event="'Charge Succeeded'"),
    "charge.refunded": _but(
        _PAYMENT,
        event="'Order Refunded'",
        properties={**_PAYMENT.properties, "total": _amount("amount_refunded"), "charged": _amount("amount")},
    ),
    "customer.subscription.created": _but(_SUBSCRIPTION, event="'Subscription Created'"),
    "customer.subscription.updated": _but(_SUBSCRIPTION, event="'Subscription Updated'"),
    "customer.subscription.deleted": _but(_SUBSCRIPTION, event="'Subscription Ended'"),
}
