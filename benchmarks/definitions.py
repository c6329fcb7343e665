"""The segments of the process figures: the two rules, and a shop's twenty."""

from __future__ import annotations

from typing import Any, Final

VIEW, CART, ORDER = "Product Viewed", "Cart Viewed", "Order Completed"


def _segment(name: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "when": when}


def _performed(event: str, at_least: int, within: str | None, **where: Any) -> dict[str, Any]:
    tests = [{"property": name, "operator": operator, "value": value} for name, (operator, value) in where.items()]
    return {"type": "performed", "event": event, "at_least": at_least, "within": within, "where": tests}


def _abandoned(after: str) -> dict[str, Any]:
    return {
        "type": "abandoned",
        "key": "cart_id",
        "did": [{"event": CART}],
        "without": [{"event": ORDER}],
        "after": after,
    }


def _both(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"type": "all", "conditions": list(conditions)}


def _not(condition: dict[str, Any]) -> dict[str, Any]:
    return {"type": "not", "condition": condition}


KEEN: Final = _performed(VIEW, 4, "24h")
TWO_RULES: Final = [_segment("keen", KEEN), _segment("abandoned", _abandoned("15m"))]
_LOYAL: Final = {"type": "trait", "trait": "loyalty_tier", "operator": "in", "value": ["silver", "gold"]}
_RECENT: Final = _performed(ORDER, 1, "90d")
TWENTY: Final = [
    *TWO_RULES,
    _segment("abandoned_for_long", _abandoned("4h")),
    _segment("looked_today", _performed(VIEW, 1, "24h")),
    _segment("looked_often", _performed(VIEW, 20, "7d")),
    _segment("looked_ever", _performed(VIEW, 1, None)),
    _segment("looks_for_one_thing", _performed(VIEW, 3, "2h", category=("equals", "category7"))),
    _segment("looks_at_what_is_dear", _performed(VIEW, 5, "3d", price=("at_least", 200))),
    _segment("looks_at_what_is_cheap", _performed(VIEW, 5, "3d", price=("less_than", 20))),
    _segment("has_a_cart", _performed(CART, 1, "1h")),
    _segment("fills_carts", _performed(CART, 3, "7d")),
    _segment("bought", _RECENT),
    _segment("bought_twice", _performed(ORDER, 2, "30d")),
    _segment("bought_much", _performed(ORDER, 1, "90d", total=("at_least", 150))),
    _segment("loyal", _LOYAL),
    _segment("loyal_and_bought", _both(_LOYAL, _RECENT)),
    _segment("lapsing", _both(_performed(ORDER, 1, None), _not(_performed(ORDER, 1, "60d")))),
    _segment("looks_and_does_not_buy", _both(KEEN, _not(_performed(ORDER, 1, "7d")))),
    _segment("in_a_country", {"type": "trait", "trait": "country", "operator": "equals", "value": "DE"}),
    _segment(
        "counted_among_the_best", {"type": "score", "model": "shopper_clusters", "operator": "equals", "value": "vip"}
    ),
]
