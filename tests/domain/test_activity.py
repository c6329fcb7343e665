"""Counts of what a profile did: the same in any order, and equal to what the lake's query counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.learning.features import FEATURES, features_at
from attune.domain.profiles.activity import Activity, observe
from tests.builders import DAY, HOUR, NOW, event


def order(**properties: Any) -> Activity:
    return observe(None, event("Order Completed", properties=properties))


@pytest.mark.parametrize(
    ("properties", "hundredths"),
    [
        ({"total": 12.5}, 1250),
        ({"total": "12.50"}, 1250),
        ({"total": 7}, 700),
        ({"total": 0.005}, 1),
        ({"total": 0.004}, 0),
        ({"revenue": 3, "value": 4}, 300),
        ({"total": None, "revenue": "no number", "value": 4}, 400),
        ({"total": -5, "value": 4}, 400),
        ({"total": 999_999_999_999}, 99_999_999_999_900),
        ({"total": 1_000_000_000_000, "value": 1}, 100),
        ({"total": 1e300}, 0),
        ({"total": float("nan")}, 0),
        ({"total": float("inf")}, 0),
        ({"total": True}, 0),
        ({"total": [5]}, 0),
        ({"total": {"amount": 5}}, 0),
        ({"total": "1e3"}, 0),
        ({"total": "12."}, 0),
        ({"total": " 12"}, 0),
        ({"total": "12\n"}, 0),
        ({"total": "\u0661\u0662"}, 0),
        ({}, 0),
    ],
)
def test_an_order_is_worth_the_first_amount_that_is_one(properties: dict[str, Any], hundredths: int) -> None:
    assert (order(**properties).orders, order(**properties).revenue) == (1, hundredths)


def test_what_is_no_order_has_no_worth_and_other_calls_only_count_as_being_there() -> None:
    assert observe(None, event("Product Viewed", properties={"total": 5})) == Activity(NOW, NOW, views=1)
    assert observe(None, event("Product Added")) == observe(None, event("Cart Viewed")) == Activity(NOW, NOW, carts=1)
    assert observe(None, event("Order Completed", type="page", properties={"total": 5})) == Activity(NOW, NOW)


@given(st.permutations([(0, "Order Completed"), (2 * DAY, "Product Viewed"), (HOUR, "Cart Viewed"), (5, "Signed Up")]))
def test_features_are_what_was_counted_as_of_an_instant_in_any_order(done: list[tuple[int, str]]) -> None:
    known: Activity | None = None
    for after, name in done:
        known = observe(known, event(name, time=NOW + after, properties={"total": "9.99"}))
    assert known is not None
    assert dict(zip(FEATURES, features_at(known, NOW + 3 * DAY), strict=True)) == {
        "recency": 1.0,
        "frequency": 1.0,
        "monetary": 9.99,
        "tenure": 3.0,
        "views": 1.0,
        "carts": 1.0,
    }
