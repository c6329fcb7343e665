"""A tracking plan that cannot be used is refused when it is applied, each problem with its place."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attune.domain.checks.definitions import check, users
from attune.domain.checks.tracking_plans import DIALECT, MAX_EVENTS, MAX_WAYS
from attune.domain.collection.judging import CompiledPlan, compile_schema
from attune.domain.collection.schema_walks import KEYWORDS
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.tracking_plans import CommonRules, PlannedEvent, TrackingPlan
from tests.builders import definitions, source
from tests.domain.test_tracking_plans import ADDED, HEAVY, event


def problems(schema: dict[str, Any]) -> list[str]:
    """Of a plan with this schema, their common beginning cut off."""
    found = check(TrackingPlan(id="p", events={"A": PlannedEvent(properties=schema)}), definitions())
    return [problem.removeprefix("$.events.A.properties") for problem in found]


@pytest.mark.parametrize(
    "schema", [ADDED, HEAVY, {"$schema": DIALECT}, {"x-owner": "shop"}, {"$ref": "#/$defs/a", "$defs": {"a": True}}]
)
def test_sound_schemas_have_no_problems(schema: dict[str, Any]) -> None:
    assert problems(schema) == []


NO_KEYWORD = "is no keyword that can be used here (one of your own begins with x-)"
NOWHERE = "must lead to a schema in this one, such as #/$defs/sku"
ITSELF = ": refers to itself; write out as many levels as there are"
NO_PATTERN = "is no pattern that can be used: "
#: 2 to the power of 20 schemas
DOUBLING = {f"a{n}": {"properties": {x: {"$ref": f"#/$defs/a{n + 1}"} for x in "ab"}} for n in range(20)}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"typ": "object"}, ".typ: " + NO_KEYWORD),
        ({"properties": {"a": 5}}, ".properties.a: is no schema: an object, true or false is one"),
        ({"allOf": [{}, {"mimimum": 1}]}, ".allOf[1].mimimum: " + NO_KEYWORD),
        ({"$id": "https://x.example/a"}, ".$id: " + NO_KEYWORD),
        ({"$dynamicRef": "#a"}, ".$dynamicRef: " + NO_KEYWORD),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, f".$schema: must be {DIALECT}, or left out"),
        ({"$ref": "https://x.example/a.json"}, ".$ref: " + NOWHERE),
        ({"$ref": "file:///etc/passwd"}, ".$ref: " + NOWHERE),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, ".properties.a.$ref: " + NOWHERE),
        ({"$ref": "#"}, ITSELF),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}},
            ITSELF,
        ),
        ({"properties": {"a": {"type": "strng"}}}, ".properties.a.type: "),
        ({"properties": {"a": {"format": "emial"}}}, ".properties.a.format: Unknown format: 'emial'"),
        ({"properties": {"a": {"minimum": "3"}}}, '.properties.a.minimum: "3" is not of type "number"'),
        ({"required": "a"}, '.required: "a" is not of type "array"'),
        ({"patternProperties": {"(": {}}}, ".patternProperties.(: "),
        (
            {"$ref": "#/$defs/a0", "$defs": DOUBLING | {"a20": {}}},
            ": is made of more than 1,000 schemas, each counted as often as it is referred to",
        ),
    ],
)  # fmt: skip
def test_a_schema_is_refused_with_the_place(schema: dict[str, Any], problem: str) -> None:
    [found] = problems(schema)
    assert found.startswith(problem)


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=a)a", "(?<!a)b", "(a{1000}){1000}"])
def test_patterns_that_might_hang_are_refused(pattern: str) -> None:
    [found] = problems({"properties": {"a": {"pattern": pattern}}})
    assert found.startswith(f".properties.a.pattern: {NO_PATTERN}")


def test_no_value_is_judged_by_more_than_32_schemas() -> None:
    alternatives = [{"const": number} for number in range(MAX_WAYS)]
    assert problems({"oneOf": alternatives[1:]}) == []
    assert problems({"oneOf": alternatives}) == [": one value may have to be judged by more than 32 schemas"]


def test_a_schema_nested_without_end_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(60):
        nested = {"not": nested}
    assert [found.rpartition(": ")[2] for found in problems(nested)] == ["is nested too deep"]


def test_schemas_are_for_the_parts_that_a_call_has() -> None:
    wrong = TrackingPlan(
        id="p",
        events={"identify": PlannedEvent(properties={"type": "object"}), "A": PlannedEvent(traits={"type": "object"})},
        common=CommonRules(context={"typo": 1}),
    )
    assert check(wrong, definitions()) == [
        f"$.common.context.typo: {NO_KEYWORD}",
        "$.events.identify.properties: these calls have traits",
        "$.events.A.traits: these calls have properties",
    ]


def test_a_plan_has_its_bounds() -> None:
    many = TrackingPlan(id="p", events={f"E{number}": PlannedEvent() for number in range(MAX_EVENTS + 1)})
    assert check(many, definitions()) == ["$.events: at most 500 are allowed"]
    large = TrackingPlan(id="p", events={"A": PlannedEvent(description="x" * 90_000)})
    assert check(large, definitions()) == ["$: has more than 90,000 bytes of JSON; a source may have a plan of its own"]
    ours = TrackingPlan(id="p", events={"$consent": PlannedEvent(), " ": PlannedEvent()})
    assert [problem.partition(":")[0] for problem in check(ours, definitions())] == ["$.events.$consent", "$.events. "]


def test_a_source_s_plan_must_be_there_and_cannot_be_deleted() -> None:
    lost = source(tracking_plan="p")
    assert check(lost, definitions()) == ["$.tracking_plan: there is no tracking plan `p`"]
    assert check(lost, snapshot((lost, TrackingPlan(id="p")))) == []
    assert users("tracking_plan", "p", snapshot((lost, TrackingPlan(id="p")))) == [f"source {lost.id}"]


_WORDS = st.sampled_from(["a", "b", "#", "#/$defs/a", "^a", "(", "string", "object", "date-time", "x-a", ""])
_SCHEMAS = st.recursive(
    st.booleans() | st.integers(-2, 5) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(KEYWORDS)) | _WORDS, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(KEYWORDS)), _SCHEMAS, max_size=4))
@example({"$ref": "#/$defs/a"})
def test_any_object_is_checked_and_what_passes_can_be_used(schema: dict[str, Any]) -> None:
    found = problems(schema)
    assert all(re.match(r"(\.|\[|: )", problem) for problem in found)
    if not found:
        compile_schema(schema)
        closed = PlannedEvent(properties=schema, unplanned_properties="omit", on_violation="omit")
        judged = CompiledPlan(TrackingPlan(id="p", events={"Product Added": closed})).judge(event({"a": 1}), 10)
        assert "unusable_schema" not in {violation.reason for violation in judged.violations}
