"""Conditions on how often something happened: events, sequences of events, and what was looked at for long."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.conditions import Dwelled, EventFilter, Frequency, Performed, Sequence, milliseconds
from attune.domain.profiles.activity import ORDER
from attune.domain.segments.nodes import Node, inverse, leaf
from attune.domain.segments.readings import Reading
from attune.domain.segments.slots import MAX_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.domain.definitions.conditions import Condition
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.slots import Slots

    #: the instants at which it happened, ascending
    type Times = Callable[[Profile], list[int]]

_NEVER: Final = -(1 << 62)


def performed(condition: Performed, slots: Slots) -> Node:
    """So many events within a time, longer ago than a time, or ever."""
    low, high = _range_of(condition)
    filters = (EventFilter(event=condition.event, where=condition.where),)
    return _counted(condition, filters, low, high, condition.within, condition.outside, slots)


def frequency(condition: Frequency, slots: Slots) -> Node:
    """So many orders."""
    low, high, inverted = _range_by(condition.operator, condition.value)
    node = _counted(condition, (EventFilter(event=ORDER),), low, high, condition.within, None, slots)
    if not inverted:
        return node
    return replace(inverse(condition, node), parts=(), evidence=node.evidence)


def sequence(condition: Sequence, slots: Slots) -> Node:
    """Steps one after the other within a span, completed within a time."""
    span, within = milliseconds(condition.span), milliseconds(condition.within)
    steps = [slots.marks((step,), MAX_STEPS, within + span) for step in condition.steps]

    def completed(profile: Profile) -> list[int]:
        windows = profile.windows
        done = [[mark.time for mark in windows.get(slot, ())[-MAX_STEPS:]] for slot in steps]
        return [last for last in done[-1] if _begun(done, last) >= last - span] if all(done) else []

    return _recent(condition, completed, 1, None, within, frozenset(steps))


def dwelled(condition: Dwelled, slots: Slots) -> Node:
    """Something was done, and for a time nothing that ends it; then it was ended."""
    least, most = milliseconds(condition.at_least), milliseconds(condition.at_most)
    within = milliseconds(condition.within)
    begun = slots.marks((EventFilter(event=condition.event, where=condition.where),), MAX_STEPS, within + most)
    ended = slots.marks(
        tuple(EventFilter(event=name) for name in sorted(set(condition.next))), MAX_STEPS, within + most
    )

    def completed(profile: Profile) -> list[int]:
        ends = [mark.time for mark in profile.windows.get(ended, ())[-MAX_STEPS:]]
        found = set()
        for mark in profile.windows.get(begun, ())[-MAX_STEPS:]:
            after = bisect_right(ends, mark.time)
            if after == 0 and len(ends) == MAX_STEPS:
                continue  # what ended it first may be forgotten
            if after < len(ends) and least <= ends[after] - mark.time <= most:
                found.add(ends[after])
        return sorted(found)

    return _recent(condition, completed, 1, None, within, frozenset({begun, ended}))


def _counted(
    condition: Performed | Frequency,
    filters: tuple[EventFilter, ...],
    low: int,
    high: int | None,
    within: str | None,
    outside: str | None,
    slots: Slots,
) -> Node:
    capacity = max(low, 1) if high is None else high + 1
    if within is None:
        slot = slots.marks(filters, capacity, None, oldest=True)
        ago = milliseconds(outside) if outside else 0
        return _past(condition, _times(slot), low, high, ago, frozenset({slot}))
    length = milliseconds(within)
    slot = slots.marks(filters, capacity, length)
    if high is None and low:
        return _at_least(condition, slot, low, length)
    return _recent(condition, _times(slot), low, high, length, frozenset({slot}))


def _times(slot: str) -> Times:
    return lambda profile: [mark.time for mark in profile.windows.get(slot, ())]


def _at_least(condition: Condition, slot: str, low: int, within: int) -> Node:
    """What most conditions are, without a list being made: it holds while the `low`-th newest is young enough."""

    def holds(profile: Profile, _key: str, at: int) -> bool:
        marks = profile.windows.get(slot)
        return marks is not None and len(marks) >= low and marks[-low].time > at - within

    def until(profile: Profile, _key: str, at: int) -> int | None:
        marks = profile.windows.get(slot)
        if marks is None or len(marks) < low:
            return None
        leaves = marks[-low].time + within
        return leaves if leaves > at else None

    def since(profile: Profile, key: str, at: int) -> int:
        marks = profile.windows.get(slot)
        if marks is not None and len(marks) == low and marks[-1].time == at and marks[0].time > at - within:
            return at  # this very event was the one that was wanting
        return general.since(profile, key, at)

    general = _recent(condition, _times(slot), low, None, within, frozenset({slot}))
    return replace(general, holds=holds, until=until, since=since)


def _recent(condition: Condition, times: Times, low: int, high: int | None, within: int, keys: frozenset[str]) -> Node:
    """From `low` to `high` of the times lie in (at - within, at]."""

    def count(profile: Profile, at: int) -> int:
        known = times(profile)
        return bisect_right(known, at) - bisect_right(known, at - within)

    def until(profile: Profile, at: int) -> int | None:
        young = [time for time in times(profile) if at - within < time <= at]
        if high is not None and len(young) > high:
            return young[len(young) - high - 1] + within if high >= low else None
        return young[len(young) - low] + within if 0 < low <= len(young) else None

    return leaf(
        condition,
        _between(count, low, high),
        lambda profile: [time + wait for time in times(profile) for wait in (0, within)],
        Reading(count, lambda _: (), keys, from_the_start=True),
        until,
    )


def _past(condition: Condition, times: Times, low: int, high: int | None, ago: int, keys: frozenset[str]) -> Node:
    """From `low` to `high` of the times lie at or before at - ago."""

    def count(profile: Profile, at: int) -> int:
        return bisect_right(times(profile), at - ago)

    def until(profile: Profile, at: int) -> int | None:
        known = times(profile)
        done = bisect_right(known, at - ago)
        decisive = low - 1 if done < low else high
        return known[decisive] + ago if decisive is not None and done <= decisive < len(known) else None

    return leaf(
        condition,
        _between(count, low, high),
        lambda profile: [time + ago for time in times(profile)],
        Reading(count, lambda _: (), keys, from_the_start=True),
        until,
    )


def _between(count: Callable[[Profile, int], int], low: int, high: int | None) -> Callable[[Profile, int], bool]:
    if high is None:
        return lambda profile, at: count(profile, at) >= low
    return lambda profile, at: low <= count(profile, at) <= high


def _begun(done: list[list[int]], last: int) -> int:
    """The latest time at which a sequence that ends at `last` can have begun; before all times where it cannot."""
    before = last
    for times in reversed(done[:-1]):
        earlier = [time for time in times if time < before]
        if not earlier:
            return _NEVER
        before = earlier[-1]
    return before


def _range_of(condition: Performed) -> tuple[int, int | None]:
    if condition.exactly is not None:
        return condition.exactly, condition.exactly
    if condition.at_least is None and condition.at_most is None:
        return 1, None
    return condition.at_least or 0, condition.at_most


def _range_by(operator: str, value: Any) -> tuple[int, int | None, bool]:
    """From, to, and whether all but these are meant."""
    match operator:
        case "between":
            low, high = value
        case "at_least":
            low, high = value, None
        case "greater_than":
            low, high = value + 1, None
        case "at_most":
            low, high = 0, value
        case "less_than":
            low, high = 0, value - 1
        case _:
            low, high = value, value
    return low, high, operator == "not_equals"
