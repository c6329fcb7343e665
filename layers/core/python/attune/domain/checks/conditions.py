"""What types cannot say of a single condition: that what it names and compares makes sense.

Every problem is one line, `<JSON path>: <what is wrong>`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

from attune.domain.definitions.conditions import (
    MAX_COUNT,
    Abandoned,
    Aggregate,
    Condition,
    Dwelled,
    EventFilter,
    FirstPerformed,
    Frequency,
    LastPerformed,
    Monetary,
    NumberOperator,
    Performed,
    PropertyTest,
    RandomBucket,
    Recency,
    ScoreTest,
    Sequence,
    TraitTest,
    instant,
    milliseconds,
)
from attune.domain.learning.models import MODELS, NUMERIC
from attune.domain.segments.abandonment import ABANDONED_LIFETIME
from attune.domain.segments.comparisons import RELATIVE, is_number

#: items that a value is looked for among
MAX_LIST: Final = 1_000
#: characters of the name of an event, a property, a key
MAX_NAME: Final = 256

_WITHOUT_VALUE: Final = frozenset({"is_set", "is_not_set", "is_empty", "is_not_empty"})
_ORDERED: Final = frozenset({"greater_than", "at_least", "less_than", "at_most"})
_TEXTUAL: Final = frozenset({"starts_with", "ends_with"})
_DATES: Final = frozenset({"before", "after"})


def condition_problems(path: str, condition: Condition) -> Iterator[str]:
    """Of one condition, its parts aside."""
    match condition:
        case Performed():
            yield from event_problems(path, condition)
            yield from _counts(path, condition)
        case FirstPerformed() | LastPerformed():
            yield from event_problems(path, condition)
            yield from operand_problems(path, condition.operator, condition.value)
        case Aggregate():
            yield from event_problems(path, condition)
            yield from property_problems(path, condition.property)
            yield from optional_duration_problems(f"{path}.within", condition.within)
            yield from _number_operand(path, condition.operator, condition.value)
            if condition.function == "distinct":
                yield from _cap(path, condition.value)
        case Sequence():
            for index, step in enumerate(condition.steps):
                yield from event_problems(f"{path}.steps[{index}]", step)
            yield from duration_problems(f"{path}.span", condition.span, least=1)
            yield from duration_problems(f"{path}.within", condition.within, least=1)
        case Dwelled():
            yield from _dwelled(path, condition)
        case Abandoned():
            yield from _abandoned(path, condition)
        case Recency() | Frequency() | Monetary():
            yield from _worth(path, condition)
        case _:
            yield from _standing(path, condition)


def duration_problems(path: str, text: str, *, least: int, below: int | None = None) -> Iterator[str]:
    """Of a duration that must not be shorter than `least` ms, and be shorter than `below`."""
    try:
        length = milliseconds(text)
    except ValueError:
        yield f"{path}: is not a duration such as 20s, 15m, 24h or 30d"
        return
    if length < least:
        yield f"{path}: must be longer than nothing"
    if below is not None and length >= below:
        yield f"{path}: must be shorter than 30 days, after which an abandoned thing is forgotten"


def is_duration(text: str) -> bool:
    """Whether it is one that is longer than nothing."""
    return not list(duration_problems("", text, least=1))


def operand_problems(path: str, operator: str, value: Any) -> Iterator[str]:
    """Of what a comparison compares with."""
    if operator in _WITHOUT_VALUE:
        if value is not None:
            yield f"{path}.value: `{operator}` takes no value"
    elif value is None:
        yield f"{path}.value: `{operator}` needs a value"
    elif operator in {"in", "not_in"}:
        yield from _several(path, operator, value)
    elif operator in _ORDERED and not (is_number(value) or isinstance(value, str)):
        yield f"{path}.value: `{operator}` needs a number or a text"
    elif operator == "between":
        yield from _bounds(path, value)
    elif operator in _TEXTUAL and not isinstance(value, str):
        yield f"{path}.value: `{operator}` needs a text"
    elif operator in _DATES and instant(value) is None:
        yield f"{path}.value: `{operator}` needs a date such as 2026-03-01 or 2026-03-01T09:00:00Z"
    elif operator in RELATIVE:
        yield from duration_problems(f"{path}.value", str(value), least=1)


def _several(path: str, operator: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"{path}.value: `{operator}` needs a list"
    elif len(value) > MAX_LIST:
        yield f"{path}.value: has more than {MAX_LIST} items"


def _standing(path: str, condition: Condition) -> Iterator[str]:
    match condition:
        case TraitTest():
            if not condition.trait.strip():
                yield f"{path}.trait: names no trait"
            yield from operand_problems(path, condition.operator, condition.value)
        case ScoreTest():
            yield from _score(path, condition)
        case RandomBucket():
            for field, percent in (("low", condition.low), ("high", condition.high)):
                if round(percent * 100) != round(percent * 100, 6):
                    yield f"{path}.{field}: has more than two decimals"
            if condition.low >= condition.high:
                yield f"{path}.high: must be greater than low, or nobody is drawn"
        case _:
            return


def _score(path: str, condition: ScoreTest) -> Iterator[str]:
    if condition.model not in MODELS:
        yield f"{path}.model: there is no model `{condition.model}`; known are {', '.join(MODELS)}"
    if condition.of == "percentile":
        yield from _percentile(path, condition)
    else:
        yield from operand_problems(path, condition.operator, condition.value)


def _percentile(path: str, condition: ScoreTest) -> Iterator[str]:
    if condition.model in MODELS and condition.model not in NUMERIC:
        yield f"{path}.of: `{condition.model}` says names, which have no percentile"
    if condition.operator not in get_args(NumberOperator):
        yield f"{path}.operator: a percentile is a number; `{condition.operator}` compares none"
        return
    problems = list(_number_operand(path, condition.operator, condition.value))
    yield from problems
    bounds = condition.value if isinstance(condition.value, list | tuple) else [condition.value]
    if not problems and not all(0 <= bound <= 100 for bound in bounds):  # noqa: PLR2004 - percent
        yield f"{path}.value: a percentile lies between 0 and 100"


def _worth(path: str, condition: Recency | Frequency | Monetary) -> Iterator[str]:
    if isinstance(condition, Recency):
        yield from duration_problems(f"{path}.value", condition.value, least=1)
        return
    yield from optional_duration_problems(f"{path}.within", condition.within)
    operand = _count_operand if isinstance(condition, Frequency) else _number_operand
    yield from operand(path, condition.operator, condition.value)


def _counts(path: str, condition: Performed) -> Iterator[str]:
    for field, duration in (("within", condition.within), ("outside", condition.outside)):
        yield from optional_duration_problems(f"{path}.{field}", duration)
    if condition.within is not None and condition.outside is not None:
        yield f"{path}.outside: `within` and `outside` exclude each other"
    bounds = [count for count in (condition.at_least, condition.at_most) if count is not None]
    if condition.exactly is not None and bounds:
        yield f"{path}.exactly: stands alone, without `at_least` and `at_most`"
    if len(bounds) > 1 and bounds[0] > bounds[1]:
        yield f"{path}.at_least: is greater than `at_most`, so the condition can never hold"
    if bounds == [0] and condition.at_least == 0:
        yield f"{path}.at_least: always holds of 0"


def _dwelled(path: str, condition: Dwelled) -> Iterator[str]:
    yield from event_problems(path, condition)
    for index, name in enumerate(condition.next):
        yield from event_name_problems(f"{path}.next[{index}]", name)
    lengths = {}
    for field in ("at_least", "at_most", "within"):
        text = getattr(condition, field)
        problems = list(duration_problems(f"{path}.{field}", text, least=1))
        yield from problems
        if not problems:
            lengths[field] = milliseconds(text)
    if lengths.get("at_least", 0) > lengths.get("at_most", 1 << 62):
        yield f"{path}.at_least: is longer than `at_most`, so the condition can never hold"


def _abandoned(path: str, condition: Abandoned) -> Iterator[str]:
    if condition.key is not None and (len(condition.key) > MAX_NAME or not all(condition.key.strip().split("."))):
        yield f"{path}.key: names no property"
    for field, filters in (("did", condition.did), ("without", condition.without)):
        for index, filtered in enumerate(filters):
            yield from event_problems(f"{path}.{field}[{index}]", filtered)
            if filtered.key is not None and condition.key is None:
                yield f"{path}.{field}[{index}].key: the condition itself has no key"
            elif filtered.key is not None and (len(filtered.key) > MAX_NAME or not all(filtered.key.split("."))):
                yield f"{path}.{field}[{index}].key: is not a dotted path"
    yield from duration_problems(f"{path}.after", condition.after, least=1, below=ABANDONED_LIFETIME)


def event_problems(
    path: str, filtered: EventFilter | Performed | FirstPerformed | LastPerformed | Aggregate | Dwelled
) -> Iterator[str]:
    """Of the events that something is about."""
    yield from event_name_problems(f"{path}.event", filtered.event)
    for index, test in enumerate(filtered.where):
        yield from property_problems(f"{path}.where[{index}]", test.property)
        yield from _property_test(f"{path}.where[{index}]", test)


def event_name_problems(path: str, name: str) -> Iterator[str]:
    """Of an event's name."""
    if len(name) > MAX_NAME:
        yield f"{path}: is longer than {MAX_NAME} characters"
    if not name.strip():
        yield f"{path}: names no event"
    if name.startswith("$"):
        yield f"{path}: names that begin with $ are Attune's own"


