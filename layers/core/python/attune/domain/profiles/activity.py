"""What a profile has done, as counts that do not depend on the order of arrival: what models are trained on and score.

The lake holds the same facts, event by event; `adapters/queries/features.sql` counts them in the same way, and a test
holds the two against each other.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from attune.domain.events import Event

ORDER: Final = "Order Completed"
VIEW: Final = "Product Viewed"
CART: Final = frozenset({"Product Added", "Cart Viewed"})
#: where an order says what it was worth, the first that does
REVENUE: Final = ("total", "revenue", "value")

#: what 64 bits hold with room to spare
_LARGEST: Final = 1 << 62
#: the text of an amount: the lake's queries know no other way to tell a number from a word
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")


class Activity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of the events that were applied: the first and the last (ms), and how many there were of some.

    `revenue` is in hundredths of whatever currency the orders were in.
    """

    first: int
    last: int
    orders: int = 0
    revenue: int = 0
    views: int = 0
    carts: int = 0


def observe(known: Activity | None, event: Event) -> Activity:
    """Add an applied event; internal ones say nothing of what a person did and are not for here."""
    tracked = event.name if event.type == "track" else ""
    seen = Activity(
        first=event.time,
        last=event.time,
        orders=int(tracked == ORDER),
        revenue=_revenue(event.properties) if tracked == ORDER else 0,
        views=int(tracked == VIEW),
        carts=int(tracked in CART),
    )
    return merge_activity(known, seen) or seen


def merge_activity(one: Activity | None, other: Activity | None) -> Activity | None:
    """The activity of both together."""
    if one is None or other is None:
        return one or other
    return Activity(
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        orders=one.orders + other.orders,
        revenue=min(one.revenue + other.revenue, _LARGEST),
        views=one.views + other.views,
        carts=one.carts + other.carts,
    )


def _revenue(properties: dict[str, Any]) -> int:
    amounts = (_hundredths(properties.get(name)) for name in REVENUE)
    return next((amount for amount in amounts if amount is not None), 0)


def _hundredths(value: Any) -> int | None:
    """Of a number, or a text of digits, of at most twelve digits before the point; None for anything else."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if _AMOUNT.fullmatch(text) is None:
        return None
    return math.floor(float(text) * 100 + 0.5)
