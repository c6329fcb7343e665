"""What lies in a cart, from the e-commerce events that mention it, equal under any order of arrival.

A call that lists all products (`Cart Viewed`, `Checkout Started`, ...) is a snapshot; `Product Added` and
`Product Removed` move single products after it. Event names and properties: Segment's e-commerce spec, version 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.events import Event

SNAPSHOTS: Final = frozenset({"Cart Viewed", "Checkout Started", "Checkout Step Viewed"})
MOVES: Final = {"Product Added": 1, "Product Removed": -1}

MAX_CARTS: Final = 5
MAX_PRODUCTS: Final = 20
MAX_MOVES: Final = 20
MAX_QUANTITY: Final = 9_999
LIFETIME: Final = 30 * 86_400_000
_PRODUCT_FIELDS: Final = ("product_id", "sku", "variant", "name", "brand", "price", "currency", "url", "image_url")
_DETAIL_FIELDS: Final = ("currency", "value", "checkout_id", "checkout_url")
_MAX_TEXT: Final = 200


class Line(msgspec.Struct, array_like=True, gc=False):
    """One product moved since the snapshot, as last described; `moves`: a set of (event time, event hash, quantity)."""

    product: dict[str, Any]
    described: tuple[int, bytes]
    moves: list[tuple[int, bytes, int]] = []


class Cart(msgspec.Struct, array_like=True, gc=False):
    """A cart: its newest snapshot, when that was taken, and the lines moved since. `changed_at`: its newest event."""

    changed_at: int = 0
    snapshot: tuple[int, bytes] = (-1, b"")
    products: list[dict[str, Any]] = []
    details: dict[str, Any] = {}
    lines: dict[str, Line] = {}


def fold_cart(carts: dict[str, Cart], event: Event, order: bytes) -> None:
    """Apply an event that mentions a cart by `cart_id`; any other event leaves `carts` as it is."""
    cart_id = event.properties.get("cart_id")
    if not isinstance(cart_id, str) or (event.name not in SNAPSHOTS and event.name not in MOVES):
        return
    cart = carts.setdefault(cart_id, Cart())
    cart.changed_at = max(cart.changed_at, event.time)
    stamp = (event.time, order)
    if event.name in MOVES:
        _move(cart, event, stamp)
    elif stamp > cart.snapshot:
        _replace(cart, event, stamp)
    _keep_newest(carts)


def view(cart: Cart) -> dict[str, Any]:
    """The cart as templates and the API see it: `products` with their `quantity`, and details such as `currency`."""
    quantities = {_product_key(product): int(product.get("quantity", 1)) for product in cart.products}
    described = {_product_key(product): product for product in cart.products}
    for key, line in sorted(cart.lines.items()):
        described[key] = described.get(key, {}) | line.product
        quantities[key] = quantities.get(key, 0) + sum(quantity for _, _, quantity in line.moves)
    products = [described[key] | {"quantity": quantities[key]} for key in described if quantities[key] > 0]
    newest = max(cart.lines.values(), key=lambda line: line.described, default=None)
    currency = newest.product.get("currency") if newest else None
    return ({"currency": currency} if currency else {}) | cart.details | {"products": products}


def merge_carts(one: Mapping[str, Cart], other: Mapping[str, Cart]) -> dict[str, Cart]:
    """The carts of two profiles that are one person; a cart both touched is joined line by line."""
    merged = dict(one)
    for cart_id, cart in other.items():
        merged[cart_id] = _join(merged[cart_id], cart) if cart_id in merged else cart
    _keep_newest(merged)
    return merged


def forget_old(carts: dict[str, Cart], now: int) -> None:
    """Drop the carts nobody has touched for 30 days."""
    for cart_id in [cart_id for cart_id, cart in carts.items() if cart.changed_at + LIFETIME <= now]:
        del carts[cart_id]


def _move(cart: Cart, event: Event, stamp: tuple[int, bytes]) -> None:
    key = _product_key(event.properties)
    if not key or stamp <= cart.snapshot:
        return
    quantity = MOVES[event.name] * _quantity(event.properties)
    line = cart.lines.get(key)
    if line is None:
        line = cart.lines[key] = Line(_pick(event.properties, _PRODUCT_FIELDS), stamp)
    elif stamp > line.described:
        line.product, line.described = _pick(event.properties, _PRODUCT_FIELDS), stamp
    line.moves = sorted({*line.moves, (*stamp, quantity)})[-MAX_MOVES:]
    _set_details(cart, event)
    _bound_lines(cart)


def _replace(cart: Cart, event: Event, stamp: tuple[int, bytes]) -> None:
    listed = event.properties.get("products")
    if not isinstance(listed, list):
        return
    cart.snapshot = stamp
    cart.products = [
        _pick(product, _PRODUCT_FIELDS) | {"quantity": _quantity(product)}
        for product in listed[:MAX_PRODUCTS]
        if isinstance(product, dict) and _product_key(product)
    ]
    cart.details = {}
    _set_details(cart, event)
    _drop_before_snapshot(cart)


def _set_details(cart: Cart, event: Event) -> None:
    """Details come from snapshots; the currency of a cart known only by its moves is that of its newest line."""
    if event.name in SNAPSHOTS:
        cart.details = _pick(event.properties, _DETAIL_FIELDS) | {"cart_id": event.properties["cart_id"]}
    else:
        cart.details = {"cart_id": event.properties["cart_id"]} | cart.details


def _join(one: Cart, other: Cart) -> Cart:
    newer, older = (one, other) if one.snapshot >= other.snapshot else (other, one)
    lines = dict(newer.lines)
    for key, line in older.lines.items():
        known = lines.get(key)
        if known is None:
            lines[key] = line
            continue
        product, described = max((known.described, known.product), (line.described, line.product), key=lambda p: p[0])[
            ::-1
        ]
        lines[key] = Line(product, described, sorted({*known.moves, *line.moves})[-MAX_MOVES:])
    # a snapshot's details replace older ones, here as in a fold; where neither has one, only `cart_id` can be known
    details = newer.details or older.details
    cart = Cart(max(one.changed_at, other.changed_at), newer.snapshot, newer.products, details, lines)
    _drop_before_snapshot(cart)
    _bound_lines(cart)
    return cart


def _drop_before_snapshot(cart: Cart) -> None:
    for key, line in list(cart.lines.items()):
        line.moves = [move for move in line.moves if (move[0], move[1]) > cart.snapshot]
        if not line.moves:
            del cart.lines[key]


def _bound_lines(cart: Cart) -> None:
    if len(cart.lines) > MAX_PRODUCTS:
        newest = sorted(cart.lines.items(), key=lambda item: (item[1].moves[-1], item[0]))[-MAX_PRODUCTS:]
        cart.lines = dict(newest)


def _keep_newest(carts: dict[str, Cart]) -> None:
    while len(carts) > MAX_CARTS:
        del carts[min(carts, key=lambda cart_id: (carts[cart_id].changed_at, cart_id))]


def _product_key(product: Mapping[str, Any]) -> str:
    """A line of the cart: a stock-keeping unit, else a product in one variant, else what it is called."""
    for fields in (("sku",), ("product_id", "variant"), ("name",)):
        found = [product.get(field) for field in fields]
        values = [str(value) for value in found if isinstance(value, str | int) and value != ""]
        if values:
            return "\x1f".join([fields[0], *values])
    return ""


def _quantity(product: Mapping[str, Any]) -> int:
    quantity = product.get("quantity", 1)
    return int(quantity) if isinstance(quantity, int | float) and 0 <= quantity <= MAX_QUANTITY else 1


def _pick(properties: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """Named scalar fields, long text cut: a cart must not outgrow the profile it lies in."""
    found = {field: properties[field] for field in fields if isinstance(properties.get(field), str | int | float)}
    return {field: value[:_MAX_TEXT] if isinstance(value, str) else value for field, value in found.items()}
