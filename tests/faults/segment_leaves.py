"""Conditions and computed traits as people write them, drawn so that what happens in `segment_histories` turns them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.faults.segment_figures import aggregated, computed, times_ordered, worth_of_orders
from tests.faults.segment_happenings import past_of
from tests.faults.segment_histories import NAMES
from tests.faults.segment_operands import (
    INSTANT_ORDERS,
    OPERANDS,
    ORDERS,
    RELATIVE,
    WINDOWS,
    Drawn,
    event_filter,
    in_time,
    tested,
    width_of,
)

type Draw = Callable[[Random, Drawn], dict[str, Any]]


def performed(bounds: str, time: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        low = rng.randint(0, 2)
        limits: dict[str, Any] = {
            "none": {},
            "at_least": {"at_least": rng.randint(1, 4)},
            "at_most": {"at_most": rng.randint(0, 3)},
            "exactly": {"exactly": rng.randint(0, 3)},
            "between": {"at_least": low, "at_most": low + rng.randint(0, 2)},
        }[bounds]
        return {"type": "performed", **event_filter(rng, around.names), **limits, **in_time(rng, around, time)}

    return drawn


def filtered(operator: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        return {
            "type": "performed",
            **event_filter(rng, around.names, operator),
            "at_least": rng.randint(1, 2),
            **in_time(rng, around, "within"),
        }

    return drawn


def performed_when(kind: str, operator: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        what = {} if kind == "recency" else event_filter(rng, around.names)
        value = width_of(rng, around) if operator in RELATIVE else rng.choice(OPERANDS[operator])[1]
        return {"type": kind, **what, "operator": operator, "value": value}

    return drawn


def edge(rng: Random, operator: str, figure: Any) -> Any:
    """What a figure is compared with: mostly what it was once, so that it lies on the edge."""
    value = figure if isinstance(figure, int | float) else 2
    value = value if rng.random() < 0.8 else value + rng.choice([-1, 1])
    if operator == "between":
        return rng.choice([[value, value + 5], [value - 5, value], [value, value]])
    return value


def aggregate(function: str, operator: str, time: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        path = rng.choice(["number", "text", "price"]) if function == "distinct" else rng.choice(["price", "number"])
        leaf = {
            "type": "aggregate",
            "function": function,
            **event_filter(rng, around.names),
            "property": path,
            **in_time(rng, around, time),
        }
        at = around.some_instant(rng)
        figure = aggregated(function, leaf, past_of(around.history, at), at)
        return {**leaf, "operator": operator, "value": edge(rng, operator, figure)}

    return drawn


def of_orders(kind: str, operator: str, time: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        leaf = {"type": kind, **in_time(rng, around, time)}
        at = around.some_instant(rng)
        past = past_of(around.history, at)
        figure = times_ordered(leaf, past, at) if kind == "frequency" else worth_of_orders(leaf, past, at)
        value = edge(rng, operator, figure)
        if kind == "frequency":
            value = [max(0, one) for one in value] if operator == "between" else max(0, value)
        return {**leaf, "operator": operator, "value": value}

    return drawn


def sequence(steps: int) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        path = [
            event_filter(rng, around.names) if rng.random() < 0.3 else {"event": rng.choice(NAMES)}
            for _ in range(steps)
        ]
        spans = WINDOWS if steps == 2 else WINDOWS[2:]
        return {"type": "sequence", "steps": path, "span": rng.choice(spans), **in_time(rng, around, "within")}

    return drawn


def dwelled(most: bool) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        least, longest = rng.choice([("15m", "90m"), ("30m", "30m"), ("90m", "12h"), ("0s", "90m")])
        limits = {"at_least": least, "at_most": longest} if most else {"at_least": rng.choice(["15m", "30m", "1ms"])}
        ends = rng.sample(NAMES, rng.randint(1, 3))
        return {
            "type": "dwelled",
            **event_filter(rng, around.names),
            "next": ends,
            **limits,
            **in_time(rng, around, "within"),
        }

    return drawn


def abandoned(keyed: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        did = [event_filter(rng, around.names) for _ in range(rng.randint(1, 2))]
        without = [event_filter(rng, around.names) for _ in range(rng.randint(0, 2))]
        after = rng.choice(["15m", "30m", "90m", "12h"])
        leaf = {"type": "abandoned", "did": did, "after": after, **({"without": without} if without else {})}
        if keyed == "path":
            return {
                **leaf,
                "key": "product_id",
                "without": [{"event": "Order Completed", "key": "products.*.product_id"}],
            }
        return {**leaf, "key": "cart_id"} if keyed == "key" else leaf

    return drawn


def trait(operator: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        kind, test = tested(rng, operator)
        return {"type": "trait", "trait": kind, **test}

    return drawn


def score(operator: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        fitting = [value for kind, value in OPERANDS[operator] if kind in {"number", "text"}]
        value = rng.choice(fitting)
        compared = {} if value is None else {"value": value}
        return {"type": "score", "model": "shopper_clusters", "operator": operator, **compared}

    return drawn


def percentile(operator: str) -> Draw:
    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        value: Any = rng.choice([0, 2.5, 3, 50, 55, 90, 100])
        if operator == "between":
            value = rng.choice([[0, 50], [50, 100], [55, 55]])
        return {"type": "score", "model": "rfm", "of": "percentile", "operator": operator, "value": value}

    return drawn


def computing(function: str, time: str) -> Draw:
    """A test of a computed trait, which comes about beside it."""

    def drawn(rng: Random, around: Drawn) -> dict[str, Any]:
        name = f"computed_{len(around.computed)}"
        compute = around.computed[name] = {
            "function": function,
            **_parameters(rng, around.names, function),
            **in_time(rng, around, time),
        }
        at = around.some_instant(rng)
        value = computed(compute, around.history, at)
        if function == "recency":
            value = rng.randint(0, 4)  # more days than what happens takes
        if isinstance(value, int | float):
            operator = rng.choice(ORDERS)
            return {"type": "trait", "trait": name, "operator": operator, "value": edge(rng, operator, value)}
        choices: list[dict[str, Any]] = [{"operator": "is_set"}, {"operator": "is_not_set"}]
        if value is not None:
            choices = [{"operator": "equals", "value": value}, {"operator": "not_equals", "value": value}]
        if isinstance(value, list):
            choices.append({"operator": "contains", "value": value[-1]})
        return {"type": "trait", "trait": name, **rng.choice(choices)}

    return drawn


def _parameters(rng: Random, names: tuple[str, ...], function: str) -> dict[str, Any]:
    match function:
        case "session_count" | "session_length":
            return {}
        case "lifecycle":
            after = rng.choice([("30m", "90m", "12h"), ("12h", "30m", "24h"), ("90m", "12h", "90m")])
            own = {"event": rng.choice(NAMES)} if rng.random() < 0.5 else {}
            return own | dict(zip(("new_for", "at_risk_after", "lapsed_after"), after, strict=True))
        case "affinity":
            weighed = [{**event_filter(rng, names), "weight": rng.choice([1, 2, 4])} for _ in range(rng.randint(1, 3))]
            return {"events": weighed, "property": rng.choice(["text", "number"]), "half_life": rng.choice(WINDOWS)}
        case "count" | "recency":
            return event_filter(rng, names)
        case "sum" | "average" | "minimum" | "maximum":
            return {**event_filter(rng, names), "property": rng.choice(["price", "number"])}
        case _:
            return {**event_filter(rng, names), "property": rng.choice(["text", "number", "items"])}


def referring(rng: Random, around: Drawn) -> dict[str, Any]:
    """To a segment that comes about beside it: with keys, a referring one itself, or any other."""
    name = f"other_{len(around.segments)}"
    around.segments[name] = {}
    around.segments[name] = rng.choice(list(LEAVES.values()))(rng, around)
    return {"type": "segment", "segment": name}


def bucket(rng: Random, _: Drawn) -> dict[str, Any]:
    low = rng.choice([0, 25.5, 50])
    return {"type": "random_bucket", "salt": rng.choice("xyz"), "low": low, "high": rng.choice([50.01, 75.25, 100])}


FUNCTIONS = ("sum", "average", "minimum", "maximum", "distinct")
WINDOWED = ("count", "sum", "average", "minimum", "maximum", "unique_count", "most_frequent", "unique_list")
EVER = ("first", "last", "recency", "session_count", "session_length", "affinity", "lifecycle")

#: every type with every operator, function, bound and kind of time that it has
LEAVES: dict[str, Draw] = {
    **{
        f"performed {bounds} {time}": performed(bounds, time)
        for bounds in ("none", "at_least", "at_most", "exactly", "between")
        for time in ("within", "outside", "ever")
    },
    **{f"where {operator}": filtered(operator) for operator in OPERANDS.keys() - RELATIVE},
    **{
        f"{kind} {operator}": performed_when(kind, operator)
        for kind in ("first_performed", "last_performed")
        for operator in INSTANT_ORDERS
    },
    **{f"recency {operator}": performed_when("recency", operator) for operator in ("within_last", "older_than")},
    **{
        f"aggregate {function} {operator} {time}": aggregate(function, operator, time)
        for function in FUNCTIONS
        for operator in ORDERS
        for time in ("within", "ever")
    },
    **{
        f"{kind} {operator} {time}": of_orders(kind, operator, time)
        for kind in ("frequency", "monetary")
        for operator in ORDERS
        for time in ("within", "ever")
    },
    **{f"sequence {steps}": sequence(steps) for steps in (2, 3, 4, 5)},
    **{f"dwelled {name}": dwelled(name == "at_most") for name in ("at_most", "without")},
    **{f"abandoned {keyed}": abandoned(keyed) for keyed in ("key", "path", "unkeyed")},
    **{f"trait {operator}": trait(operator) for operator in OPERANDS},
    **{
        f"score {operator}": score(operator) for operator in OPERANDS if any(k != "date" for k, _ in OPERANDS[operator])
    },
    **{f"percentile {operator}": percentile(operator) for operator in ORDERS},
    **{
        f"computed {function} {time}": computing(function, time) for function in WINDOWED for time in ("within", "ever")
    },
    **{f"computed {function}": computing(function, "ever") for function in EVER},
    "consent": lambda _, __: {"type": "consent", "purpose": "email"},
    "list": lambda _, __: {"type": "list", "list": "vips"},
    "segment": referring,
    "random_bucket": bucket,
}
