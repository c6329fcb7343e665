"""A Shopify order and what happens to it later, spelled as in Segment's e-commerce spec where it has a word."""

from __future__ import annotations

from typing import Any

from attune.sources.content import as_object
from attune.sources.shopify_values import (
    MAX_PRODUCTS,
    buyer_email,
    line_products,
    number,
    number_in,
    objects,
    products,
    stated,
    sums,
    text,
    token,
)

type Payload = dict[str, Any]


def order_properties(payload: Payload) -> Payload:
    """Of the order events; `revenue` is without shipping and tax, as Segment defines it."""
    shipping = as_object(as_object(payload.get("total_shipping_price_set")).get("shop_money"))
    return {
        "products": products(payload),
        **stated(
            order_id=number_in(payload.get("id") or payload.get("admin_graphql_api_id")),
            order_name=text(payload.get("name")),
            checkout_id=token(payload.get("checkout_token")),
            cart_id=token(payload.get("cart_token")),
            email=text(payload.get("email")),
            total=number(payload.get("total_price")),
            shipping=number(shipping.get("amount")),
            financial_status=text(payload.get("financial_status")),
            fulfillment_status=text(payload.get("fulfillment_status")),
            cancel_reason=text(payload.get("cancel_reason")),
            **sums(payload),
        ),
    }


def edit_properties(payload: Payload) -> Payload:
    """Of `orders/edited`: how many lines came and went; the lines themselves come with `orders/updated`."""
    edit = as_object(payload.get("order_edit"))
    lines = as_object(edit.get("line_items"))
    return stated(
        order_id=number_in(edit.get("order_id")),
        lines_added=len(objects(lines.get("additions"))),
        lines_removed=len(objects(lines.get("removals"))),
    )


def deleted_properties(payload: Payload) -> Payload:
    """Of `orders/delete`, which holds the number alone; examples of older versions show a whole order."""
    return stated(order_id=number_in(payload.get("id")))


def refund_properties(payload: Payload) -> Payload:
    """Of `Order Refunded`: `total` is the money given back, `value` what the returned lines had cost without tax."""
    lines = objects(payload.get("refund_line_items"))[:MAX_PRODUCTS]
    paid = [one for one in objects(payload.get("transactions")) if one.get("kind") == "refund"]
    given = [number(one.get("amount")) for one in paid if one.get("status") == "success"]
    worth = [number(line.get("subtotal")) for line in lines]
    sold = [as_object(line.get("line_item")) | {"quantity": line.get("quantity")} for line in lines]
    return {
        "products": line_products(sold),
        "total": round(sum(amount for amount in given if amount is not None), 2),
        "value": round(sum(amount for amount in worth if amount is not None), 2),
        **stated(
            order_id=number_in(payload.get("order_id")),
            refund_id=number_in(payload.get("id")),
            currency=_currency(payload, paid),
        ),
    }


def fulfillment_properties(payload: Payload) -> Payload:
    """Of the fulfilment events; `tracking_url` leads to the carrier."""
    return {
        "products": products(payload),
        **stated(
            order_id=number_in(payload.get("order_id")),
            fulfillment_id=number_in(payload.get("id")),
            status=text(payload.get("status")),
            shipment_status=text(payload.get("shipment_status")),
            carrier=text(payload.get("tracking_company")),
            tracking_number=text(payload.get("tracking_number")),
            tracking_url=text(payload.get("tracking_url")),
        ),
    }


def shipment_properties(payload: Payload) -> Payload:
    """Of `Shipment Status Updated`, such as `in_transit` or `delivered`."""
    return stated(
        order_id=number_in(payload.get("order_id")),
        fulfillment_id=number_in(payload.get("fulfillment_id")),
        shipment_status=text(payload.get("status")),
        estimated_delivery_at=text(payload.get("estimated_delivery_at")),
    )


def transaction_properties(payload: Payload) -> Payload:
    """Of `Order Transaction Created`: nothing of the card."""
    return stated(
        order_id=number_in(payload.get("order_id")),
        transaction_id=number_in(payload.get("id")),
        kind=text(payload.get("kind")),
        status=text(payload.get("status")),
        error_code=text(payload.get("error_code")),
        gateway=text(payload.get("gateway")),
        total=number(payload.get("amount")),
        currency=text(payload.get("currency")),
    )


def buyer_traits(payload: Payload) -> Payload:
    """Of the person behind a checkout or an order: the account's name, or a guest's from the billing address."""
    named = as_object(payload.get("customer"))
    if not named.get("first_name") and not named.get("last_name"):
        named = as_object(payload.get("billing_address"))
    return stated(
        first_name=text(named.get("first_name")),
        last_name=text(named.get("last_name")),
        email=text(buyer_email(payload)),
    )


def _currency(payload: Payload, paid: list[Payload]) -> str:
    duties = as_object(as_object(payload.get("total_duties_set")).get("shop_money"))
    return text(paid[0].get("currency")) if paid else text(duties.get("currency_code"))
