"""Conditions combined at random, for tests that ask whether two ways of living come to the same."""

from __future__ import annotations

from random import Random
from typing import Any

from attune.domain.learning.models import SHOPPER_CLUSTERS

NAMES = ("Product Viewed", "Product Added", "Order Completed")
CARTS = ("c1", "c2")
ABANDONED = {
    "type": "abandoned",
    "key": "cart_id",
    "did": [{"event": "Product Added"}],
    "without": [{"event": "Order Completed"}],
    "after": "15m",
}


def tree(rng: Random, depth: int = 2) -> dict[str, Any]:
    """A condition as people write it."""
    kind = rng.choice(["performed", "performed", "trait", "score", *(["all", "any", "not"] if depth else [])])
    if kind == "performed":
        within = {"within": rng.choice(["12h", "24h", "90m"])} if rng.random() < 0.8 else {}
        where = [{"property": "price", "operator": "at_least", "value": 10}] if rng.random() < 0.3 else []
        at_least = rng.choice([1, 1, 2, 2, 3, 4, 5])
        return {"type": kind, "event": rng.choice(NAMES), "at_least": at_least, "where": where, **within}
    if kind in {"trait", "score"}:
        operator = rng.choice(["equals", "not_equals", "greater_than", "is_set", "is_not_set"])
        value = {} if operator.startswith("is") else {"value": rng.randint(0, 2)}
        subject = {"trait": rng.choice(["name", "city"])} if kind == "trait" else {"model": SHOPPER_CLUSTERS}
        return {"type": kind, **subject, "operator": operator, **value}
    if kind == "not":
        return {"type": kind, "condition": tree(rng, depth - 1)}
    return {"type": kind, "conditions": [tree(rng, depth - 1) for _ in range(rng.randint(1, 3))]}
