"""What of an event lies in the lake unsealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.domain.processing.verdicts import (
    CLEAR_PROPERTIES,
    MAX_CLEAR,
    PRODUCTS,
    clear_properties,
    unidentified_row,
)
from tests.builders import NOW, Pseudonyms, event, record


def test_only_what_names_nobody_is_in_the_clear() -> None:
    products = [{"product_id": "p1", "price": 49.9}]
    said = {"product_id": "p1", "value": 49.9, "products": products, "email": "ada@example.com", "coupon": "ADA10"}
    assert clear_properties(event(properties=said)) == {"product_id": "p1", "value": 49.9, "products": products}


@pytest.mark.parametrize("wrap", [lambda text: [text], lambda text: {"for": text}, lambda text: [{"for": [text]}]])
def test_what_lies_within_a_clear_property_is_sealed(wrap: Callable[[str], Any]) -> None:
    said = {name: wrap("For Ann Miller") for name in (*CLEAR_PROPERTIES, PRODUCTS)}
    assert b"Ann" not in msgspec.json.encode(clear_properties(event(properties=said)))


def test_of_products_what_tells_of_the_thing_is_in_the_clear_and_not_whom_it_is_for() -> None:
    mug = {"sku": "mug", "price": 5, "quantity": True, "discount": None}
    told = {
        "engraving": "For Ann",
        "recipient_email": "ann@example.com",
        "url": "https://x.example/?u=ann",
        "name": "Ann",
    }
    nested = {"variant": {"text": "For Ann"}, "category": ["For Ann"], "brand": "ann@example.com"}
    clear = clear_properties(event(properties={"products": [mug | told | nested, "For Ann", ["For Ann"], None]}))
    assert clear == {"products": [{"sku": "mug", "price": 5, "quantity": True}]}
    assert clear_properties(event(properties={"products": "For Ann"})) == {}


def test_of_very_much_only_short_values_are_in_the_clear() -> None:
    products = [{"sku": "x" * 90}] * 200
    said = {"order_id": "o1", "value": 49.9, "brand": None, "category": "x" * 600, "variant": {}, "products": products}
    assert clear_properties(event(properties=said)) == {"order_id": "o1", "value": 49.9, "brand": None}


@pytest.mark.parametrize("text", ["x" * 20_000, "\x01" * 20_000, "\u20ac" * 20_000, "x" * 499, "\x01" * 400])
def test_what_is_in_the_clear_has_a_bound_whatever_was_said(text: str) -> None:
    names = ("product_id", "sku", "category", "brand", "variant", "order_id", "cart_id", "checkout_id", "currency")
    clear = clear_properties(event(properties=dict.fromkeys(names, text) | {"products": [text]}))
    assert len(msgspec.json.encode(clear)) <= MAX_CLEAR


@pytest.mark.parametrize(
    "address", ["ann@example.com", "ann%40example.com", "ann%2540example.com", "+49 170 1234567", "0049 (170) 1234567"]
)
def test_a_row_of_nobody_holds_no_address_in_any_spelling(address: str) -> None:
    things = {"sku": "mug", "price": 5}
    said = things | {"brand": address, "category": f"for {address}", "products": [things | {"variant": address}]}
    invited = event(f"Invite {address}", properties=said)
    row = unidentified_row(invited, record(invited), "m", NOW, Pseudonyms().key)
    assert (row.event, row.properties) == ("", things | {"products": [things]})
    viewed = event("Viewed 50% @ home, 2024-06-15", properties=things)
    assert unidentified_row(viewed, record(viewed), "m", NOW, Pseudonyms().key).event == viewed.name
