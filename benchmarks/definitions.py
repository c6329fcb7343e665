"""The segments of the process figures: the two rules, and a shop's twenty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def all_kinds(names: Sequence[str]) -> list[dict[str, Any]]:
    """Twenty segments and the computed traits they ask for: every kind, on events of these six names or more."""
    event, within = {"event": names[0]}, {"within": "30d"}
    figures: list[dict[str, Any]] = [
        {
            "type": "aggregate",
            "function": function,
            **event,
            "property": "price",
            **within,
            "operator": "at_least",
            "value": 50,
        }
        for function in ("sum", "average", "minimum", "maximum", "distinct")
    ]
    computed = [
        {
            "kind": "computed_trait",
            "id": f"t{function}",
            "compute": {"function": function, **event, "property": "category"},
        }
        for function in ("most_frequent", "unique_list", "last", "first", "unique_count")
    ]
    others: list[dict[str, Any]] = [
        *({"type": "trait", "trait": one["id"], "operator": "is_set"} for one in computed),
        *({"type": "performed", **event, "at_least": count, **within} for count in (1, 10, 100)),
        {"type": "performed", **event, "at_most": 99, **within},
        {"type": "sequence", "steps": [{"event": names[1]}, {"event": names[2]}], "span": "1h", **within},
        {"type": "dwelled", "event": names[3], "next": [names[4]], "at_least": "1m", **within},
        {"type": "abandoned", "key": "quantity", "did": [event], "without": [{"event": names[5]}], "after": "1h"},
        {"type": "last_performed", **event, "operator": "older_than", "value": "1d"},
        {"type": "first_performed", **event, "operator": "within_last", "value": "30d"},
        {"type": "random_bucket", "salt": "s", "high": 50},
    ]
    return computed + [{"kind": "segment", "id": f"s{n}", "when": when} for n, when in enumerate(figures + others)]
