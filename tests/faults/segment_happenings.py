"""What a person did and said, and what of it conditions look at: after docs/segments.md, importing nothing of the code.

Times are ms. Conditions and computations are taken as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.segment_values import all_found_at, compare, found_at, milliseconds

type Written = Mapping[str, Any]

ORDER = "Order Completed"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing a person did and said. What has no name was no doing of theirs: a model's or a list's word, or consent.

    `rank` says which of two in the same millisecond is the last. Traits of None are taken back.
    """

    time: int
    name: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    #: of these, by model, where it is said
    percentiles: Mapping[str, float] = field(default_factory=dict)
    consent: Mapping[str, bool] = field(default_factory=dict)
    lists: Mapping[str, bool] = field(default_factory=dict)
    rank: bytes = b""


#: in the order of time and rank
type History = Sequence[Happening]


@dataclass(frozen=True, slots=True)
class Around:
    """What a condition may refer to: other segments' conditions and the computations of traits, by id; whose it is.

    `kept`: how long traits are, by name; `*`: all others.
    """

    segments: Mapping[str, Written] = field(default_factory=dict)
    computed: Mapping[str, Written] = field(default_factory=dict)
    profile_id: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)


def past_of(history: Iterable[Happening], at: int) -> list[Happening]:
    """What has happened by `at`, in order."""
    return sorted((one for one in history if one.time <= at), key=lambda one: (one.time, one.rank))


def matching(wanted: Written, past: History) -> list[Happening]:
    """Events of that name that pass its tests."""
    tests = wanted.get("where", ())
    return [
        one
        for one in past
        if one.name
        and one.name == wanted["event"]
        and all(
            compare(test.get("operator", "equals"), found_at(one.properties, test["property"]), test.get("value"), 0)
            for test in tests
        )
    ]


def in_time(condition: Written, done: Sequence[Happening], at: int) -> Sequence[Happening]:
    """Those that lie in the time that the condition speaks of."""
    if "within" in condition:
        width = milliseconds(condition["within"])
        return [one for one in done if at - width < one.time <= at]
    if "outside" in condition:
        width = milliseconds(condition["outside"])
        return [one for one in done if one.time <= at - width]
    return done


def last_words(past: History, kind: str) -> dict[str, Any]:
    """What holds of each trait, model, purpose or list after everything that was said of it."""
    return {name: value for one in past for name, value in getattr(one, kind).items()}


def last_said(past: History, kept: Mapping[str, str], at: int) -> dict[str, Any]:
    """What holds of each trait at `at`: the last word on it, unless that is as old as it may become."""
    last = {name: (one.time, value) for one in past for name, value in one.traits.items()}
    found = {}
    for name, (time, value) in last.items():
        lasts = kept.get(name, kept.get("*"))
        if value is not None and (lasts is None or at - time < milliseconds(lasts)):
            found[name] = value
    return found


def things(one: Happening, path: str) -> set[str]:
    """What the event is about."""
    values = all_found_at(one.properties, path)
    spelt = [str(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values]
    return {value for value in spelt if isinstance(value, str) and 0 < len(value) <= 128 and "\x1f" not in value}
