"""What is certain of a condition before anybody is asked."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.definitions.kinds import Segment, decode_definition
from attune.domain.segments.contradictions import certainties
from tests.builders import HOUR, NOW
from tests.faults.effort import seeds
from tests.faults.segment_happenings import Happening
from tests.faults.segment_oracle import critical_instants, holds


def trait(operator: str, value: Any = None, name: str = "tier") -> dict[str, Any]:
    said = {} if value is None else {"value": value}
    return {"type": "trait", "trait": name, "operator": operator, **said}


def done(event: str = "page", /, **range_: Any) -> dict[str, Any]:
    return {"type": "performed", "event": event, **range_}


def every(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "all", "conditions": list(parts)}


def some(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "any", "conditions": list(parts)}


def no(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "not", "condition": part}


def bucket(low: float, high: float, salt: str = "s") -> dict[str, Any]:
    return {"type": "random_bucket", "salt": salt, "low": low, "high": high}


def found(when: dict[str, Any]) -> list[tuple[str, str]]:
    segment = decode_definition({"kind": "segment", "id": "asked", "when": when})
    assert isinstance(segment, Segment)
    return [(one.code, one.path) for one in certainties(segment.when)]


NEVER = [
    every(trait("equals", "gold"), trait("equals", "silver")),
    every(trait("equals", "gold"), trait("in", ["silver", "bronze"])),
    every(trait("equals", "gold"), trait("starts_with", "s")),
    every(trait("equals", 5), trait("equals", "5")),
    every(trait("is_not_set"), trait("equals", "gold")),
    every(no(trait("is_set")), trait("within_last", "1d")),
    every(trait("at_least", 5), trait("less_than", 5)),
    every(trait("greater_than", 5), trait("at_most", 5)),
    every(trait("between", [1, 3]), trait("between", [4, 6])),
    every(trait("at_least", 5), trait("at_most", "b")),
    every(trait("at_least", 10), no(trait("at_least", 5))),
    trait("in", []),
    every(done(), no(done())),
    every(done(at_least=3, within="1d"), done(at_most=1, within="1d")),
    every(done(at_least=3, within="1d"), done(at_most=1, within="7d")),
    every(done(within="1d"), done(exactly=0)),
    every(done(outside="7d"), done(at_most=0, outside="1d")),
    every({"type": "last_performed", "event": "page", "operator": "within_last", "value": "1d"}, no(done(within="2d"))),
    every({"type": "last_performed", "event": "page", "operator": "older_than", "value": "2d"}, done(within="1d")),
    every({"type": "first_performed", "event": "page", "operator": "within_last", "value": "1d"}, done(outside="2d")),
    every(
        {"type": "recency", "operator": "within_last", "value": "1d"},
        {"type": "frequency", "operator": "equals", "value": 0},
    ),
    every(bucket(0, 10), bucket(10, 20)),
    every(some(trait("equals", "gold"), trait("equals", "silver")), trait("equals", "bronze")),
    every(trait("equals", "gold"), every(no(trait("equals", "gold")))),
    no({"type": "consent", "purpose": "personalization"}),
]
POSSIBLE = [
    every(trait("equals", "gold"), trait("equals", "silver", "other")),
    every(trait("at_least", 5), trait("at_most", 5)),
    every(no(trait("at_least", 5)), no(trait("at_most", 5))),
    every(trait("not_equals", "gold"), trait("is_not_set", name="other")),
    every(trait("contains", "a"), trait("contains", "b")),
    every(trait("equals", "2026-03-01"), trait("within_last", "1d")),
    every(done(at_least=3, within="7d"), done(at_most=1, within="1d")),
    every(done(at_least=3, within="1d"), done("other", at_most=1, within="1d")),
    every(done(within="1d"), done(outside="1d")),
    every(done(within="1d", where=[{"property": "path", "value": "/"}]), done(exactly=1, within="1d")),
    every(bucket(0, 10), bucket(5, 20)),
    every(bucket(0, 10), bucket(10, 20, "t")),
    some(done(), trait("equals", "gold")),
]
ALWAYS = [
    some(done(), no(done())),
    some(trait("is_set"), trait("is_not_set")),
    bucket(0, 100),
    {"type": "consent", "purpose": "personalization"},
    trait("not_in", []),
    some(done(exactly=0, within="1d"), done(within="7d")),
    {"type": "frequency", "operator": "at_least", "value": 0},
]


@pytest.mark.parametrize("when", NEVER)
def test_what_can_never_hold_is_said(when: dict[str, Any]) -> None:
    assert ("never_holds", "$.when") in found(when)


@pytest.mark.parametrize("when", POSSIBLE)
def test_of_what_may_hold_nothing_is_said(when: dict[str, Any]) -> None:
    assert found(when) == []


@pytest.mark.parametrize("when", ALWAYS)
def test_what_always_holds_is_said(when: dict[str, Any]) -> None:
    assert [code for code, _ in found(when)] == ["always_holds"]


def test_the_part_that_cannot_hold_is_named_and_what_follows_from_it() -> None:
    inside = every(trait("equals", "gold"), trait("equals", "silver"))
    assert found(some(done(), inside)) == [("never_holds", "$.when.conditions[1]")]
    assert found(every(done(), inside)) == [("never_holds", "$.when.conditions[1]"), ("never_holds", "$.when")]


@pytest.mark.parametrize(
    ("when", "place"),
    [
        (every(trait("equals", "gold"), trait("is_set")), 1),
        (every(trait("is_set"), trait("equals", "gold")), 0),
        (every(trait("at_least", 10), trait("at_least", 5)), 1),
        (every(done(at_least=3, within="1d"), done(within="7d")), 1),
        (every(done(), trait("equals", "gold"), done()), 2),
        (some(trait("at_least", 10), trait("at_least", 5)), 0),
        (every(done(), some(done(), trait("equals", "gold"))), 1),
    ],
)
def test_a_part_that_says_nothing_new_is_named(when: dict[str, Any], place: int) -> None:
    assert found(when) == [("implied", f"$.when.conditions[{place}]")]


# ------------------------------------------------------------------------------------------------ by the oracle

OPERATORS = [
    *("equals", "not_equals", "at_least", "less_than", "greater_than", "at_most", "is_set", "is_not_set"),
    *("in", "not_in", "between", "contains", "before", "within_last"),
]
VALUES = [None, 0, 1, 2, 3, "a", "b", "2025-06-15"]


def drawn(rng: Random, depth: int = 2) -> dict[str, Any]:
    kind = rng.random()
    if depth and kind < 0.4:
        return rng.choice([every, some])(*(drawn(rng, depth - 1) for _ in range(rng.randint(2, 3))))
    if depth and kind < 0.5:
        return no(drawn(rng, depth - 1))
    if kind < 0.75:
        operator = rng.choice(OPERATORS)
        operand: Any = rng.choice([1, 2, "a", "b"])
        if operator.startswith("is_"):
            operand = None
        elif operator in {"in", "not_in"}:
            operand = rng.sample([0, 1, 2, "a"], 2)
        elif operator == "between":
            operand = rng.choice([[0, 1], [1, 2], [2, 3], ["a", "b"]])
        elif operator in {"before", "within_last"}:
            operand = {"before": "2025-06-16", "within_last": "1d"}[operator]
        return trait(operator, operand)
    if kind < 0.9:
        width = rng.choice([{}, {"within": "1h"}, {"within": "3h"}, {"outside": "1h"}, {"outside": "3h"}])
        count = rng.choice([{}, {"at_least": 2}, {"at_most": 1}, {"exactly": 1}, {"at_least": 1, "at_most": 2}])
        return {"type": "performed", "event": "page", **count, **width}
    operator = rng.choice(["within_last", "older_than"])
    moment = rng.choice(["first_performed", "last_performed"])
    return {"type": moment, "event": "page", "operator": operator, "value": rng.choice(["1h", "3h"])}


def lived(rng: Random) -> list[Happening]:
    times = sorted({NOW - int(rng.choice([0, 0.5, 1, 2, 3, 4]) * HOUR) for _ in range(rng.randint(0, 4))})
    said = {"tier": rng.choice(VALUES)}
    return [Happening(NOW - 9 * HOUR, "identify", traits=said), *(Happening(time, "page") for time in times)]


@pytest.mark.parametrize("seed", seeds(300))
def test_nothing_is_said_that_anybodys_history_disproves(seed: int) -> None:
    rng = Random(seed)
    when = drawn(rng)
    said = found(when)
    if not said:
        return
    for _ in range(30):
        history = lived(rng)
        for at in critical_instants(history, [when]):
            for code, path in said:
                condition, outer = at_path(when, path)
                told = (when, code, path, history, at)
                if code == "implied":
                    others = [one for one in outer["conditions"] if one is not condition]
                    shorter = {"type": outer["type"], "conditions": others}
                    assert holds(outer, history, at) == holds(shorter, history, at), told
                else:
                    assert holds(condition, history, at) == (code == "always_holds"), told


def at_path(when: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The condition, and the one that it is a part of."""
    condition, outer = when, when
    for step in path.removeprefix("$.when").split(".")[1:]:
        outer = condition
        if step == "condition":
            condition = condition["condition"]
        else:
            place = int(step.removeprefix("conditions[").removesuffix("]"))
            condition = condition["conditions"][place]
    return condition, outer
