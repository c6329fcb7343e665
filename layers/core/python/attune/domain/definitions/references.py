"""What definitions refer to: segments and computed traits each other, and all of them events. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.definitions.computations import Affinity, DaysSince, Lifecycle, SessionCount, SessionLength
from attune.domain.definitions.conditions import (
    Abandoned,
    Aggregate,
    AllOf,
    AnyOf,
    Dwelled,
    FirstPerformed,
    Frequency,
    LastPerformed,
    Monetary,
    NotOf,
    Performed,
    Recency,
    SegmentTest,
    Sequence,
    TraitTest,
)
from attune.domain.definitions.kinds import ComputedTrait, Segment
from attune.domain.profiles.activity import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from attune.domain.definitions.computations import Computation
    from attune.domain.definitions.conditions import Condition

#: conditions of a segment with those of all that it asks for: every look at a profile asks them all
MAX_TOGETHER: Final = 500


def leaves(condition: Condition, path: str = "$.when") -> Iterator[tuple[str, Condition]]:
    """Every condition without conditions of its own, with the JSON path where it stands."""
    match condition:
        case AllOf(conditions=parts) | AnyOf(conditions=parts):
            for index, part in enumerate(parts):
                yield from leaves(part, f"{path}.conditions[{index}]")
        case NotOf(condition=part):
            yield from leaves(part, f"{path}.condition")
        case _:
            yield path, condition


def segments_named(segment: Segment) -> dict[str, str]:
    """Segments that the segment's condition asks for, by the path where it names them."""
    return {f"{path}.segment": one.segment for path, one in leaves(segment.when) if isinstance(one, SegmentTest)}


def traits_named(segment: Segment) -> frozenset[str]:
    """Traits that the segment's condition compares, told or computed."""
    return frozenset(one.trait for _, one in leaves(segment.when) if isinstance(one, TraitTest))


def reached(start: Iterable[str], segments: Mapping[str, Iterable[Segment]]) -> frozenset[str]:
    """`start` and all segments that these ask for, over any others; `segments`: the versions of each that count."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [named for version in segments.get(one, ()) for named in segments_named(version).values()]
    return frozenset(found)


def circular(segments: Mapping[str, Segment]) -> frozenset[str]:
    """Segments that ask for themselves, over any others."""
    versions = {name: (segment,) for name, segment in segments.items()}
    asking = {name: set(named.values()) for name, one in segments.items() if (named := segments_named(one))}
    return frozenset(name for name, named in asking.items() if name in reached(named, versions))


def together(segment: str, segments: Mapping[str, Iterable[Segment]], sizes: dict[str, int]) -> int:
    """How many conditions a segment is made of with those of all that it asks for, each as often as it does.

    `sizes` remembers what was counted. No two may ask for each other.
    """
    if segment not in sizes:
        sizes[segment] = max((_together(one, segments, sizes) for one in segments.get(segment, ())), default=0)
    return sizes[segment]


def _together(version: Segment, segments: Mapping[str, Iterable[Segment]], sizes: dict[str, int]) -> int:
    own = sum(1 for _ in leaves(version.when))
    return own + sum(together(named, segments, sizes) for named in segments_named(version).values())


def events_of(
    chosen: Iterable[Segment | ComputedTrait],
    segments: Mapping[str, Iterable[Segment]],
    computed_traits: Mapping[str, ComputedTrait],
) -> frozenset[str] | None:
    """Names of all events that may decide what these say, over segments and computed traits that they ask for.

    As conditions name them: a track call's name, any other call's type. None: every event may.
    """
    asked = list(chosen)
    plain = [one for one in asked if isinstance(one, Segment)]
    others = reached((name for one in plain for name in segments_named(one).values()), segments)
    plain += [version for name in others for version in segments.get(name, ())]
    computed = {one.id: one for one in asked if isinstance(one, ComputedTrait)}
    computed |= {name: computed_traits[name] for one in plain for name in traits_named(one) if name in computed_traits}
    names = {event for one in plain for _, leaf in leaves(one.when) for event in _events_of_leaf(leaf)}
    for one in computed.values():
        if isinstance(one.compute, SessionCount | SessionLength):
            return None
        names |= set(_events_of_computation(one.compute))
    return frozenset(names)


def _events_of_leaf(leaf: Condition) -> Iterable[str]:
    match leaf:
        case Performed() | FirstPerformed() | LastPerformed() | Aggregate():
            return (leaf.event,)
        case Sequence():
            return [step.event for step in leaf.steps]
        case Dwelled():
            return (leaf.event, *leaf.next)
        case Abandoned():
            return [part.event for part in (*leaf.did, *leaf.without)]
        case Recency() | Frequency() | Monetary():
            return (ORDER,)
        case _:  # about traits, scores, consent, lists, chance: no event's slots
            return ()


def _events_of_computation(compute: Computation) -> Iterable[str]:
    match compute:
        case Affinity():
            return [part.event for part in compute.events]
        case DaysSince() | Lifecycle():
            return (compute.event,)
        case SessionCount() | SessionLength():
            return ()
        case _:
            return (compute.event,)
