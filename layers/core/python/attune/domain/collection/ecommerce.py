"""Names of Segment's e-commerce spec (version 2), the canonical schema: other spellings and the names of version 1."""

from __future__ import annotations

import re
from typing import Any, Final

EVENTS: Final = (
    "Products Searched", "Product List Viewed", "Product List Filtered", "Promotion Viewed", "Promotion Clicked",
    "Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started",
    "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered", "Order Completed", "Order Updated",
    "Order Refunded", "Order Cancelled", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
    "Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart", "Product Shared",
    "Cart Shared", "Product Reviewed",
)  # fmt: skip
#: the names that the spec's version 1 had, and another spelling of a word
_EARLIER: Final = {
    "Searched Products": "Products Searched",
    "Viewed Product Category": "Product List Viewed",
    "Viewed Product List": "Product List Viewed",
    "Filtered Product List": "Product List Filtered",
    "Viewed Promotion": "Promotion Viewed",
    "Clicked Promotion": "Promotion Clicked",
    "Clicked Product": "Product Clicked",
    "Viewed Product": "Product Viewed",
    "Added Product": "Product Added",
    "Removed Product": "Product Removed",
    "Viewed Cart": "Cart Viewed",
    "Started Checkout": "Checkout Started",
    "Viewed Checkout Step": "Checkout Step Viewed",
    "Completed Checkout Step": "Checkout Step Completed",
    "Entered Payment Info": "Payment Info Entered",
    "Completed Order": "Order Completed",
    "Updated Order": "Order Updated",
    "Refunded Order": "Order Refunded",
    "Cancelled Order": "Order Cancelled",
    "Order Canceled": "Order Cancelled",
    "Canceled Order": "Order Cancelled",
    "Reviewed Product": "Product Reviewed",
    "Shared Product": "Product Shared",
    "Shared Cart": "Cart Shared",
}
_PROPERTIES: Final = (
    "affiliation", "brand", "cart_id", "category", "checkout_id", "coupon", "coupon_id", "coupon_name", "creative",
    "currency", "description", "discount", "email", "filters", "image_url", "list_id", "name", "order_id",
    "payment_method", "position", "price", "product_id", "products", "promotion_id", "quantity", "query", "rating",
    "reason", "recipients", "revenue", "review_body", "review_id", "share_message", "share_via", "shipping",
    "shipping_method", "sku", "sorts", "step", "subtotal", "tax", "total", "type", "url", "value", "variant",
    "wishlist_id", "wishlist_name",
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MAX_NAME: Final = 60


def _words(name: str) -> str:
    """`orderCompleted`, `order_completed` and `ORDER COMPLETED` are `order completed`."""
    return " ".join(_WORD.findall(name)).lower()


_EVENTS: Final = {_words(name): name for name in EVENTS} | {_words(old): name for old, name in _EARLIER.items()}
_NAMES: Final = {_words(name): name for name in _PROPERTIES}
_CANONICAL: Final = frozenset(EVENTS)
_KNOWN: Final = frozenset(_PROPERTIES)


def canonical_name(name: str) -> str:
    """An event's name in the spec; a name that is none of the spec's stays as it is."""
    if name in _CANONICAL or len(name) > _MAX_NAME:
        return name
    return _EVENTS.get(_words(name), name)


def is_of_the_spec(name: str) -> bool:
    """Whether an event of this name is one of the spec's."""
    return name in _CANONICAL


def canonical_property(name: str) -> str:
    """A property's name in the spec; a name that is none of the spec's stays as it is."""
    return name if name in _KNOWN or len(name) > _MAX_NAME else _NAMES.get(_words(name), name)


def canonical_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Properties of an event of the spec, also of its `products`, under the spec's names: the same object if they are.

    A name that is there already keeps its value, and so does the other spelling its own.
    """
    renamed = _renamed(properties)
    products = renamed.get("products")
    if isinstance(products, list):
        named = [_renamed(one) if isinstance(one, dict) else one for one in products]
        if any(new is not old for new, old in zip(named, products, strict=True)):
            renamed = {**renamed, "products": named}
    return renamed


def _renamed(said: dict[str, Any]) -> dict[str, Any]:
    if _KNOWN.issuperset(said):
        return said
    new: dict[str, str] = {}
    for name in said.keys() - _KNOWN:
        wanted = _NAMES.get(_words(name)) if len(name) <= _MAX_NAME else None
        if wanted and wanted not in said and wanted not in new.values():
            new[name] = wanted
    return {new.get(name, name): value for name, value in said.items()} if new else said
