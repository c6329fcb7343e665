"""What of an event lies in the lake unsealed."""

from __future__ import annotations

import msgspec
import pytest

from attune.domain.verdicts import MAX_CLEAR, clear_properties
from tests.builders import event


def test_only_what_names_nobody_is_in_the_clear() -> None:
    products = [{"product_id": "p1", "price": 49.9}]
    said = {"product_id": "p1", "value": 49.9, "products": products, "email": "ada@example.com", "coupon": "ADA10"}
    assert clear_properties(event(properties=said)) == {"product_id": "p1", "value": 49.9, "products": products}


def test_of_very_much_only_short_values_are_in_the_clear() -> None:
    products = [{"name": "x" * 900}] * 20
    said = {"order_id": "o1", "value": 49.9, "brand": None, "category": "x" * 600, "variant": {}, "products": products}
    assert clear_properties(event(properties=said)) == {"order_id": "o1", "value": 49.9, "brand": None}


@pytest.mark.parametrize("text", ["x" * 20_000, "\x01" * 20_000, "\u20ac" * 20_000, "x" * 499, "\x01" * 400])
def test_what_is_in_the_clear_has_a_bound_whatever_was_said(text: str) -> None:
    names = ("product_id", "sku", "category", "brand", "variant", "order_id", "cart_id", "checkout_id", "currency")
    clear = clear_properties(event(properties=dict.fromkeys(names, text) | {"products": [text]}))
    assert len(msgspec.json.encode(clear)) <= MAX_CLEAR
