"""The ready-made computed traits, each told as a story: what happens when, and what the trait then is."""

from __future__ import annotations

from attune.domain.definitions.kinds import ComputedTrait
from tests.builders import DAY, HOUR, MINUTE, SECOND
from tests.library.shopper import LIBRARY, Shopper


def test_the_library_holds_what_it_promises() -> None:
    assert {one.id for one in LIBRARY.values() if isinstance(one, ComputedTrait)} == {
        "lifetime_value", "order_count", "average_order_value", "days_since_order", "favourite_category",
        "favourite_brand", "session_count", "last_session_seconds", "first_referrer", "lifecycle_stage",
    }  # fmt: skip


def test_orders_are_counted_added_up_and_averaged() -> None:
    ada = Shopper()
    ada.does(0, "Product Viewed", product_id="p1")
    named = ("order_count", "lifetime_value", "average_order_value", "days_since_order")

    def seen(at: int) -> tuple[object, ...]:
        return tuple(ada.trait(name, at) for name in named)

    assert seen(0) == (0, 0, None, None)
    ada.does(HOUR, "Order Completed", total=40)
    assert seen(HOUR) == (1, 40, 40, 0)
    ada.does(DAY, "Order Completed", total="19.90")
    assert seen(2 * DAY - 1) == (2, 59.9, 29.95, 0)
    assert seen(2 * DAY) == (2, 59.9, 29.95, 1)
    ada.does(3 * DAY, "Order Completed")  # an order of unknown worth
    assert seen(3 * DAY) == (3, 59.9, 29.95, 0)


def test_the_favourite_category_is_what_weighs_most_and_fades() -> None:
    ada = Shopper()
    assert ada.trait("favourite_category", 0) is None
    ada.does(1, "Product Added", category="shoes")
    for look in range(4):
        ada.does(MINUTE + look, "Product Viewed", category="hats")
    assert ada.trait("favourite_category", HOUR) == "shoes"
    # a month later the cart weighs 2.5, the looks 2, and one more look 1
    ada.does(30 * DAY, "Product Viewed", category="hats")
    assert ada.trait("favourite_category", 30 * DAY) == "hats"


def test_the_favourite_brand_is_the_one_seen_most_often() -> None:
    ada = Shopper()
    for look, brand in enumerate(("acme", "zeta", "acme")):
        ada.does(look, "Product Viewed", brand=brand)
    ada.does(9, "Product Viewed", product_id="of no brand")
    assert ada.trait("favourite_brand", 10) == "acme"


def test_visits_are_counted_and_the_last_one_measured() -> None:
    ada = Shopper()
    ada.does(0, "page")
    ada.does(30 * MINUTE, "Product Viewed", product_id="p1")
    assert (ada.trait("session_count", HOUR), ada.trait("last_session_seconds", HOUR)) == (1, 1_800)
    ada.does(2 * HOUR, "page")
    ada.does(2 * HOUR + 20 * SECOND, "page")
    assert (ada.trait("session_count", DAY), ada.trait("last_session_seconds", DAY)) == (2, 20)


def test_where_somebody_came_from_first_stays() -> None:
    ada, ben = Shopper(), Shopper()
    ada.does(0, "page", referrer="https://www.example.org/search?q=shirts")
    ben.does(0, "page", referrer="")
    for one in (ada, ben):
        one.does(DAY, "page", referrer="https://news.example.com/")
    assert ada.trait("first_referrer", DAY) == "https://www.example.org/search?q=shirts"
    assert ben.trait("first_referrer", DAY) == ""


def test_the_lifecycle_goes_by_orders_and_by_the_clock() -> None:
    ada = Shopper()
    ada.does(0, "Product Viewed", product_id="p1")
    assert ada.trait("lifecycle_stage", 0) == "prospect"
    ada.does(DAY, "Order Completed", total=40)
    stages = ((31 * DAY, "active"), (61 * DAY, "at_risk"), (181 * DAY, "lapsed"))
    before = "new"
    for at, stage in stages:
        assert (ada.trait("lifecycle_stage", at - 1), ada.trait("lifecycle_stage", at)) == (before, stage)
        before = stage
    ada.does(200 * DAY, "Order Completed", total=40)
    assert ada.trait("lifecycle_stage", 200 * DAY) == "active"
