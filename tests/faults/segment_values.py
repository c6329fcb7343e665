"""What values mean to the operators of docs/segments.md: written from its English, imports nothing of what it judges.

Times are ms. What is not there is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

DAY = 86_400_000
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": DAY}
_DURATION = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
)
#: of a text that is kept
KEPT = 64
LARGEST = 1_000_000_000
MILLION = 1_000_000


def is_duration(value: object) -> bool:
    """Whether it is a text such as `24h`."""
    return isinstance(value, str) and _DURATION.fullmatch(value) is not None


def milliseconds(text: str) -> int:
    """`24h` → 86,400,000."""
    found = _DURATION.fullmatch(text)
    assert found is not None, text
    return int(found[1]) * _UNITS[found[2]]


def instant(value: object) -> int | None:
    """Milliseconds of an ISO 8601 date or date-time, without an offset UTC; None if it is neither."""
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        whole = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    moved = 0
    if offset and offset != "Z":
        sign = -1 if offset[0] == "-" else 1
        moved = sign * (int(offset[1:3]) * 60 + int(offset[4:6])) * 60_000
    return int(whole.timestamp()) * 1_000 + int((fraction or "0").ljust(6, "0")[:3]) - moved


def is_number(value: object) -> bool:
    """True and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def millionths(value: object) -> int | None:
    """A number, or a text that spells one, in millionths; None if it is neither or too large."""
    if is_number(value) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        exact = Decimal(str(value))
        if abs(exact) <= LARGEST:
            return int((exact * MILLION).to_integral_value(ROUND_HALF_EVEN))
    return None


def kept(value: object) -> str | int | float | None:
    """A property's value where values are told apart: a text, cut, or a number."""
    if isinstance(value, str):
        return value[:KEPT]
    return value if isinstance(value, int | float) and is_number(value) else None


def found_at(properties: Any, path: str) -> Any:
    """What lies at a dotted path; None if nothing does."""
    here = properties
    for step in path.split("."):
        if isinstance(here, Mapping):
            here = here.get(step)
        elif isinstance(here, list | tuple) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return here


def all_found_at(properties: Any, path: str) -> list[Any]:
    """What lies at a dotted path, in which `*` stands for every element of a list."""
    head, _, rest = path.partition(".*")
    here = found_at(properties, head)
    if not rest and "*" not in path:
        return [here]
    elements = list(here) if isinstance(here, list | tuple) else []
    return [value for one in elements for value in (all_found_at(one, rest[1:]) if rest else [one])]


def compare(operator: str, actual: Any, wanted: Any, at: int) -> bool:
    """Whether `actual`, which may be nothing, stands to `wanted` as the operator says; dates as of `at`."""
    if operator.startswith("not_"):
        return not compare(operator.removeprefix("not_"), actual, wanted, at)
    if operator in _PLAIN:
        return _PLAIN[operator](actual, wanted)
    if operator in {"greater_than", "at_least", "less_than", "at_most", "between"}:
        return ordered(operator, actual, wanted)
    return compare_instants(operator, instant(actual), wanted, at)


def ordered(operator: str, actual: Any, wanted: Any) -> bool:
    """Numbers with numbers, texts with texts, by code point."""
    if operator == "between":
        return ordered("at_least", actual, wanted[0]) and ordered("at_most", actual, wanted[1])
    both = (actual, wanted)
    if not (all(isinstance(one, str) for one in both) or all(is_number(one) for one in both)):
        return False
    return bool(
        {
            "greater_than": actual > wanted,
            "at_least": actual >= wanted,
            "less_than": actual < wanted,
            "at_most": actual <= wanted,
        }[operator]
    )


def compare_figures(operator: str, figure: float | None, wanted: Any) -> bool:
    """A figure that has no value compares with nothing."""
    if figure is None:
        return False
    if operator in {"equals", "not_equals"}:
        return bool(figure == wanted) == (operator == "equals")
    return ordered(operator, figure, wanted)


def compare_instants(operator: str, time: int | None, wanted: Any, at: int) -> bool:
    """Dates with dates; no date stands in any relation."""
    if time is None:
        return False
    if operator in {"before", "after"}:
        border = instant(wanted)
        assert border is not None, wanted
        return time < border if operator == "before" else time > border
    width = milliseconds(wanted)
    match operator:
        case "within_last":
            return at - width < time <= at
        case "older_than":
            return time <= at - width
        case "within_next":
            return at < time <= at + width
        case _:
            raise ValueError(operator)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other and one is not None
    if is_number(one) or is_number(other):
        return is_number(one) and is_number(other) and bool(one == other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one)
    return isinstance(one, str) and isinstance(other, str) and one == other


def _contains(actual: Any, wanted: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(wanted, str) and wanted in actual
    return isinstance(actual, list | tuple) and any(_equal(one, wanted) for one in actual)


def _ends_with(actual: Any, wanted: str) -> bool:
    return isinstance(actual, str) and len(actual) >= len(wanted) and actual[len(actual) - len(wanted) :] == wanted


def _is_empty(actual: Any) -> bool:
    return actual is None or (isinstance(actual, str | list | tuple | dict) and len(actual) == 0)


_PLAIN: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _equal,
    "in": lambda actual, wanted: any(_equal(actual, one) for one in wanted),
    "contains": _contains,
    "starts_with": lambda actual, wanted: isinstance(actual, str) and actual[: len(wanted)] == wanted,
    "ends_with": _ends_with,
    "is_set": lambda actual, _: actual is not None,
    "is_not_set": lambda actual, _: actual is None,
    "is_empty": lambda actual, _: _is_empty(actual),
    "is_not_empty": lambda actual, _: not _is_empty(actual),
}
