"""Conditions that types allow and that could never come true, or have no one meaning."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.checks.segments import MAX_CONDITIONS, MAX_DEPTH, segment_problems
from attune.domain.definitions.conditions import (
    Abandoned,
    AllOf,
    AnyOf,
    Condition,
    KeyedFilter,
    NotOf,
    Performed,
    PropertyTest,
    ScoreTest,
    TraitTest,
)
from attune.domain.learning.models import SHOPPER_CLUSTERS
from tests.builders import views_segment

VIEWED = Performed(event="Product Viewed")


def problems(when: Condition, **overrides: Any) -> list[str]:
    return list(segment_problems(views_segment(when=when, **overrides)))


def abandoned(**overrides: Any) -> Abandoned:
    fields: dict[str, Any] = {"key": "cart_id", "did": (KeyedFilter(event="Product Added"),), "after": "15m"}
    return Abandoned(**(fields | overrides))


def test_an_abandoned_condition_stands_alone_or_inside_all() -> None:
    assert problems(abandoned()) == []
    assert problems(AllOf(conditions=(VIEWED, AllOf(conditions=(abandoned(),))))) == []


def test_a_segment_has_one_key() -> None:
    assert problems(AllOf(conditions=(abandoned(), VIEWED, abandoned(key="wishlist_id")))) == [
        "$.when.conditions[2]: a segment has at most one `abandoned` with a key, and $.when.conditions[0] is one"
    ]


@pytest.mark.parametrize(
    ("when", "path"),
    [
        (NotOf(condition=abandoned()), "$.when.condition"),
        (AnyOf(conditions=(VIEWED, abandoned())), "$.when.conditions[1]"),
        (AllOf(conditions=(NotOf(condition=AllOf(conditions=(abandoned(),))),)), "$.when.conditions[0].condition."),
    ],
)
def test_an_abandoned_condition_that_is_not_needed_is_refused(when: Condition, path: str) -> None:
    [problem] = problems(when)
    assert problem.startswith(path)
    assert "never under `any` or `not`" in problem


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        (Performed(event="X", within="0h"), "$.when.within: must be longer than nothing"),
        (abandoned(after="0s"), "$.when.after: must be longer than nothing"),
        (
            abandoned(after="30d"),
            "$.when.after: must be shorter than 30 days, after which an abandoned thing is forgotten",
        ),
        (
            Performed(event="X", within="24h\n"),
            "$.when.within: is not a duration such as 20s, 15m, 24h or 30d",
        ),
        (abandoned(key=" "), "$.when.key: names no property"),
        (TraitTest(trait="", operator="is_set"), "$.when.trait: names no trait"),
        (
            ScoreTest(model="shoppers", operator="is_set"),
            "$.when.model: there is no model `shoppers`; known are shopper_clusters, rfm",
        ),
        (Performed(event=""), "$.when.event: names no event"),
        (Performed(event="$consent"), "$.when.event: names that begin with $ are Attune's own"),
        (
            abandoned(without=(KeyedFilter(event=" "),)),
            "$.when.without[0].event: names no event",
        ),
    ],
)
def test_what_can_never_be_is_refused(when: Condition, problem: str) -> None:
    assert problems(when) == [problem]


def test_a_grace_may_be_nothing_but_must_be_a_duration() -> None:
    assert problems(VIEWED, grace="0s") == []
    assert problems(VIEWED, grace="0s\n") == ["$.grace: is not a duration such as 20s, 15m, 24h or 30d"]


@pytest.mark.parametrize(
    ("operator", "value", "problem"),
    [
        ("equals", None, "`equals` needs a value"),
        ("is_set", True, "`is_set` takes no value"),
        ("in", "gold", "`in` needs a list"),
        ("at_least", True, "`at_least` needs a number or a text"),
        ("less_than", [1], "`less_than` needs a number or a text"),
    ],
)
def test_an_operator_gets_the_operand_it_compares_with(operator: Any, value: Any, problem: str) -> None:
    test = PropertyTest(property="price", operator=operator, value=value)
    assert problems(Performed(event="X", where=(test,))) == [f"$.when.where[0].value: {problem}"]
    trait = TraitTest(trait="tier", operator=operator, value=value)
    score = ScoreTest(model=SHOPPER_CLUSTERS, operator=operator, value=value)
    assert problems(trait) == problems(score) == [f"$.when.value: {problem}"]


@pytest.mark.parametrize(
    ("operator", "value"),
    [("equals", False), ("in", ["gold"]), ("at_least", 2.5), ("at_most", "2026-01-01"), ("is_empty", None)],
)
def test_a_fitting_operand_is_no_problem(operator: Any, value: Any) -> None:
    assert problems(TraitTest(trait="tier", operator=operator, value=value)) == []
    assert problems(ScoreTest(model=SHOPPER_CLUSTERS, operator=operator, value=value)) == []


@pytest.mark.parametrize("path", ["", ".", "products..sku", "products."])
def test_a_property_is_a_dotted_path(path: str) -> None:
    where = (PropertyTest(property=path, operator="is_set"),)
    assert problems(Performed(event="X", where=where)) == ["$.when.where[0].property: is not a dotted path"]


def test_conditions_are_bounded_in_depth_and_number() -> None:
    deep: Condition = VIEWED
    for _ in range(MAX_DEPTH):
        deep = NotOf(condition=deep)
    [problem] = problems(deep)
    assert problem.endswith(f"conditions nest deeper than {MAX_DEPTH}")
    wide = AnyOf(conditions=(VIEWED,) * MAX_CONDITIONS)
    assert problems(wide) == [f"$.when: {MAX_CONDITIONS + 1} conditions, at most {MAX_CONDITIONS} are allowed"]
