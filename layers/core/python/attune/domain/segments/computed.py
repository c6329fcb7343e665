"""Computed traits: values kept up to date from a profile's events."""

from __future__ import annotations

from math import ceil, exp2, floor
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.computations import (
    Affinity,
    Average,
    Computation,
    Counter,
    DaysSince,
    First,
    Last,
    Lifecycle,
    Maximum,
    Minimum,
    MostFrequent,
    SessionCount,
    SessionLength,
    Sum,
    UniqueCount,
    UniqueList,
)
from attune.domain.definitions.conditions import EventFilter, milliseconds
from attune.domain.segments.nodes import SESSIONS
from attune.domain.segments.readings import Reading, figure, instants_of, young
from attune.domain.segments.slots import MAX_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune.domain.profiles.profile import Profile
    from attune.domain.profiles.windows import Sample
    from attune.domain.segments.slots import Slots

DAY: Final = 86_400_000
#: values of a list
MAX_LIST: Final = 50


def computed(computation: Computation, slots: Slots) -> Reading:
    """A computed trait's value; None where there is none."""
    match computation:
        case Counter():
            reading = _count(computation, slots)
        case First():
            reading = _chosen(computation, "f", 1, None, slots, lambda samples: samples[0].value)
        case Last():
            reading = _chosen(computation, "t", 1, None, slots, lambda samples: samples[0].value)
        case MostFrequent() | UniqueList():
            reading = _of_values(computation, slots)
        case DaysSince():
            reading = _days_since(computation, slots)
        case SessionCount() | SessionLength():
            reading = _of_sessions(computation)
        case Affinity():
            reading = _affinity(computation, slots)
        case Lifecycle():
            reading = _lifecycle(computation, slots)
        case _:
            filters = (EventFilter(event=computation.event, where=computation.where),)
            within = _within(computation.within)
            reading = figure(_FUNCTIONS[type(computation)], filters, (computation.property,), within, slots)
    return reading


def _count(computation: Counter, slots: Slots) -> Reading:
    within = _within(computation.within)
    filters = (EventFilter(event=computation.event, where=computation.where),)
    if within is None:
        slot = slots.samples("c", filters, (computation.event,), 1, None)

        def counted(profile: Profile, _at: int) -> int:
            known = profile.samples.get(slot)
            return 0 if known is None else len(known.kept) + (known.base.count if known.base else 0)

        return Reading(counted, instants_of(slot, None), frozenset({slot}))
    marks = slots.marks(filters, MAX_SAMPLES, within)

    def fades(profile: Profile, at: int) -> dict[int, int]:
        recent = [one.time for one in profile.windows.get(marks, ())[-MAX_SAMPLES:] if at - within < one.time <= at]
        return {time + within: len(recent) - place for place, time in enumerate(recent, 1)}

    return Reading(
        lambda profile, at: sum(
            at - within < mark.time <= at for mark in profile.windows.get(marks, ())[-MAX_SAMPLES:]
        ),
        lambda profile: [mark.time + wait for mark in profile.windows.get(marks, ()) for wait in (0, within)],
        frozenset({marks}),
        ages=True,
        fades=fades,
    )


def _chosen(
    computation: First | Last | MostFrequent | UniqueList,
    kind: str,
    capacity: int,
    within: int | None,
    slots: Slots,
    choose: Callable[[list[Sample]], Any],
) -> Reading:
    filters = (EventFilter(event=computation.event, where=computation.where),)
    slot = slots.samples(kind, filters, (computation.property,), capacity, within)

    def value(profile: Profile, at: int) -> Any:
        known = profile.samples.get(slot)
        recent = young(known.kept[-capacity:] if kind == "t" else known.kept, within, at) if known else []
        return choose(recent) if recent else None

    return Reading(value, instants_of(slot, within), frozenset({slot}), ages=within is not None)


def _of_values(computation: MostFrequent | UniqueList, slots: Slots) -> Reading:
    within = _within(computation.within)
    if isinstance(computation, MostFrequent):
        return _chosen(computation, "t", MAX_SAMPLES, within, slots, _most_frequent)
    kind, capacity = ("u", MAX_LIST) if within is None else ("t", MAX_SAMPLES)
    return _chosen(computation, kind, capacity, within, slots, _different)


def _most_frequent(samples: list[Sample]) -> Any:
    return _heaviest((sample, 1.0) for sample in samples)


