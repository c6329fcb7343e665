"""Tests of one value: an event's property or a profile's trait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.domain.definitions import PropertyTest

type Test = Callable[[dict[str, Any]], bool]


def lookup(data: Any, path: str) -> Any:
    """The value at a dotted path (`products.0.sku`), or None where the path leads nowhere."""
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def compare(operator: str, actual: Any, wanted: Any) -> bool:
    """Whether `actual` stands in the relation to `wanted`; values of different kinds never do."""
    return _OPERATORS[operator](actual, wanted)


def compile_tests(tests: tuple[PropertyTest, ...]) -> Test:
    """All tests as one function of an event's properties."""
    parts = [(test.property, _OPERATORS[test.operator], test.value) for test in tests]
    return lambda properties: all(relation(lookup(properties, path), wanted) for path, relation, wanted in parts)


def _same(actual: Any, wanted: Any) -> bool:
    """Equality without Python's True == 1."""
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)


def _ordered(relation: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compared(actual: Any, wanted: Any) -> bool:
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (actual, wanted))
        return (numbers or (isinstance(actual, str) and isinstance(wanted, str))) and relation(actual, wanted)

    return compared


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(wanted, str) and wanted in actual
    return isinstance(actual, list) and any(_same(item, wanted) for item in actual)


def _empty(actual: Any) -> bool:
    return actual is None or (isinstance(actual, str | list | dict) and not actual)


_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "equals": _same,
    "not_equals": lambda actual, wanted: not _same(actual, wanted),
    "greater_than": _ordered(lambda actual, wanted: actual > wanted),
    "at_least": _ordered(lambda actual, wanted: actual >= wanted),
    "less_than": _ordered(lambda actual, wanted: actual < wanted),
    "at_most": _ordered(lambda actual, wanted: actual <= wanted),
    "contains": _contains,
    "in": lambda actual, wanted: isinstance(wanted, list | tuple) and any(_same(actual, item) for item in wanted),
    "is_set": lambda actual, _: actual is not None,
    "is_not_set": lambda actual, _: actual is None,
    "is_empty": lambda actual, _: _empty(actual),
    "is_not_empty": lambda actual, _: not _empty(actual),
}
