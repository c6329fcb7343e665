"""Shopify's payload fields in the spelling of Segment's e-commerce spec. Nothing raises: odd values are left out."""

from __future__ import annotations

import re
from typing import Any, Final

from attune.sources.content import as_object

MAX_TEXT: Final = 1_000
MAX_PRODUCTS: Final = 250
_ABSURD: Final = 10**15
_GID: Final = "gid://shopify/"
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


def number_in(value: object) -> str:
    """The number of a thing at Shopify, which may come as one or as `gid://shopify/Order/1`; other text as it is."""
    found = text(value)
    return found.partition("?")[0].rpartition("/")[2] if found.startswith(_GID) else found


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
        **stated(currency=text(shop_money.get("currency_code"))),
    }


def checkout_properties(payload: Payload) -> Payload:
    """Of the checkout events; `checkout_url` takes the shopper back to it."""
    return {
        "products": products(payload),
        **stated(
            checkout_id=token(payload.get("token")),
            cart_id=token(payload.get("cart_token")),
            email=text(payload.get("email")),
            checkout_url=text(payload.get("abandoned_checkout_url")),
            **sums(payload),
        ),
    }


def products(payload: Payload) -> list[Payload]:
    """The lines as Segment's products."""
    return line_products(_lines(payload))


def line_products(lines: list[Payload]) -> list[Payload]:
    """`variant` is the variant's id: a title such as `Small` names many."""
    return [
        stated(
            product_id=number_in(line.get("product_id")),
            sku=text(line.get("sku")),
            variant=number_in(line.get("variant_id")),
            variant_name=text(line.get("variant_title")),
            name=text(line.get("title")),
            brand=text(line.get("vendor")),
            price=number(line.get("price")),
            quantity=whole(line.get("quantity")),
        )
        for line in lines[:MAX_PRODUCTS]
    ]


def buyer_email(payload: Payload) -> object:
    """The account's address, else the one typed in.

    A checkout may hold both. Taking the typed one as well would let anybody bind a stranger's address to an account.
    """
    customer = as_object(payload.get("customer"))
    if customer.get("id") and customer.get("email"):
        return customer["email"]
    return payload.get("email") or payload.get("contact_email") or customer.get("email")


def sums(payload: Payload) -> Payload:
    """Of a checkout or an order."""
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


def objects(value: object) -> list[Payload]:
    """The objects of a list; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def whole(value: object) -> int | None:
    """Of a count."""
    found = number(value)
    return None if found is None else int(found)


def stated(**values: Any) -> Payload:
    """Those that say something."""
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _lines(payload: Payload) -> list[Payload]:
    return objects(payload.get("line_items"))
