"""The two rules of the process figures, the slow way, from what was sent: a judge of every profile that is committed.

Written from the rules' English, and shares no code with what it judges; times are ms.

- *keen*: at t there are at least 4 views v with t - 24 h < v <= t.
- *abandoned*, per cart: changed at c, not again in (c, t] and not ordered in [c, t], and t >= c + 15 min.

Truth must be right at every commit, of everything that has arrived by then. The instants at which a stay began and
ended must be right too where events arrive in order; a late one may show that a stay began earlier than was known.
"""

from __future__ import annotations

import bisect
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DAY: Final = 24 * 60 * 60 * 1_000
QUARTER: Final = 15 * 60 * 1_000
VIEWS: Final = 4
#: what a profile remembers of carts is bounded
REMEMBERED: Final = 50
FOREVER: Final = 1 << 60

type Stay = tuple[int, int | None]


class Judge:
    """Hears the records in order of arrival, then looks at each profile that a commit wrote."""

    def __init__(self, *, instants: bool) -> None:
        self._instants = instants
        self._heard: set[str] = set()
        self._views: dict[str, list[int]] = defaultdict(list)
        self._changes: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._orders: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._carts: dict[str, set[str]] = defaultdict(set)
        #: what was looked at, and how much of it was wrong
        self.verdict: Counter[str] = Counter()

    def hear(self, data: bytes) -> None:
        """A record as it lies on the stream; internal ones say nothing of what people did."""
        record = json.loads(data)
        if record["origin"] == "internal":
            return
        for event in record["events"]:
            if event["message_id"] in self._heard:
                continue
            self._heard.add(event["message_id"])
            person = event["identifiers"][0][1]
            at, name = event["time"], event.get("name", "")
            if name == "Product Viewed":
                bisect.insort(self._views[person], at)
            elif name in {"Cart Viewed", "Order Completed"}:
                cart = event["properties"]["cart_id"]
                lists = self._changes if name == "Cart Viewed" else self._orders
                bisect.insort(lists[person, cart], at)
                self._carts[person].add(cart)

    def look(self, person: str, at: int, stays: Mapping[str, Stay], known: Iterable[str]) -> None:
        """A profile as of `at`: by segment, or segment/cart, the last stay; `known`: the carts it remembers."""
        self._compare(stays.get("keen"), last_stay(keen(self._views[person], at), at))
        remembered = set(known)
        carts = self._carts[person]
        if len(remembered) < min(len(carts), REMEMBERED) or not remembered <= carts:
            self.verdict["carts wrong"] += 1
        for cart in remembered:
            periods = abandoned(self._changes[person, cart], self._orders[person, cart], at)
            self._compare(stays.get(f"abandoned/{cart}"), last_stay(periods, at))

    def _compare(self, found: Stay | None, expected: Stay | None) -> None:
        self.verdict["looked at"] += 1
        inside = expected is not None and expected[1] is None
        self.verdict["inside"] += inside
        self.verdict["truth wrong"] += (found is not None and found[1] is None) != inside
        if found != expected:
            self.verdict["instants wrong" if self._instants else "instants differ"] += 1


def keen(views: list[int], at: int) -> Iterator[tuple[int, int]]:
    """The periods [from, until) in which the rule holds, of what was done up to `at`; those that touch are one."""
    done = views[: bisect.bisect_right(views, at)]
    since, until = 0, 0
    for first, fourth in zip(done, done[VIEWS - 1 :], strict=False):
        if fourth >= first + DAY:
            continue
        if fourth > until:
            if until:
                yield since, until
            since = fourth
        until = first + DAY
    if until:
        yield since, until


def abandoned(changes: list[int], orders: list[int], at: int) -> Iterator[tuple[int, int]]:
    """The periods in which a cart counts as abandoned, of what was done up to `at`."""
    for change in changes:
        if change > at:
            return
        again = next((other for other in changes if change < other <= at), FOREVER)
        ordered = next((order for order in orders if change <= order <= at), FOREVER)
        if change + QUARTER < min(again, ordered):
            yield change + QUARTER, min(again, ordered)


def last_stay(periods: Iterator[tuple[int, int]], at: int) -> Stay | None:
    """The last period that has begun by `at`, open if it has not ended."""
    last = None
    for since, until in periods:
        if since <= at:
            last = (since, None if until > at else until)
    return last


def stays_of(memberships: Mapping[str, Any]) -> dict[str, Stay]:
    """From the product's words: segment and cart stand apart by 0x1F."""
    return {name.replace("\x1f", "/"): (stay.entered_at, stay.left_at) for name, stay in memberships.items()}
