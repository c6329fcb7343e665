"""The ready-made segments, each told as a story: who does what when, and who is in, to the millisecond."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.checks.definitions import check
from attune.domain.definitions.kinds import Segment, snapshot
from tests.builders import DAY, HOUR, MINUTE, SECOND
from tests.library.shopper import ENTERS, IN, LEAVES, LIBRARY, OUT, Shopper


def test_the_library_holds_what_it_promises() -> None:
    assert {one.id for one in LIBRARY.values() if isinstance(one, Segment)} == {
        "highly_engaged", "abandoned_cart", "browse_abandonment", "first_time_buyer", "vip", "at_risk", "lapsed",
        "price_sensitive", "new_subscriber",
    }  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_every_definition_is_sound_and_says_what_it_is(name: str) -> None:
    definition = LIBRARY[name]
    assert list(check(definition, snapshot(tuple(LIBRARY.values())))) == []
    assert definition.name
    assert definition.description


def test_highly_engaged_has_looked_around_and_taken_one_further() -> None:
    ada = Shopper("highly_engaged")
    for look in range(9):
        assert ada.does(look * HOUR, "Product Viewed", product_id=f"p{look}") == OUT
    assert ada.does(DAY, "Product Added to Wishlist", product_id="p3") == OUT
    assert ada.does(2 * DAY, "Product Viewed", product_id="p3") == ENTERS
    # ten looks a week: the first of them is a week old
    assert ada.waits(until=7 * DAY) == LEAVES


def test_highly_engaged_ends_with_what_was_taken_further_too() -> None:
    ben = Shopper("highly_engaged")
    ben.does(0, "Product Added", product_id="p1")
    for look in range(1, 10):
        assert ben.does(3 * DAY + look, "Product Viewed", product_id="p1") == OUT
    assert ben.does(3 * DAY + 10, "Product Viewed", product_id="p1") == ENTERS
    assert ben.waits(until=7 * DAY) == LEAVES
    assert ben.does(8 * DAY, "Product Reviewed", product_id="p1") == ENTERS


def test_abandoned_cart_begins_15_minutes_after_the_cart_was_last_touched() -> None:
    ada = Shopper("abandoned_cart")
    ada.does(0, "Product Added", cart_id="c1", product_id="p1")
    ada.does(10 * MINUTE, "Cart Viewed", cart_id="c1", products=[{"product_id": "p1"}])
    assert ada.waits(until=15 * MINUTE, key="c1") == OUT
    assert ada.waits(until=25 * MINUTE, key="c1") == ENTERS
    assert ada.does(26 * MINUTE, "Checkout Started", "c1", cart_id="c1") == LEAVES
    assert ada.waits(until=41 * MINUTE, key="c1") == ENTERS
    assert ada.does(HOUR, "Order Completed", "c1", cart_id="c1", order_id="o1") == LEAVES
    assert ada.waits(until=DAY, key="c1") == OUT


def test_abandoned_cart_is_none_once_it_is_emptied() -> None:
    ben = Shopper("abandoned_cart")
    ben.does(0, "Cart Viewed", cart_id="c1", products=[{"product_id": "p1"}])
    ben.does(14 * MINUTE, "Cart Viewed", cart_id="c1", products=[])
    assert ben.waits(until=15 * MINUTE, key="c1") == OUT


def test_browse_abandonment_begins_an_hour_after_the_last_look_at_a_product() -> None:
    ada = Shopper("browse_abandonment")
    ada.does(0, "Product Viewed", product_id="shirt")
    ada.does(20 * MINUTE, "Product Viewed", product_id="shoes")
    assert ada.waits(until=HOUR, key="shirt") == ENTERS
    assert ada.waits(until=HOUR, key="shoes") == OUT
    assert ada.waits(until=80 * MINUTE, key="shoes") == ENTERS
    assert ada.does(2 * HOUR, "Product Viewed", "shirt", product_id="shirt") == LEAVES
    assert ada.waits(until=3 * HOUR, key="shirt") == ENTERS
    order = [{"product_id": "hat"}, {"product_id": "shirt"}]
    assert ada.does(4 * HOUR, "Order Completed", "shirt", products=order) == LEAVES
    assert ada.waits(until=4 * HOUR, key="shoes") == IN
    assert ada.waits(until=20 * MINUTE + 30 * DAY, key="shoes") == LEAVES


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        ("Product Added", {"cart_id": "c1", "product_id": "shirt"}),
        ("Cart Viewed", {"cart_id": "c1", "products": [{"product_id": "hat"}, {"product_id": "shirt"}]}),
        ("Order Completed", {"order_id": "o1", "products": [{"product_id": "shirt"}]}),
    ],
)
def test_browse_abandonment_is_none_of_what_was_put_into_the_cart_or_ordered(
    name: str, properties: dict[str, Any]
) -> None:
    ben = Shopper("browse_abandonment")
    ben.does(0, "Product Viewed", product_id="shirt")
    ben.does(HOUR - 1, name, **properties)
    assert ben.waits(until=HOUR, key="shirt") == OUT
    assert ben.waits(until=DAY, key="shirt") == OUT


def test_browse_abandonment_does_not_end_with_what_else_was_ordered() -> None:
    cleo = Shopper("browse_abandonment")
    cleo.does(0, "Product Viewed", product_id="shirt")
    cleo.does(30 * MINUTE, "Order Completed", products=[{"product_id": "hat"}])
    assert cleo.waits(until=HOUR, key="shirt") == ENTERS


def test_new_subscriber_is_so_for_14_days_and_only_with_consent() -> None:
    ada, ben = Shopper("new_subscriber"), Shopper("new_subscriber")
    for one in (ada, ben):
        assert one.does(0, "Product Viewed", product_id="p1") == OUT
        assert one.does(HOUR, "Signed Up") == ENTERS
    assert ben.withdraws(DAY, "email") == LEAVES
    assert ada.does(10 * DAY, "Signed Up") == IN  # who signs up twice is not new twice
    assert ada.waits(until=HOUR + 14 * DAY) == LEAVES
    assert ada.does(20 * DAY, "Signed Up") == OUT


def test_first_time_buyer_is_so_until_the_second_order() -> None:
    ada = Shopper("first_time_buyer")
    assert ada.does(0, "Product Viewed", product_id="p1") == OUT
    assert ada.does(DAY, "Order Completed", total=40) == ENTERS
    assert ada.does(20 * DAY, "Order Completed", total=40) == LEAVES
    assert ada.waits(until=365 * DAY) == OUT


def test_first_time_buyer_is_so_for_30_days_at_most() -> None:
    ben = Shopper("first_time_buyer")
    assert ben.does(DAY, "Order Completed", total=40) == ENTERS
    assert ben.waits(until=31 * DAY) == LEAVES


def test_vip_orders_often_much_and_lately() -> None:
    ada = Shopper("vip")
    for day, total in ((0, 200), (20, 200), (40, 90)):
        assert ada.does(day * DAY, "Order Completed", total=total) == OUT
    assert ada.does(60 * DAY, "Order Completed", total="9.99") == OUT  # often enough, but a cent short
    assert ada.does(60 * DAY + SECOND, "Order Completed", total=0.01) == ENTERS
    assert ada.waits(until=150 * DAY) == IN
    assert ada.waits(until=150 * DAY + SECOND) == LEAVES  # 90 days without an order
    assert ada.does(200 * DAY, "Order Completed", total=50) == ENTERS
    # the first order turns a year old: 349.99 and less in the year that remain are too little
    assert ada.does(280 * DAY, "Order Completed", total=20) == IN
    assert ada.waits(until=365 * DAY) == LEAVES


def test_vip_is_nobody_by_one_large_order() -> None:
    ben = Shopper("vip")
    assert ben.does(0, "Order Completed", total=5_000) == OUT
    assert ben.waits(until=DAY) == OUT


def test_at_risk_and_lapsed_take_turns_at_the_same_instant() -> None:
    for segment, words in (("at_risk", (OUT, ENTERS, LEAVES, OUT)), ("lapsed", (OUT, OUT, ENTERS, LEAVES))):
        ada = Shopper(segment)
        ada.does(0, "Order Completed", total=40)
        seen = (
            ada.does(10 * DAY, "Order Completed", total=40),
            ada.waits(until=70 * DAY),
            ada.waits(until=190 * DAY),
            ada.does(200 * DAY, "Order Completed", total=40),
        )
        assert seen == words


def test_at_risk_ends_with_an_order_and_begins_anew() -> None:
    ada = Shopper("at_risk")
    for day in (0, 30):
        ada.does(day * DAY, "Order Completed", total=40)
    assert ada.waits(until=90 * DAY) == ENTERS
    assert ada.does(100 * DAY, "Order Completed", total=40) == LEAVES
    assert ada.waits(until=160 * DAY) == ENTERS


def test_who_ordered_once_is_never_at_risk_but_lapses() -> None:
    ben = Shopper("at_risk")
    ben.does(0, "Order Completed", total=40)
    assert ben.waits(until=60 * DAY) == OUT
    cleo = Shopper("lapsed")
    cleo.does(0, "Order Completed", total=40)
    assert cleo.waits(until=180 * DAY) == ENTERS


def test_who_never_ordered_has_not_lapsed() -> None:
    dan = Shopper("lapsed")
    dan.does(0, "Product Viewed", product_id="p1")
    assert dan.waits(until=400 * DAY) == OUT


def test_price_sensitive_orders_with_coupons() -> None:
    ada = Shopper("price_sensitive")
    assert ada.does(0, "Order Completed", total=40, coupon="SPRING") == OUT
    assert ada.does(10 * DAY, "Order Completed", total=40) == OUT
    assert ada.does(20 * DAY, "Order Completed", total=40, coupon="") == OUT
    assert ada.does(30 * DAY, "Order Completed", total=40, coupon="SUMMER") == ENTERS
    assert ada.waits(until=365 * DAY) == LEAVES


def test_price_sensitive_orders_at_a_discount() -> None:
    ben = Shopper("price_sensitive")
    assert ben.does(0, "Order Completed", total=40, discount=5) == OUT
    assert ben.does(DAY, "Order Completed", total=40, discount=0) == OUT
    assert ben.does(2 * DAY, "Order Completed", total=40, discount=0.01) == ENTERS


def test_price_sensitive_tries_coupons() -> None:
    cleo = Shopper("price_sensitive")
    assert [cleo.does(n * DAY, "Coupon Entered", coupon_id=f"TRY{n}") for n in range(3)] == [OUT, OUT, ENTERS]
    assert cleo.waits(until=90 * DAY) == LEAVES
