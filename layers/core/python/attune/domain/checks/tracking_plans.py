"""Whether a tracking plan can be used: schemas that are sound, refer to nothing outside, and are judged quickly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from attune.domain.collection.judging import schema_problem
from attune.domain.collection.schema_walks import KEYWORDS, Step, children, referred, ways
from attune.domain.definitions.tracking_plans import PARTS, CommonRules, TrackingPlan

#: schemas within the schema of one part of one event, each counted as often as it is referred to
MAX_SCHEMAS: Final = 1_000
#: schemas that one value may be judged by
MAX_WAYS: Final = 32
MAX_DEPTH: Final = 24
MAX_EVENTS: Final = 500
MAX_NAME: Final = 256
#: bytes of JSON of a whole plan
MAX_PLAN: Final = 90_000
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

type Problem = tuple[tuple[Step, ...], str]


def plan_problems(plan: TrackingPlan) -> Iterator[str]:
    """Each as `$.events.Order Completed.properties.total: what is wrong`."""
    if len(msgspec.json.encode(plan)) > MAX_PLAN:
        yield f"$: has more than {MAX_PLAN:,} bytes of JSON; a source may have a plan of its own"
        return
    if len(plan.events) > MAX_EVENTS:
        yield f"$.events: at most {MAX_EVENTS} are allowed"
    for part in PARTS:
        yield from _part(("common", part), getattr(plan.common, part))
    for name, event in plan.events.items():
        if not name.strip() or len(name) > MAX_NAME or name.lstrip().startswith("$"):
            yield f"{_path(('events', name[:MAX_NAME]))}: is no name that an event can have"
        yield from _event(name, event)


def _event(name: str, event: CommonRules) -> Iterator[str]:
    never = "properties" if name == "identify" else "traits"
    if getattr(event, never):
        other = "traits" if name == "identify" else "properties"
        yield f"{_path(('events', name, never))}: these calls have {other}"
    for part in PARTS:
        yield from _part(("events", name, part), getattr(event, part))


def _part(at: tuple[Step, ...], schema: dict[str, Any]) -> Iterator[str]:
    """Structure first: only what refers to nothing outside and ends somewhere is given to the validator."""
    if not schema:
        return
    problems = list(_structure(schema))
    if not problems and (problem := schema_problem(schema)):
        problems = [problem]
    for steps, text in problems:
        yield f"{_path((*at, *steps))}: {text}"


def _structure(root: dict[str, Any]) -> Iterator[Problem]:
    found = list(_keywords(root, ()))
    if not found:
        # references are followed only where each of them leads somewhere
        size, problem = _size(root, root, (), MAX_SCHEMAS)
        if problem:
            found = [problem]
        elif size > MAX_SCHEMAS:
            found = [((), f"is made of more than {MAX_SCHEMAS:,} schemas, each counted as often as it is referred to")]
        elif ways(root, root) > MAX_WAYS:
            found = [((), f"one value may have to be judged by more than {MAX_WAYS} schemas")]
    yield from found


def _keywords(root: dict[str, Any], at: tuple[Step, ...]) -> Iterator[Problem]:
    """Of every schema within, wherever it is."""
    waiting: list[tuple[tuple[Step, ...], Any]] = [(at, root)]
    while waiting:
        steps, schema = waiting.pop(0)
        if isinstance(schema, bool):
            continue
        if not isinstance(schema, dict):
            yield steps, "is no schema: an object, true or false is one"
            continue
        if len(steps) > 2 * MAX_DEPTH:
            yield steps, "is nested too deep"
            continue
        for keyword in schema:
            if keyword not in KEYWORDS and not keyword.startswith("x-"):
                yield (*steps, keyword), "is no keyword that can be used here (one of your own begins with x-)"
        if schema.get("$schema", DIALECT) not in (DIALECT, f"{DIALECT}#"):
            yield (*steps, "$schema"), f"must be {DIALECT}, or left out"
        if "$ref" in schema and not _is_there(root, schema["$ref"]):
            yield (*steps, "$ref"), "must lead to a schema in this one, such as #/$defs/sku"
        waiting += [((*steps, *child.steps), child.schema) for child in children(schema)]


def _is_there(root: dict[str, Any], reference: object) -> bool:
    try:
        return isinstance(referred(root, reference), dict | bool)
    except (LookupError, TypeError, ValueError):
        return False


def _size(root: dict[str, Any], schema: Any, above: tuple[int, ...], room: int) -> tuple[int, Problem | None]:
    """How many schemas it is made of, as far as `room` goes; a schema that refers to one it lies in has no size."""
    if not isinstance(schema, dict) or room < 0:
        return 1, None
    if id(schema) in above:
        return 1, ((), "refers to itself; write out as many levels as there are")
    size = 1
    inner = [child.schema for child in children(schema) if child.applies != "defined"]
    if "$ref" in schema:
        inner.append(referred(root, schema["$ref"]))
    for one in inner:
        more, problem = _size(root, one, (*above, id(schema)), room - size)
        if problem:
            return size, problem
        size += more
    return size, None


def _path(steps: tuple[Step, ...]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
