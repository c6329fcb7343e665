"""What a tracking plan does to an event. The one module that loads the validator (jsonschema-rs, ADR 26).

Each schema is compiled when the first event asks for it. Patterns are run by an engine that takes time in proportion
to the text (no look-around, no back-references); nothing is ever fetched. An event that fulfils its plan costs one
call of the validator for each schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NoReturn

import jsonschema_rs
import msgspec

from attune.domain.collection.omissions import without
from attune.domain.collection.schema_walks import Step, planned_names, ways
from attune.domain.definitions.tracking_plans import PARTS, Action, PlannedEvent, Schema, TrackingPlan
from attune.domain.events import Event

#: values of a part that are judged: with `MAX_WAYS` it bounds the time that an event may take to 250 ms of CPU
MAX_VALUES: Final = 5_000
#: bytes of an event below which it cannot hold so many
SMALL: Final = 2 * MAX_VALUES
#: values times schemas up to which all violations are looked for, and not just the first
_THOROUGH: Final = 3_000
#: how often what is left after an omission is judged again
_ROUNDS: Final = 4
#: violations of an event that are noted
MAX_NOTED: Final = 5
_MAX_PLACE: Final = 120
#: bytes that a compiled pattern may take
_PATTERN: Final = 1 << 17

_REASONS: Final = {
    "type": "wrong_type",
    "required": "missing_property",
    "additionalProperties": "unplanned_property",
    "unevaluatedProperties": "unplanned_property",
    "propertyNames": "unplanned_property",
    "falseSchema": "unplanned_property",
}


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """`reason`: one of seven words, see docs/collect.md. `place`: where in the plan, in the plan's own words."""

    reason: str
    action: Action
    place: str = ""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """`event` is None if the plan blocks it; else it is as the plan leaves it, with a note for each violation."""

    event: Event | None
    violations: tuple[Violation, ...] = ()


class CompiledPlan:
    """A plan's schemas, each compiled by the first event that needs it."""

    def __init__(self, plan: TrackingPlan) -> None:
        self.plan = plan
        self._rules: dict[tuple[str, str], _Rules] = {}

    def judge(self, event: Event, size: int) -> Judgement:
        """`size`: bytes of what the event was read from."""
        name = event.name if event.type == "track" else event.type
        planned = self.plan.events.get(name)
        # A name that is not planned is the sender's: it must not fill the memory.
        key = ("" if planned is None else name, event.type)
        rules = self._rules.get(key)
        if rules is None:
            rules = self._rules[key] = self._made(planned, event.type)
        if size < SMALL and rules.are_kept_by(event):
            return Judgement(event=event)
        return rules.judge(event)

    def _made(self, planned: PlannedEvent | None, call: str) -> _Rules:
        try:
            return _Rules(self.plan, planned, call)
        except (ValueError, LookupError):
            # It was sound when it was applied, to another version of the validator: events must not be lost for that.
            unusable = Violation(reason="unusable_schema", action="allow")
            return _Rules(TrackingPlan(id=self.plan.id), None, call, unusable)


class _Rules:
    """The rules for calls of one name and type. `always`: what all of them violate."""

    def __init__(
        self, plan: TrackingPlan, planned: PlannedEvent | None, call: str, always: Violation | None = None
    ) -> None:
        on_violation = (planned and planned.on_violation) or plan.on_violation
        unplanned = (planned and planned.unplanned_properties) or plan.unplanned_properties
        if planned is None and always is None:
            always = Violation(reason="unplanned_event", action=plan.unplanned_events)
        self._always = always
        body = "traits" if call == "identify" else "properties"
        self._parts = []
        for part in PARTS:
            if part not in (body, "context"):
                continue
            schemas = [schema for rules in (plan.common, planned) if rules and (schema := getattr(rules, part))]
            closes = planned is not None and part == body and unplanned != "allow"
            if schemas or closes:
                self._parts.append(_Part(part, schemas, on_violation, unplanned if closes else "allow"))
        self._checks = [(part.name, check) for part in self._parts for check in part.checks()]

    def are_kept_by(self, event: Event) -> bool:
        """What nearly every event is asked, and nothing more."""
        if self._always:
            return False
        for name, is_kept_by in self._checks:  # noqa: SIM110 - a generator takes as long as the validator
            if not is_kept_by(getattr(event, name)):
                return False
        return True

    def judge(self, event: Event) -> Judgement:
        violations = [self._always] if self._always else []
        changed: dict[str, Any] = {}
        for part in self._parts:
            said = getattr(event, part.name)
            left, found = part.judge(said)
            violations += found
            if left is not said:
                changed[part.name] = left
        if any(violation.action == "block" for violation in violations):
            return Judgement(event=None, violations=tuple(violations))
        if not violations:
            return Judgement(event=event)
        notes = dict.fromkeys(_note(violation) for violation in violations)
        changed["notes"] = (*event.notes, *list(notes)[:MAX_NOTED])
        return Judgement(event=msgspec.structs.replace(event, **changed), violations=tuple(violations))


