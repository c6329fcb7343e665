"""Shopify's payload fields in the spelling of Segment's e-commerce spec. Nothing raises: odd values are left out."""

from __future__ import annotations

import re
from typing import Any, Final

from attune.sources.content import as_object

MAX_TEXT: Final = 1_000
MAX_PRODUCTS: Final = 250
_ABSURD: Final = 10**15
_DECIMAL: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")

type Payload = dict[str, Any]


def text(value: object) -> str:
    """Text of at most 1,000 characters; a number's digits; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def token(value: object) -> str:
    """A cart's or checkout's token; newer carts append a secret key as a query, which carts of one shopper lack."""
    return text(value).partition("?")[0]


def number(value: object) -> float | None:
    """Money comes as decimal text: `"19.99"` → 19.99."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _ABSURD else None


def cart_properties(payload: Payload) -> Payload:
    """Of `Cart Viewed`: what lies in the cart now, an emptied one included."""
    lines = _lines(payload)
    shop_money = as_object(as_object(next(iter(lines), {}).get("price_set")).get("shop_money"))
    prices = [number(line.get("line_price")) for line in lines]
    return {
        "cart_id": token(payload.get("token") or payload.get("id")),
        "products": products(payload),
        "value": round(sum(price for price in prices if price is not None), 2),
        **_set(currency=text(shop_money.get("currency_code"))),
    }


def checkout_properties(payload: Payload) -> Payload:
    """Of the checkout events; `checkout_url` takes the shopper back to it."""
    return {
        "products": products(payload),
        **_set(
            checkout_id=token(payload.get("token")),
            cart_id=token(payload.get("cart_token")),
            email=text(payload.get("email")),
            checkout_url=text(payload.get("abandoned_checkout_url")),
            **_sums(payload),
        ),
    }


def order_properties(payload: Payload) -> Payload:
    """Of the order events; `revenue` is without shipping and tax, as Segment defines it."""
    shipping = as_object(as_object(payload.get("total_shipping_price_set")).get("shop_money"))
    return {
        "products": products(payload),
        **_set(
            order_id=text(payload.get("id")),
            order_name=text(payload.get("name")),
            checkout_id=token(payload.get("checkout_token")),
            cart_id=token(payload.get("cart_token")),
            email=text(payload.get("email")),
            total=number(payload.get("total_price")),
            shipping=number(shipping.get("amount")),
            financial_status=text(payload.get("financial_status")),
            fulfillment_status=text(payload.get("fulfillment_status")),
            cancel_reason=text(payload.get("cancel_reason")),
            **_sums(payload),
        ),
    }


def products(payload: Payload) -> list[Payload]:
    """The lines as Segment's products. `variant` is the variant's id: a title such as `Small` names many."""
    return [
        _set(
            product_id=text(line.get("product_id")),
            sku=text(line.get("sku")),
            variant=text(line.get("variant_id")),
            variant_name=text(line.get("variant_title")),
            name=text(line.get("title")),
            brand=text(line.get("vendor")),
            price=number(line.get("price")),
            quantity=_quantity(line.get("quantity")),
        )
        for line in _lines(payload)[:MAX_PRODUCTS]
    ]


def buyer_traits(payload: Payload) -> Payload:
    """Of the person behind a checkout or an order: the account's name, or a guest's from the billing address."""
    named = as_object(payload.get("customer"))
    if not named.get("first_name") and not named.get("last_name"):
        named = as_object(payload.get("billing_address"))
    return _set(
        first_name=text(named.get("first_name")),
        last_name=text(named.get("last_name")),
        email=text(buyer_email(payload)),
    )


def buyer_email(payload: Payload) -> object:
    """The account's address, else the one typed in.

    A checkout may hold both. Taking the typed one as well would let anybody bind a stranger's address to an account.
    """
    customer = as_object(payload.get("customer"))
    if customer.get("id") and customer.get("email"):
        return customer["email"]
    return payload.get("email") or payload.get("contact_email") or customer.get("email")


def account_traits(payload: Payload) -> Payload:
    """Of a customer's account."""
    return _set(
        first_name=text(payload.get("first_name")),
        last_name=text(payload.get("last_name")),
        email=text(payload.get("email")),
        phone=text(payload.get("phone")),
        orders_count=_quantity(payload.get("orders_count")),
        total_spent=number(payload.get("total_spent")),
    )


def nothing(_: Payload) -> Payload:
    """For events without traits or properties."""
    return {}


def _sums(payload: Payload) -> Payload:
    codes = payload.get("discount_codes")
    coupon = as_object(codes[0]).get("code") if isinstance(codes, list) and codes else None
    return {
        "currency": text(payload.get("currency")),
        "value": number(payload.get("total_price")),
        "revenue": number(payload.get("subtotal_price")),
        "tax": number(payload.get("total_tax")),
        "discount": number(payload.get("total_discounts")),
        "coupon": text(coupon),
    }


def _lines(payload: Payload) -> list[Payload]:
    lines = payload.get("line_items")
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _quantity(value: object) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def _set(**values: Any) -> Payload:
    return {name: value for name, value in values.items() if value is not None and value != ""}