def _heaviest(weighed: Iterable[tuple[Sample, float]]) -> Any:
    """The value with the most weight; of several the one seen last."""
    weights: dict[Any, float] = {}
    last: dict[Any, Sample] = {}
    for sample, weight in weighed:
        weights[sample.value] = weights.get(sample.value, 0.0) + weight
        last[sample.value] = sample
    return max(weights, key=lambda value: (weights[value], last[value].time, last[value].order))


def _different(samples: list[Sample]) -> list[Any]:
    return list(dict.fromkeys(sample.value for sample in samples))[:MAX_LIST]


def _days_since(computation: DaysSince, slots: Slots) -> Reading:
    slot = slots.marks((EventFilter(event=computation.event, where=computation.where),), 1, None)

    def value(profile: Profile, at: int) -> int | None:
        marks = profile.windows.get(slot)
        return (at - marks[-1].time) // DAY if marks else None

    def instants(profile: Profile) -> list[int]:
        marks = profile.windows.get(slot)
        return [marks[-1].time] if marks else []

    def reaches(profile: Profile, days: float) -> list[int]:
        marks = profile.windows.get(slot)
        return [marks[-1].time + day * DAY for day in (ceil(days), floor(days) + 1)] if marks else []

    return Reading(value, instants, frozenset({slot}), ages=True, reaches=reaches)


def _of_sessions(computation: SessionCount | SessionLength) -> Reading:
    def value(profile: Profile, _at: int) -> int | None:
        sessions = profile.sessions
        if isinstance(computation, SessionCount):
            return sessions.earlier + len(sessions.kept) if sessions else 0
        return (sessions.kept[-1][1] - sessions.kept[-1][0]) // 1_000 if sessions else None

    def instants(profile: Profile) -> list[int]:
        return [last for _, last in profile.sessions.kept] if profile.sessions else []

    return Reading(value, instants, frozenset({SESSIONS}))


def _affinity(computation: Affinity, slots: Slots) -> Reading:
    """Every weight halves in the same time, so that time alone never changes which one is the heaviest."""
    half_life = milliseconds(computation.half_life)
    parts = [
        (slots.samples("t", (part,), (computation.property,), MAX_SAMPLES, None), part.weight)
        for part in computation.events
    ]

    def value(profile: Profile, at: int) -> Any:
        weighed = [
            (sample, weight)
            for slot, weight in parts
            if (known := profile.samples.get(slot))
            for sample in known.kept
            if sample.time <= at
        ]
        weighed.sort(key=lambda one: (one[0].time, one[0].order))
        newest = weighed[-MAX_SAMPLES:]
        if not newest:
            return None
        now = newest[-1][0].time
        return _heaviest((sample, weight * exp2((sample.time - now) / half_life)) for sample, weight in newest)

    def instants(profile: Profile) -> list[int]:
        known = [profile.samples[slot] for slot, _ in parts if slot in profile.samples]
        return [sample.time for samples in known for sample in samples.kept]

    return Reading(value, instants, frozenset(slot for slot, _ in parts))


def _lifecycle(computation: Lifecycle, slots: Slots) -> Reading:
    filters = (EventFilter(event=computation.event),)
    oldest, newest = slots.marks(filters, 1, None, oldest=True), slots.marks(filters, 1, None)
    fresh, risky, over = map(milliseconds, (computation.new_for, computation.at_risk_after, computation.lapsed_after))

    def value(profile: Profile, at: int) -> str:
        if not profile.windows.get(newest):
            return "prospect"
        since_last = at - profile.windows[newest][-1].time
        if since_last >= over:
            return "lapsed"
        if since_last >= risky:
            return "at_risk"
        return "new" if at - profile.windows[oldest][0].time < fresh else "active"

    def instants(profile: Profile) -> list[int]:
        if not profile.windows.get(newest):
            return []
        first, last = profile.windows[oldest][0].time, profile.windows[newest][-1].time
        return [first, first + fresh, last, last + risky, last + over]

    return Reading(value, instants, frozenset({oldest, newest}), ages=True)


_FUNCTIONS: Final[dict[type, str]] = {
    Sum: "sum",
    Average: "average",
    Minimum: "minimum",
    Maximum: "maximum",
    UniqueCount: "distinct",
}


def _within(duration: str | None) -> int | None:
    return None if duration is None else milliseconds(duration)