class _Part:
    """The schemas of one part of an event."""

    def __init__(self, name: str, schemas: list[Schema], on_violation: Action, unplanned: Action) -> None:
        self.name = name
        self._on_violation = on_violation
        self._unplanned = unplanned
        self._ways = sum(ways(schema, schema) for schema in schemas)
        self._validators = [compile_schema(schema) for schema in schemas]
        self._names: frozenset[str] | None = None
        if unplanned != "allow":
            known = [planned_names(schema) for schema in schemas]
            if all(one is not None for one in known):
                self._names = frozenset(name for one in known if one for name in one[0])
                patterns = [{"pattern": pattern} for one in known if one for pattern in one[1]]
                self._patterns = compile_schema({"anyOf": patterns} if patterns else {"not": {}})

    def checks(self) -> list[Callable[[dict[str, Any]], bool]]:
        """What the part is asked for each, whether it is kept: names first, then each schema."""
        names = [] if self._names is None else [self._has_no_stranger]
        return [*names, *(validator.is_valid for validator in self._validators)]

    def _has_no_stranger(self, said: dict[str, Any]) -> bool:
        return (self._names or frozenset()).issuperset(said) or not self._strangers(said)

    def judge(self, said: dict[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
        """What is left of the part, and every violation that was found."""
        violations: list[Violation] = []
        if self._names is not None and (strangers := self._strangers(said)):
            violations.append(Violation(reason="unplanned_property", action=self._unplanned))
            if self._unplanned == "omit":
                said = {name: value for name, value in said.items() if name not in strangers}
        values = count_values(said, MAX_VALUES)
        if values > MAX_VALUES:
            # what cannot be judged in time is not taken for sound
            return said, [*violations, Violation(reason="too_many_values", action=self._on_violation)]
        for _ in range(_ROUNDS):
            errors = self._errors(said, is_small=values * self._ways <= _THOROUGH)
            if not errors:
                return said, violations
            left = without(said, _paths(errors)) if self._on_violation == "omit" else said
            action = "omit" if left is not said else "allow" if self._on_violation == "omit" else self._on_violation
            violations += [Violation(reason=_reason(error), action=action, place=_place(error)) for error in errors]
            if left is said:
                return said, violations
            said = left
        if errors := self._errors(said, is_small=False):
            violations += [Violation(reason=_reason(error), action="allow", place=_place(error)) for error in errors]
        return said, violations

    def _strangers(self, said: dict[str, Any]) -> set[str]:
        unknown = said.keys() - (self._names or frozenset())
        return {name for name in unknown if not self._patterns.is_valid(name)}

    def _errors(self, said: dict[str, Any], *, is_small: bool) -> list[jsonschema_rs.ValidationError]:
        """All errors of a small part; of a large one the first, since listing them takes far longer than judging."""
        found: list[jsonschema_rs.ValidationError] = []
        for validator in self._validators:
            if is_small:
                found += validator.iter_errors(said)
                continue
            try:
                validator.validate(said)
            except jsonschema_rs.ValidationError as error:
                found.append(error)
        return found


def compile_schema(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    """Raises `jsonschema_rs.ValidationError` for what is no schema or holds a pattern that cannot be used."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        ignore_unknown_formats=False,
        retriever=_refuse,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=_PATTERN, dfa_size_limit=_PATTERN),
    )


def schema_problem(schema: Schema) -> tuple[tuple[Step, ...], str] | None:
    """Where and why a schema cannot be compiled."""
    try:
        compile_schema(schema)
    except jsonschema_rs.ValidationError as error:
        at = tuple(error.instance_path)
        if at and error.kind.name in ("format", "pattern", "patternProperties") and at[-1] == "pattern":
            return at, "is no pattern that can be used: no look-around, no back-references, and not too large"
        return at, error.message
    except (ValueError, RecursionError) as error:
        return (), str(error)
    return None


def count_values(value: object, limit: int) -> int:
    """How many values there are in a JSON value, objects and lists counted too; at most one more than `limit`."""
    count = 0
    waiting = [value]
    while waiting and count <= limit:
        one = waiting.pop()
        count += 1
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return count


def _refuse(uri: str) -> NoReturn:
    raise LookupError(uri)


def _reason(error: jsonschema_rs.ValidationError) -> str:
    return _REASONS.get(error.kind.name, "wrong_value")


def _place(error: jsonschema_rs.ValidationError) -> str:
    """Steps of the schema, which the plan's author wrote; never of the event, which may hold anything."""
    steps = [*error.schema_path]
    if error.kind.name == "required":
        steps.append(str(getattr(error.kind, "property", "")))
    return ".".join(map(str, steps))[:_MAX_PLACE]


def _note(violation: Violation) -> str:
    word = "plan_omitted" if violation.action == "omit" else "plan_violation"
    return f"{word}:{violation.reason}" + (f":{violation.place}" if violation.place else "")


def _paths(errors: Iterable[jsonschema_rs.ValidationError]) -> Iterator[tuple[Step, ...]]:
    """What the errors are about: an object that holds too much is about what is too much."""
    for error in errors:
        at = tuple(error.instance_path)
        if error.kind.name in ("additionalProperties", "unevaluatedProperties"):
            yield from ((*at, name) for name in getattr(error.kind, "unexpected", ()))
        else:
            yield at