def property_problems(path: str, name: str) -> Iterator[str]:
    """Of a property's path."""
    if len(name) > MAX_NAME:
        yield f"{path}.property: is longer than {MAX_NAME} characters"
    if not all(name.split(".")):
        yield f"{path}.property: is not a dotted path"
    if "*" in name.split("."):
        yield f"{path}.property: `*` is of a `key` only"


def _property_test(path: str, test: PropertyTest) -> Iterator[str]:
    if test.operator in RELATIVE:
        yield f"{path}.operator: `{test.operator}` is of a trait; what an event said does not age"
    else:
        yield from operand_problems(path, test.operator, test.value)


def _number_operand(path: str, operator: str, value: Any) -> Iterator[str]:
    if operator == "between":
        yield from _bounds(path, value)
    elif not is_number(value):
        yield f"{path}.value: needs a number"


def _count_operand(path: str, operator: str, value: Any) -> Iterator[str]:
    problems = list(_number_operand(path, operator, value))
    yield from problems
    if problems:
        return
    bounds = value if isinstance(value, list | tuple) else [value]
    if any(not isinstance(bound, int) or not 0 <= bound <= MAX_COUNT for bound in bounds):
        yield f"{path}.value: needs whole numbers from 0 to {MAX_COUNT}"
    elif operator == "less_than" and value == 0:
        yield f"{path}.value: nothing is less than 0, so the condition can never hold"


def _cap(path: str, value: Any) -> Iterator[str]:
    numbers = [bound for bound in (value if isinstance(value, list | tuple) else [value]) if is_number(bound)]
    if any(number > MAX_COUNT for number in numbers):
        yield f"{path}.value: no more than {MAX_COUNT} different values are counted"


def _bounds(path: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list | tuple) or len(value) != len(("low", "high")):
        yield f"{path}.value: `between` needs two values, the lower first"
        return
    low, high = value
    alike = (is_number(low) and is_number(high)) or (isinstance(low, str) and isinstance(high, str))
    if not alike:
        yield f"{path}.value: `between` needs two numbers or two texts"
    elif low > high:
        yield f"{path}.value: the first is greater than the second, so the condition can never hold"


def optional_duration_problems(path: str, text: str | None) -> Iterator[str]:
    """Of a duration that may be left out."""
    if text is not None:
        yield from duration_problems(path, text, least=1)
