"""What a tracking plan does to an event: nothing, a note, an omission, or quarantine."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.collection.judging import MAX_VALUES, CompiledPlan, Judgement, compile_schema
from attune.domain.definitions.tracking_plans import CommonRules, PlannedEvent, TrackingPlan
from attune.domain.events import Event
from tests.cpu import HANG, timed

PRODUCT = {
    "type": "object",
    "properties": {"sku": {"type": "string"}, "price": {"type": "number", "minimum": 0}},
    "required": ["sku"],
}
ADDED: dict[str, Any] = {
    "properties": {
        "cart_id": {"type": "string", "pattern": "^[a-z0-9-]+$"},
        "price": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "products": {"type": "array", "items": PRODUCT},
    },
    "patternProperties": {"^x_": {"type": "string"}},
    "required": ["cart_id"],
}
SOUND: dict[str, Any] = {"cart_id": "c-1", "price": 19.9, "currency": "EUR", "products": [{"sku": "a", "price": 1}]}


def plan(**fields: Any) -> TrackingPlan:
    return TrackingPlan(id="shop", **{"events": {"Product Added": PlannedEvent(properties=ADDED)}, **fields})


def event(properties: dict[str, Any] | None = None, **fields: Any) -> Event:
    said = SOUND if properties is None else properties
    return Event(
        **{"type": "track", "name": "Product Added", "message_id": "m", "time": 1, "properties": said, **fields}
    )


def judge(judged: Event, **fields: Any) -> Judgement:
    return CompiledPlan(plan(**fields)).judge(judged, len(msgspec.json.encode(judged)))


def reasons(judgement: Judgement) -> list[tuple[str, str]]:
    return [(violation.reason, violation.action) for violation in judgement.violations]


@pytest.mark.parametrize("action", ["allow", "omit", "block"])
def test_an_event_as_planned_goes_through_untouched(action: str) -> None:
    sound = event()
    judgement = judge(sound, on_violation=action, unplanned_properties=action)
    assert judgement.event is sound
    assert judgement.violations == ()


def test_a_violation_that_is_allowed_leaves_a_note_with_its_place_in_the_plan() -> None:
    judgement = judge(event({**SOUND, "price": "ada@example.com"}))
    assert judgement.event is not None
    assert judgement.event.properties["price"] == "ada@example.com"
    assert judgement.event.notes == ("plan_violation:wrong_type:properties.price.type",)
    assert reasons(judgement) == [("wrong_type", "allow")]


@pytest.mark.parametrize(
    ("changed", "left", "notes"),
    [
        ({"price": -1}, {"price"}, ["plan_omitted:wrong_value:properties.price.minimum"]),
        ({"currency": "DM"}, {"currency"}, ["plan_omitted:wrong_value:properties.currency.enum"]),
        ({"x_note": 5}, {"x_note"}, ["plan_omitted:wrong_type:patternProperties.^x_.type"]),
        ({"products": "none"}, {"products"}, ["plan_omitted:wrong_type:properties.products.type"]),
    ],
)
def test_omit_takes_out_the_property_that_violates(changed: dict[str, Any], left: set[str], notes: list[str]) -> None:
    judgement = judge(event(SOUND | changed), on_violation="omit")
    assert judgement.event is not None
    assert judgement.event.properties == {name: value for name, value in SOUND.items() if name not in left}
    assert list(judgement.event.notes) == notes


def test_omit_takes_out_the_innermost_property_only() -> None:
    said = SOUND | {"products": [{"sku": "a", "price": "x"}, {"sku": "b", "price": 2}]}
    judgement = judge(event(said), on_violation="omit")
    assert judgement.event is not None
    assert judgement.event.properties["products"] == [{"sku": "a"}, {"sku": "b", "price": 2}]
    assert said["products"] == [{"sku": "a", "price": "x"}, {"sku": "b", "price": 2}]


def test_where_the_rest_violates_still_more_of_it_is_taken_out() -> None:
    """A product without its number is none, so the list that holds it goes."""
    judgement = judge(event(SOUND | {"products": [{"sku": 5}]}), on_violation="omit")
    assert judgement.event is not None
    assert "products" not in judgement.event.properties
    assert judgement.event.properties["cart_id"] == "c-1"


def test_what_cannot_be_mended_by_omission_is_said() -> None:
    judgement = judge(event({"cart_id": 5, "price": 1}), on_violation="omit")
    assert judgement.event is not None
    assert judgement.event.properties == {"price": 1}
    assert reasons(judgement) == [("wrong_type", "omit"), ("missing_property", "allow")]
    assert judgement.event.notes[1] == "plan_violation:missing_property:required.cart_id"


def test_block_keeps_the_event_out() -> None:
    judgement = judge(event(SOUND | {"price": "x"}), on_violation="block")
    assert judgement.event is None
    assert reasons(judgement) == [("wrong_type", "block")]


def test_an_event_s_own_actions_go_before_the_plan_s() -> None:
    strict = PlannedEvent(properties=ADDED, on_violation="block", unplanned_properties="omit")
    assert judge(event({}), on_violation="allow", events={"Product Added": strict}).event is None
    kept = judge(event(SOUND | {"zip": 1}), events={"Product Added": strict}).event
    assert kept is not None
    assert kept.properties == SOUND


@pytest.mark.parametrize(("action", "is_kept"), [("allow", True), ("block", False)])
def test_an_event_that_nobody_planned(action: str, is_kept: bool) -> None:
    judgement = judge(event(name="Ada Lovelace"), unplanned_events=action)
    assert reasons(judgement) == [("unplanned_event", action)]
    assert (judgement.event is not None) == is_kept
    assert judgement.event is None or judgement.event.notes == ("plan_violation:unplanned_event",)


@pytest.mark.parametrize("action", ["allow", "omit", "block"])
def test_properties_that_nobody_planned(action: str) -> None:
    judgement = judge(event(SOUND | {"zip": "1", "x_ok": "1"}), unplanned_properties=action)
    if action == "block":
        assert judgement.event is None
    else:
        assert judgement.event is not None
        assert ("zip" in judgement.event.properties) == (action == "allow")
        assert judgement.event.properties["x_ok"] == "1"
    assert reasons(judgement) == ([] if action == "allow" else [("unplanned_property", action)])


def test_properties_that_compositions_and_references_name_are_planned() -> None:
    composed = {
        "$defs": {"money": {"properties": {"total": {"type": "number"}}}},
        "allOf": [{"$ref": "#/$defs/money"}, {"properties": {"tax": {}}}],
        "if": {"required": ["coupon"]},
        "then": {"properties": {"discount": {"type": "number"}}},
    }
    common = CommonRules(properties={"properties": {"page": {"type": "string"}}})
    said = {"total": 1, "tax": 2, "coupon": "x", "discount": 1, "page": "/"}
    judgement = judge(
        event(said),
        unplanned_properties="block",
        common=common,
        events={"Product Added": PlannedEvent(properties=composed)},
    )
    assert judgement.violations == ()


def test_common_rules_hold_for_every_call_and_its_own_part() -> None:
    common = CommonRules(
        properties={"properties": {"price": {"maximum": 10}}},
        traits={"properties": {"age": {"type": "integer"}}},
        context={"required": ["locale"]},
    )
    assert reasons(judge(event({"cart_id": "c", "price": 11}, context={"locale": "de"}), common=common)) == [
        ("wrong_value", "allow")
    ]
    assert reasons(judge(event(), common=common))[-1] == ("missing_property", "allow")
    identify = event({}, type="identify", name="", traits={"age": "x"}, context={"locale": "de"})
    planned = {"identify": PlannedEvent(traits={"properties": {"age": {"minimum": 18}}})}
    assert reasons(judge(identify, common=common, events=planned)) == [("wrong_type", "allow")]


def test_calls_go_by_their_type_as_in_segments() -> None:
    planned = {"page": PlannedEvent(properties={"required": ["path"]})}
    assert reasons(judge(event({}, type="page", name=""), events=planned)) == [("missing_property", "allow")]
    assert reasons(judge(event({}, type="screen", name=""), events=planned)) == [("unplanned_event", "allow")]


def test_formats_are_judged() -> None:
    planned = {"Product Added": PlannedEvent(properties={"properties": {"at": {"format": "date-time"}}})}
    assert reasons(judge(event({"at": "yesterday"}), events=planned)) == [("wrong_value", "allow")]


def test_at_most_five_violations_are_noted() -> None:
    schema = {"properties": {f"p{number}": {"type": "string"} for number in range(9)}}
    said = {f"p{number}": number for number in range(9)}
    judgement = judge(event(said), events={"Product Added": PlannedEvent(properties=schema)})
    assert judgement.event is not None
    assert (len(judgement.event.notes), len(judgement.violations)) == (5, 9)


def test_a_schema_that_this_version_cannot_use_keeps_no_event_out() -> None:
    judgement = judge(event(), on_violation="block", events={"Product Added": PlannedEvent(properties={"type": "no"})})
    assert judgement.event is not None
    assert judgement.event.notes == ("plan_violation:unusable_schema",)


@pytest.mark.parametrize(("on_violation", "is_kept"), [("allow", True), ("omit", True), ("block", False)])
def test_more_values_than_can_be_judged_in_time_are_not_taken_for_sound(on_violation: str, is_kept: bool) -> None:
    judgement = judge(event(SOUND | {"x": list(range(MAX_VALUES))}), on_violation=on_violation)
    assert [reason for reason, _ in reasons(judgement)] == ["too_many_values"]
    assert (judgement.event is not None) == is_kept


#: the most that `checks.tracking_plans` lets through: 31 alternatives for each of thousands of values
HEAVY = {"properties": {"list": {"items": {"oneOf": [{"const": number} for number in range(31)]}}}}
SIZES = (200, MAX_VALUES - 10, 16_000)


def heaviest(size: int) -> Event:
    """Only its last value is wrong: judging ends at the first."""
    return event({"list": [30] * (size - 1) + [99]})


@pytest.mark.parametrize("on_violation", ["allow", "omit", "block"])
@pytest.mark.parametrize("size", SIZES)
def test_the_heaviest_event_does_not_hang(on_violation: str, size: int) -> None:
    compiled = CompiledPlan(plan(on_violation=on_violation, events={"Product Added": PlannedEvent(properties=HEAVY)}))
    heavy = heaviest(size)
    compiled.judge(event({}), 100)
    judgement, spent = timed(lambda: compiled.judge(heavy, 2 * size))
    assert spent < HANG
    assert judgement.violations


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|aa)+$", "(.*a){20}", "(?:a|b|c|ab|abc){1,200}x", "^(\\w+\\s?)*$"])
def test_no_pattern_hangs(pattern: str) -> None:
    validator = compile_schema({"pattern": pattern})
    _, spent = timed(lambda: validator.is_valid("a" * 32_000 + "!"))
    assert spent < HANG


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8) | st.sampled_from(["c-1", "EUR"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([*ADDED["properties"], "sku", "x_a", "zip", ""]), inner, max_size=6),
    max_leaves=30,
)  # fmt: skip
_PROPERTIES = st.dictionaries(st.sampled_from([*ADDED["properties"], "x_a", "zip"]) | st.text(max_size=5), _JSON)
_ACTIONS = st.sampled_from(["allow", "omit", "block"])


@given(properties=_PROPERTIES, on_violation=_ACTIONS, unplanned=_ACTIONS)
def test_any_properties_are_judged_and_what_is_left_is_valid_or_said_not_to_be(
    properties: dict[str, Any], on_violation: str, unplanned: str
) -> None:
    before = msgspec.json.encode(properties)
    judgement = judge(event(properties), on_violation=on_violation, unplanned_properties=unplanned)
    assert msgspec.json.encode(properties) == before
    is_blocked = any(violation.action == "block" for violation in judgement.violations)
    assert (judgement.event is None) == is_blocked
    if judgement.event is None:
        return
    left = judgement.event.properties
    strangers = {name for name in left if name not in ADDED["properties"] and not name.startswith("x_")}
    assert not strangers or unplanned == "allow"
    allowed = [violation for violation in judgement.violations if violation.action == "allow"]
    assert compile_schema(ADDED).is_valid(left) == (not allowed)
    assert bool(judgement.event.notes) == bool(judgement.violations)
    again = judge(judgement.event, on_violation=on_violation, unplanned_properties=unplanned)
    assert again.event is not None
    assert again.event.properties == left
