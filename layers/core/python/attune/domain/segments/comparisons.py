"""Tests of one value: an event's property, a profile's trait, a figure. What each operator means: docs/segments.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.conditions import instant, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune.domain.definitions.conditions import PropertyTest

type Test = Callable[[dict[str, Any]], bool]
#: of a value as of an instant
type Comparison = Callable[[Any, int], bool]

#: operators whose answer depends on the instant that is asked about; their value is a duration
RELATIVE: Final = frozenset({"within_last", "older_than", "within_next"})

_INDEX: Final = re.compile(r"[0-9]{1,5}")


def lookup(data: Any, path: str) -> Any:
    """The value at a dotted path (`products.0.sku`), or None where the path leads nowhere."""
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and _INDEX.fullmatch(step) and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def lookup_all(data: Any, path: str) -> list[Any]:
    """All values at a dotted path in which `*` stands for every element of a list (`products.*.sku`)."""
    found = [data]
    for step in path.split("."):
        if step == "*":
            found = [item for one in found if isinstance(one, list) for item in one]
        else:
            found = [lookup(one, step) for one in found]
    return found


def compile_comparison(operator: str, wanted: Any) -> Comparison:
    """Whether a value stands in the relation to `wanted`, as of an instant."""
    if operator in RELATIVE:
        return _relative(operator, milliseconds(wanted))
    relation = _OPERATORS[operator]
    if operator in {"before", "after"}:
        wanted = instant(wanted)
    if operator in {"in", "not_in"} and all(type(one) in _SCALARS for one in wanted):
        several, among = frozenset(wanted), operator == "in"
        return lambda actual, _at: (type(actual) in _SCALARS and actual in several) == among
    return lambda actual, _at: relation(actual, wanted)


def turning_points(operator: str, wanted: Any, actual: Any) -> Iterable[int]:
    """The instants at which time alone changes what a relative operator answers of `actual`."""
    if operator not in RELATIVE or (time := instant(actual)) is None:
        return ()
    length = milliseconds(wanted)
    return (time - length, time) if operator == "within_next" else (time, time + length)


def compile_tests(tests: tuple[PropertyTest, ...]) -> Test:
    """All tests as one function of an event's properties."""
    match [_compile_test(test) for test in tests]:
        case []:
            return lambda _: True
        case [only]:
            return only
        case [one, other]:
            return lambda properties: one(properties) and other(properties)
        case [one, other, third]:
            return lambda properties: one(properties) and other(properties) and third(properties)
        case parts:
            return lambda properties: all(part(properties) for part in parts)


def _compile_test(test: PropertyTest) -> Test:
    path, wanted = test.property, test.value
    if "." not in path and (plain := _plain_test(test.operator, path, wanted)) is not None:
        return plain
    relation = _OPERATORS[test.operator]
    if test.operator in {"before", "after"}:
        wanted = instant(wanted)
    return lambda properties: relation(lookup(properties, path), wanted)


def _plain_test(operator: str, name: str, wanted: Any) -> Test | None:
    """Of what most tests are, the same without detours: numbers in order, and one or some of texts and numbers."""
    if operator == "at_least" and is_number(wanted):
        return lambda said: type(value := said.get(name)) in _NUMBERS and value >= wanted
    if operator == "at_most" and is_number(wanted):
        return lambda said: type(value := said.get(name)) in _NUMBERS and value <= wanted
    if operator == "equals" and type(wanted) in _SCALARS:
        return lambda said: type(value := said.get(name)) in _SCALARS and value == wanted
    if operator == "in" and all(type(one) in _SCALARS for one in wanted):
        several = frozenset(wanted)
        return lambda said: type(value := said.get(name)) in _SCALARS and value in several
    return None


def _relative(operator: str, length: int) -> Comparison:
    def compared(actual: Any, at: int) -> bool:
        time = instant(actual)
        if time is None:
            return False
        if operator == "within_last":
            return at - length < time <= at
        return time <= at - length if operator == "older_than" else at < time <= at + length

    return compared


def is_number(value: Any) -> bool:
    """Whether it is one; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(actual: Any, wanted: Any) -> bool:
    """Equality without Python's True == 1, also within lists and objects."""
    if isinstance(actual, list | tuple) and isinstance(wanted, list | tuple):
        return len(actual) == len(wanted) and all(map(_same, actual, wanted))
    if isinstance(actual, dict) and isinstance(wanted, dict):
        return actual.keys() == wanted.keys() and all(_same(actual[name], wanted[name]) for name in actual)
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)


def _ordered(relation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(actual: Any, wanted: Any) -> bool:
        numbers = is_number(actual) and is_number(wanted)
        return (numbers or (isinstance(actual, str) and isinstance(wanted, str))) and relation(actual, wanted)

    return compared


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(wanted, str) and wanted in actual
    return isinstance(actual, list) and any(_same(item, wanted) for item in actual)


def _in(actual: Any, wanted: Any) -> bool:
    return isinstance(wanted, list | tuple) and any(_same(actual, item) for item in wanted)


def _empty(actual: Any) -> bool:
    return actual is None or (isinstance(actual, str | list | dict) and not actual)


def _texts(relation: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda actual, wanted: isinstance(actual, str) and isinstance(wanted, str) and relation(actual, wanted)


def _instants(relation: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    def compared(actual: Any, wanted: int | None) -> bool:
        time = instant(actual)
        return time is not None and wanted is not None and relation(time, wanted)

    return compared


_AT_LEAST: Final = _ordered(lambda actual, wanted: actual >= wanted)
_AT_MOST: Final = _ordered(lambda actual, wanted: actual <= wanted)
_NUMBERS: Final = frozenset({int, float})
_SCALARS: Final = frozenset({int, float, str})

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "equals": _same,
    "not_equals": lambda actual, wanted: not _same(actual, wanted),
    "greater_than": _ordered(lambda actual, wanted: actual > wanted),
    "at_least": _AT_LEAST,
    "less_than": _ordered(lambda actual, wanted: actual < wanted),
    "at_most": _AT_MOST,
    "between": lambda actual, wanted: _AT_LEAST(actual, wanted[0]) and _AT_MOST(actual, wanted[1]),
    "in": _in,
    "not_in": lambda actual, wanted: not _in(actual, wanted),
    "contains": _contains,
    "not_contains": lambda actual, wanted: not _contains(actual, wanted),
    "starts_with": _texts(str.startswith),
    "ends_with": _texts(str.endswith),
    "is_set": lambda actual, _: actual is not None,
    "is_not_set": lambda actual, _: actual is None,
    "is_empty": lambda actual, _: _empty(actual),
    "is_not_empty": lambda actual, _: not _empty(actual),
    "before": _instants(lambda time, wanted: time < wanted),
    "after": _instants(lambda time, wanted: time > wanted),
}
