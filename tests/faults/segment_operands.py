"""What conditions compare with what, and which events and times they speak of, drawn to fit a history."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.segment_happenings import Happening
from tests.faults.segment_histories import NAMES
from tests.faults.segment_values import milliseconds

WINDOWS = ("30m", "90m", "12h", "24h")
ORDERS = ("equals", "not_equals", "greater_than", "at_least", "less_than", "at_most", "between")
INSTANT_ORDERS = ("within_last", "older_than", "before", "after")
#: beside a date: an instant in the middle of what happens, a date, one with an offset
BORDERS = ("2025-06-13T03:06:40Z", "2025-06-13", "2025-06-13T09:36:40.000+06:00")

#: operator → (which values it is tried on, what it may compare them with)
OPERANDS: dict[str, tuple[tuple[str, Any], ...]] = {
    "equals": (("number", 2), ("text", "alpha"), ("items", ["a"]), ("number", True)),
    "not_equals": (("number", 2), ("text", "alpha"), ("items", ["a", "b"])),
    "greater_than": (("number", 1), ("text", "alpha")),
    "at_least": (("number", 2), ("text", "alpha")),
    "less_than": (("number", 2), ("text", "alpha")),
    "at_most": (("number", 2), ("text", "alpha")),
    "between": (("number", [1, 2]), ("text", ["alpha", "beta"]), ("number", [2, 2])),
    "in": (("number", [1, 3]), ("text", ["alpha", 7])),
    "not_in": (("number", [1, 3]), ("text", ["alpha", 7])),
    "contains": (("items", "a"), ("text", "pha"), ("items", 1)),
    "not_contains": (("items", "a"), ("text", "pha"), ("items", 1)),
    "starts_with": (("text", "al"), ("items", "a")),
    "ends_with": (("text", "eta"), ("items", "b")),
    "is_set": (("number", None), ("items", None)),
    "is_not_set": (("number", None), ("items", None)),
    "is_empty": (("items", None), ("text", None)),
    "is_not_empty": (("items", None), ("text", None)),
    **{operator: tuple(("date", border) for border in BORDERS) for operator in ("before", "after")},
    **{
        operator: tuple(("date", width) for width in WINDOWS)
        for operator in ("within_last", "older_than", "within_next")
    },
}
RELATIVE = {"within_last", "older_than", "within_next"}


@dataclass
class Drawn:
    """What has happened, and the definitions that have come about beside the one being drawn."""

    history: list[Happening]
    segments: dict[str, Any] = field(default_factory=dict)
    computed: dict[str, Any] = field(default_factory=dict)
    #: of the events that are asked about; none: of those that happened
    names: tuple[str, ...] = ()
    #: windows as wide as two things that happened lie apart, or any
    widths: tuple[str, ...] = WINDOWS

    def __post_init__(self) -> None:
        happened = {one.name for one in self.history}
        self.names = self.names or tuple(name for name in NAMES if name in happened) or NAMES
        times = {one.time for one in self.history}
        apart = (width for width in WINDOWS if any(time + milliseconds(width) in times for time in times))
        self.widths = tuple(apart) or WINDOWS

    def some_instant(self, rng: Random) -> int:
        return rng.choice(self.history).time + rng.choice([0, 0, 5_400_000, 43_200_000])


def tested(rng: Random, operator: str) -> tuple[str, dict[str, Any]]:
    """Which values are tested, and the test."""
    kind, value = rng.choice(OPERANDS[operator])
    return kind, {"operator": operator, **({} if value is None else {"value": value})}


def event_filter(rng: Random, names: tuple[str, ...], operator: str | None = None) -> dict[str, Any]:
    """Events of a name, now and then with tests of their properties."""
    if operator is None and rng.random() < 0.7:
        return {"event": rng.choice(names)}
    plain = sorted(OPERANDS.keys() - RELATIVE)
    kind, test = tested(rng, operator or rng.choice(plain))
    return {"event": rng.choice(names), "where": [{"property": kind, **test}]}


def in_time(rng: Random, around: Drawn, time: str) -> dict[str, Any]:
    return {} if time == "ever" else {time: width_of(rng, around)}


def width_of(rng: Random, around: Drawn) -> str:
    """Mostly what lies between two things that happened: then one of them runs out as the other comes."""
    return rng.choice(around.widths if rng.random() < 0.7 else WINDOWS)
