"""What lies in a cart does not depend on the order in which its events arrive."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from attune.domain.profiles.carts import LIFETIME, MAX_CARTS, Cart, fold_cart, forget_old, merge_carts, view
from attune.domain.profiles.duplicates import event_hash
from tests.builders import NOW, event

if TYPE_CHECKING:
    from attune.domain.events import Event

PRODUCTS = ("shirt", "shoes", "hat")


def added(product: str, at: int, quantity: int = 1) -> Event:
    return event("Product Added", time=at, properties={"cart_id": "c", "product_id": product, "quantity": quantity})


def removed(product: str, at: int, quantity: int = 1) -> Event:
    return event("Product Removed", time=at, properties={"cart_id": "c", "product_id": product, "quantity": quantity})


def listed(at: int, *products: str, **details: Any) -> Event:
    lines = [{"product_id": product, "quantity": 1} for product in products]
    return event("Cart Viewed", time=at, properties={"cart_id": "c", "products": lines, "currency": "EUR"} | details)


def folded(*events: Event) -> dict[str, Cart]:
    carts: dict[str, Cart] = {}
    for one in events:
        fold_cart(carts, one, event_hash("shop", one))
    return carts


def contents(carts: dict[str, Cart]) -> dict[str, int]:
    return {product["product_id"]: product["quantity"] for product in view(carts["c"])["products"]}


def test_added_and_removed_products_add_up() -> None:
    carts = folded(added("shirt", 1), added("shirt", 2, 2), added("shoes", 3), removed("shoes", 4))
    assert contents(carts) == {"shirt": 3}


def test_a_list_of_all_products_replaces_what_was_there_before_it() -> None:
    assert contents(folded(added("hat", 1), listed(2, "shirt"), added("shoes", 3))) == {"shirt": 1, "shoes": 1}


def test_what_a_product_is_called_and_costs_is_kept() -> None:
    described = {"cart_id": "c", "product_id": "p", "name": "Shirt", "price": 49.0, "secret": "no"}
    products = view(folded(event("Product Added", properties=described))["c"])["products"]
    assert products == [{"product_id": "p", "name": "Shirt", "price": 49.0, "quantity": 1}]


def test_odd_properties_do_no_harm() -> None:
    odd: list[dict[str, Any]] = [
        {"cart_id": 7},
        {"cart_id": "c", "products": "none"},
        {"cart_id": "c", "products": [1, {"product_id": ["x"]}]},
        {"cart_id": "c", "product_id": "p", "quantity": float("inf")},
        {"cart_id": "c", "product_id": "p", "quantity": -3},
        {"cart_id": "c", "product_id": "p", "quantity": "two"},
    ]
    for properties in odd:
        for name in ("Cart Viewed", "Product Added"):
            for cart in folded(event(name, properties=properties)).values():
                assert isinstance(view(cart)["products"], list)


moves = st.builds(
    lambda kind, product, at, quantity: kind(product, NOW + at, quantity),
    st.sampled_from([added, removed]),
    st.sampled_from(PRODUCTS),
    st.integers(0, 20),
    st.integers(1, 3),
)
lists = st.builds(
    lambda at, products, details: listed(NOW + at, *products, **details),
    st.integers(0, 20),
    st.sets(st.sampled_from(PRODUCTS)),
    st.dictionaries(st.sampled_from(["value", "checkout_id", "checkout_url"]), st.sampled_from(["1", "2"])),
)


@given(
    st.lists(moves | lists, min_size=1, max_size=8).flatmap(
        lambda events: st.tuples(st.just(events), st.permutations(events))
    )
)
def test_any_order_of_arrival_gives_the_same_cart(orders: tuple[list[Event], list[Event]]) -> None:
    one, other = (folded(*events) for events in orders)
    assert view(one["c"]) == view(other["c"])


@given(st.lists(moves | lists, min_size=2, max_size=8), st.integers(1, 7))
def test_a_cart_known_to_two_profiles_is_joined_as_if_it_had_been_one(events: list[Event], cut: int) -> None:
    left, right = folded(*events[:cut]), folded(*events[cut:])
    whole = folded(*events)
    for one, other in ((left, right), (right, left)):
        joined = merge_carts(copy.deepcopy(one), copy.deepcopy(other))
        assert view(joined["c"]) == view(whole["c"])


def test_a_newer_list_replaces_the_details_of_an_older_one_in_a_merge_too() -> None:
    older, newer = folded(listed(1, "hat", value=1, checkout_url="https://old")), folded(listed(2, "hat"))
    for joined in (merge_carts(older, newer), merge_carts(newer, older)):
        assert joined["c"].details == {"cart_id": "c", "currency": "EUR"}


def test_the_newest_carts_are_kept_for_30_days() -> None:
    carts: dict[str, Cart] = {}
    for number in range(MAX_CARTS + 2):
        one = event("Product Added", time=NOW + number, properties={"cart_id": f"c{number}", "product_id": "p"})
        fold_cart(carts, one, event_hash("shop", one))
    assert sorted(carts) == [f"c{number}" for number in range(2, MAX_CARTS + 2)]
    forget_old(carts, NOW + 3 + LIFETIME)
    assert sorted(carts) == ["c4", "c5", "c6"]
