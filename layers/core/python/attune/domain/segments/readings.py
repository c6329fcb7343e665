"""Values that are read from a profile as of an instant, and the figures over its events among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from attune.domain.profiles.windows import MILLION, with_amount
from attune.domain.segments.slots import MAX_SAMPLES, RECENT_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from attune.domain.definitions.conditions import EventFilter
    from attune.domain.profiles.profile import Profile
    from attune.domain.profiles.windows import Base, Sample
    from attune.domain.segments.slots import Slots

    type _Over = Callable[[Sequence[Any], Base | None], int | float | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a profile. `keys`: what it rests on (`nodes.known_keys`).

    `instants(profile)` are those at which it may change, by an event or by time alone, as far as they are known.
    `ages`: whether time alone changes it; `reaches`: the instants at which it thereby reaches and passes a number.
    `fades(profile, at)`: the instants after `at` at which events grow too old for it, and its value from each on.
    `from_the_start`: what it was before the first of its instants is known too.
    """

    value: Callable[[Profile, int], Any]
    instants: Callable[[Profile], Iterable[int]]
    keys: frozenset[str]
    ages: bool = False
    from_the_start: bool = False
    reaches: Callable[[Profile, float], Iterable[int]] = lambda _profile, _number: ()
    fades: Callable[[Profile, int], dict[int, Any]] | None = None


def figure(
    function: str, filters: Sequence[EventFilter], properties: Sequence[str], within: int | None, slots: Slots
) -> Reading:
    """`sum`, `average`, `minimum`, `maximum` or `distinct` over a property of events, within a time or ever."""
    if function == "distinct":
        kind, capacity = ("e" if within is None else "d"), MAX_SAMPLES
    else:
        kind, capacity = ("b", RECENT_SAMPLES) if within is None else ("a", MAX_SAMPLES)
    slot = slots.samples(kind, filters, properties, capacity, within)
    over = _FIGURES[function]

    def value(profile: Profile, at: int) -> int | float | None:
        known = profile.samples.get(slot)
        if known is None:
            return over([], None)
        return over([sample.value for sample in young(known.kept, within, at)], known.base)

    def fades(profile: Profile, at: int) -> dict[int, Any]:
        known = profile.samples.get(slot)
        return {} if known is None or within is None else _fading(over, young(known.kept, within, at), within)

    return Reading(value, instants_of(slot, within), frozenset({slot}), ages=within is not None, fades=fades)


def _fading(over: _Over, samples: Sequence[Sample], within: int) -> dict[int, Any]:
    """The figure after each sample has left, the oldest first: added up from the newest back, each sample once."""
    left: Base | None = None
    different: set[Any] = set()
    after: list[tuple[int, Any]] = []
    for sample in reversed(samples):
        after.append((sample.time + within, over(tuple(different) if over is _distinct else (), left)))
        different.add(sample.value)
        left = with_amount(left, int(sample.value)) if over is not _distinct else None
    # of several at one instant the last says what is left
    return dict(reversed(after))


def shown(millionths: int) -> int | float:
    """An amount as people write it."""
    return millionths // MILLION if millionths % MILLION == 0 else millionths / MILLION


def young(samples: Sequence[Sample], within: int | None, at: int) -> list[Sample]:
    """Those within a time, or all up to `at`."""
    return [sample for sample in samples if sample.time <= at and (within is None or sample.time > at - within)]


def instants_of(slot: str, within: int | None) -> Callable[[Profile], list[int]]:
    """The instants at which samples of a slot come and go."""

    def instants(profile: Profile) -> list[int]:
        known = profile.samples.get(slot)
        times = [sample.time for sample in known.kept] if known else []
        return times if within is None else times + [time + within for time in times]

    return instants


def _sum(values: Sequence[Any], base: Base | None) -> int | float:
    return shown(sum(values) + (base.total if base else 0))


def _average(values: Sequence[Any], base: Base | None) -> int | float | None:
    """Rounded to a millionth, half to even."""
    count = len(values) + (base.count if base else 0)
    total = sum(values) + (base.total if base else 0)
    if not count:
        return None
    whole, rest = divmod(total, count)
    return shown(whole + (2 * rest > count or (2 * rest == count and whole % 2)))


def _minimum(values: Sequence[Any], base: Base | None) -> int | float | None:
    found = [*values, *([base.least] if base else ())]
    return shown(min(found)) if found else None


def _maximum(values: Sequence[Any], base: Base | None) -> int | float | None:
    found = [*values, *([base.most] if base else ())]
    return shown(max(found)) if found else None


def _distinct(values: Sequence[Any], _base: Base | None) -> int:
    return len(set(values))


_FIGURES: Final[dict[str, _Over]] = {
    "sum": _sum,
    "average": _average,
    "minimum": _minimum,
    "maximum": _maximum,
    "distinct": _distinct,
}
