"""Which conditions without parts exclude each other, for certain; what `contradictions` goes by. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.conditions import (
    ConsentTest,
    FirstPerformed,
    Frequency,
    LastPerformed,
    Performed,
    RandomBucket,
    Recency,
    ScoreTest,
    TraitTest,
    milliseconds,
)
from attune.domain.profiles.activity import ORDER
from attune.domain.profiles.consent import SEGMENT
from attune.domain.segments.comparisons import RELATIVE, compile_comparison, is_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.domain.definitions.conditions import Condition

_FOREVER: Final = 1 << 62
_UNSET: Final = "is_not_set"
#: ordered operators: which bound they give, and whether the bound itself is meant
_BOUNDS: Final = {"at_least": (0, True), "greater_than": (0, False), "at_most": (1, True), "less_than": (1, False)}


@dataclass(frozen=True, slots=True)
class Literal:
    """A condition without parts of its own, or its opposite."""

    condition: Condition
    holds: bool = True


@dataclass(frozen=True, slots=True)
class _Count:
    """From `low` to `high` events of a kind are so old: `youngest` <= age in ms < `oldest`."""

    what: Any
    youngest: int
    oldest: int
    low: int
    high: int


def contradict(literals: Sequence[Literal]) -> bool:
    """Whether it is certain that these never hold at once."""
    opposites = any(
        one.condition == other.condition and one.holds and not other.holds for one in literals for other in literals
    )
    # without consent to it nobody is in any segment
    refused = any(not one.holds and one.condition == ConsentTest(purpose=SEGMENT) for one in literals)
    return opposites or refused or _values(literals) or _counts(literals) or _lots(literals)


def _values(literals: Sequence[Literal]) -> bool:
    """Tests of one trait, or of what one model says, that exclude each other."""
    by_subject: dict[tuple[str, str], list[Literal]] = {}
    for one in literals:
        match one.condition:
            case TraitTest():
                by_subject.setdefault(("trait", one.condition.trait), []).append(one)
            case ScoreTest():
                by_subject.setdefault((one.condition.of, one.condition.model), []).append(one)
            case _:
                continue
    return any(_exclude(tests) for tests in by_subject.values())


def _exclude(tests: Sequence[Any]) -> bool:
    candidates = _candidates(tests)
    if candidates is not None:
        return not any(all(_agrees(one, value) for one in tests) for value in candidates)
    return _out_of_bounds(tests)


def _candidates(tests: Sequence[Any]) -> list[Any] | None:
    """The only values that it can be; None: any."""
    for one in tests:
        operator, value = one.condition.operator, one.condition.value
        if (operator, one.holds) in {("equals", True), ("not_equals", False)}:
            return [value]
        if (operator, one.holds) in {("in", True), ("not_in", False)}:
            return list(value)
        if (operator, one.holds) in {(_UNSET, True), ("is_set", False)}:
            return [None]
    return None


def _agrees(one: Any, value: Any) -> bool:
    """Whether a test may hold of the value; of one that ages nothing is certain."""
    operator = one.condition.operator
    if operator in RELATIVE and value is not None:
        return True
    return compile_comparison(operator, one.condition.value)(value, 0) is bool(one.holds)


def _out_of_bounds(tests: Sequence[Any]) -> bool:
    """Bounds between which nothing lies, or only what is excluded as a whole."""
    low, high = _tightest(tests, 0), _tightest(tests, 1)
    if low is not None and high is not None:
        if not _alike(low[0], high[0]):
            return True  # a number and a text at once
        if low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1])):
            return True
    return (low or high) is not None and any(_covers(one.condition, low, high) for one in tests if not one.holds)


def _tightest(tests: Sequence[Any], side: int) -> tuple[Any, bool] | None:
    """The highest lower bound, or the lowest upper one, and whether the bound itself is meant; of the first kind."""
    bounds = [found for one in tests if one.holds for found in _bounds_of(one.condition) if found[0] == side]
    alike = [(value, meant) for _, value, meant in bounds if _alike(value, bounds[0][1])]
    if side == 0:
        return max(alike, key=lambda bound: (bound[0], not bound[1]), default=None)
    return min(alike, default=None)


def _bounds_of(test: Any) -> Iterator[tuple[int, Any, bool]]:
    if test.operator in _BOUNDS:
        side, meant = _BOUNDS[test.operator]
        yield side, test.value, meant
    elif test.operator == "between":
        yield 0, test.value[0], True
        yield 1, test.value[1], True


def _covers(test: Any, low: tuple[Any, bool] | None, high: tuple[Any, bool] | None) -> bool:
    """Whether everything within the bounds passes the test, so that its opposite fails."""
    bounds = list(_bounds_of(test))
    if not bounds:
        return False
    for side, value, meant in bounds:
        given = low if side == 0 else high
        if given is None or not _alike(given[0], value):
            return False
        inner = given[0] > value if side == 0 else given[0] < value
        if not (inner or (given[0] == value and (meant or not given[1]))):
            return False
    return True


def _alike(one: Any, other: Any) -> bool:
    return (is_number(one) and is_number(other)) or (isinstance(one, str) and isinstance(other, str))


# --------------------------------------------------------------------------------------------- counts and lots


def _counts(literals: Sequence[Literal]) -> bool:
    """More events of a kind in a part of a time than in all of it."""
    known = [count for one in literals for count in _counts_of(one)]
    if any(one.low > one.high for one in known):
        return True
    return any(
        part.low > whole.high
        for part in known
        for whole in known
        if part.what == whole.what and part.youngest >= whole.youngest and part.oldest <= whole.oldest
    )


def _counts_of(one: Literal) -> list[_Count]:
    """What it says of how many events there are; nothing where that is no range."""
    match one.condition:
        case Performed(exactly=exactly) as asked if exactly is not None:
            low, high = exactly, exactly
        case Performed() as asked:
            plain = asked.at_least is None and asked.at_most is None
            low = 1 if plain else asked.at_least or 0
            high = _FOREVER if asked.at_most is None else asked.at_most
        case Frequency() as asked:
            return _ranged((ORDER, ()), (0, _age(asked.within)), _range_of(asked), holds=one.holds)
        case FirstPerformed() | LastPerformed() | Recency() as asked:
            return _counts_of_moment(asked, holds=one.holds)
        case _:
            return []
    ages = (milliseconds(asked.outside) if asked.outside else 0, _age(asked.within))
    return _ranged((asked.event, asked.where), ages, (low, high), holds=one.holds)


def _ranged(what: Any, ages: tuple[int, int], bounds: tuple[int, int] | None, *, holds: bool) -> list[_Count]:
    if bounds is None:
        return []
    low, high = bounds
    if not holds:
        if low > 0 and high < _FOREVER:
            return []  # fewer or more: no range
        low, high = (0, low - 1) if low > 0 else (high + 1, _FOREVER)
    return [_Count(what, *ages, low, high)]


def _range_of(asked: Frequency) -> tuple[int, int] | None:
    if asked.operator == "between":
        return asked.value[0], asked.value[1]
    ranges = {
        "at_least": (asked.value, _FOREVER),
        "greater_than": (asked.value + 1, _FOREVER),
        "at_most": (0, asked.value),
        "less_than": (0, asked.value - 1),
        "equals": (asked.value, asked.value),
    }
    return ranges.get(asked.operator)


def _counts_of_moment(asked: FirstPerformed | LastPerformed | Recency, *, holds: bool) -> list[_Count]:
    """The last one within a time: one lies in it. Older than that: there is one, and none in the time."""
    what = (ORDER, ()) if isinstance(asked, Recency) else (asked.event, asked.where)
    if asked.operator not in {"within_last", "older_than"}:
        return [_Count(what, 0, _FOREVER, 1, _FOREVER)] if holds else []
    length = milliseconds(asked.value)
    young, old = (0, length), (length, _FOREVER)
    decisive = old if isinstance(asked, FirstPerformed) else young
    is_there = (asked.operator == "older_than") == isinstance(asked, FirstPerformed)
    if is_there:
        return _ranged(what, decisive, (1, _FOREVER), holds=holds)
    return [_Count(what, *decisive, 0, 0), _Count(what, 0, _FOREVER, 1, _FOREVER)] if holds else []


def _age(within: str | None) -> int:
    return milliseconds(within) if within else _FOREVER


def _lots(literals: Sequence[Literal]) -> bool:
    """Shares drawn by the same salt of which nobody is in all."""
    left: dict[str, set[int]] = {}
    for one in literals:
        if isinstance(one.condition, RandomBucket):
            drawn = set(range(round(one.condition.low * 100), round(one.condition.high * 100)))
            everybody = set(range(10_000))
            still = left.setdefault(one.condition.salt, everybody)
            left[one.condition.salt] = still & (drawn if one.holds else everybody - drawn)
    return any(not one for one in left.values())
