"""Segment definitions compiled into closures, with an index from each part of a profile to what rests on it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from attune.domain.consent.policies import PLAIN, policies_of
from attune.domain.definitions.computations import SessionCount, SessionLength
from attune.domain.definitions.conditions import (
    Abandoned,
    Aggregate,
    AllOf,
    AnyOf,
    ConsentTest,
    Dwelled,
    EventFilter,
    FirstPerformed,
    Frequency,
    LastPerformed,
    ListTest,
    Monetary,
    NotOf,
    Performed,
    RandomBucket,
    Recency,
    ScoreTest,
    SegmentTest,
    Sequence,
    TraitTest,
    milliseconds,
)
from attune.domain.definitions.references import MAX_TOGETHER, circular
from attune.domain.profiles.activity import ORDER, REVENUE
from attune.domain.segments import occurrences, standing
from attune.domain.segments.abandonment import Absence, abandoned, absence
from attune.domain.segments.computed import computed
from attune.domain.segments.nodes import Node, constant, every, inverse, some, within_any_key
from attune.domain.segments.readings import Reading, figure
from attune.domain.segments.slots import Slot, Slots

if TYPE_CHECKING:
    from attune.domain.consent.policies import Policies
    from attune.domain.definitions.conditions import Condition
    from attune.domain.definitions.kinds import Definitions, Segment
    from attune.domain.segments.comparisons import Test


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """`keyed` is the one condition that gives the segment a membership per key (per cart), if it has one.

    `since`: the instant (ms) at which the segment took over as it is; who entered before is told to nobody.
    """

    id: str
    root: Node
    keyed: Absence | None
    grace: int
    since: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """Every segment and computed trait, and what an event can touch.

    `pending` segments are those to come: their state is kept and their clocks run, but nobody is in them.
    """

    segments: dict[str, CompiledSegment]
    pending: tuple[CompiledSegment, ...]
    computed: dict[str, Reading]
    #: by event name: the slots an event may go into, and whether it does; the timers it may start or cancel
    slots: dict[str, tuple[tuple[Slot, Test, Test | None], ...]]
    absences: dict[str, tuple[Absence, ...]]
    #: by slot name: how much it keeps
    capacities: dict[str, int]
    by_name: dict[str, Slot]
    #: names of everything that is kept, timers included
    kept: frozenset[str]
    #: whether anything asks for sessions
    sessions: bool
    #: segments by what of a profile they rest on (`nodes.known_keys`)
    by_key: dict[str, tuple[CompiledSegment, ...]]
    #: segments that may hold of somebody of whom nothing is known
    unconditional: tuple[CompiledSegment, ...]
    #: what is defined of consent
    policies: Policies = PLAIN


def compile_segments(definitions: Definitions) -> Compiled:
    """Compile all segments and computed traits of a snapshot; call once per snapshot, not per event."""
    work = _Work(definitions)
    readings = {name: work.reading(name) for name in definitions.computed_traits}
    segments = {one.id: _compile_segment(one, work, definitions.since) for one in definitions.segments.values()}
    pending = tuple(_compile_segment(one, work, {}) for one in definitions.pending.values())
    by_key: dict[str, list[CompiledSegment]] = defaultdict(list)
    for segment in segments.values():
        for key in segment.root.keys:
            by_key[key].append(segment)
    absences: dict[str, dict[str, Absence]] = defaultdict(dict)
    for kept in work.absences.values():
        for name, _, _ in kept.did + kept.without:
            absences[name][kept.slot] = kept
    return Compiled(
        segments=segments,
        pending=pending,
        computed=readings,
        slots=work.slots.by_event(),
        absences={name: tuple(found.values()) for name, found in absences.items()},
        capacities={slot.name: slot.capacity for slot in work.slots.by_name.values()},
        by_name=work.slots.by_name,
        kept=frozenset(work.slots.by_name) | frozenset(work.absences),
        sessions=work.sessions,
        by_key={key: tuple(resting) for key, resting in by_key.items()},
        unconditional=tuple(one for one in segments.values() if one.root.idle is not False),
        policies=work.policies,
    )


@dataclass(slots=True)
class _Work:
    """One compilation: what was asked for so far."""

    definitions: Definitions
    slots: Slots = field(default_factory=Slots)
    absences: dict[str, Absence] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    sessions: bool = False
    #: the segment that is compiled
    within: str = ""
    #: segments that others refer to
    referred: dict[str, tuple[Node, Absence | None]] = field(default_factory=dict)
    circular: frozenset[str] = frozenset()
    policies: Policies = PLAIN

    def __post_init__(self) -> None:
        """Find who refers to themselves: they are never asked for."""
        self.policies = policies_of(self.definitions)
        self.circular = circular(self.definitions.segments)

    def reading(self, name: str) -> Reading:
        """Of a computed trait."""
        if name not in self.readings:
            computation = self.definitions.computed_traits[name].compute
            self.sessions = self.sessions or isinstance(computation, SessionCount | SessionLength)
            self.readings[name] = computed(computation, self.slots)
        return self.readings[name]

    def absence(self, condition: Abandoned) -> Absence:
        """The timers of a condition."""
        kept = absence(condition, self.within)
        self.absences.setdefault(kept.slot, kept)
        return kept

    def asked(self, condition: SegmentTest) -> Node:
        """The condition of another segment.

        What cannot be is refused when it is defined. Where two were defined at the same moment it may be there all the
        same: then nobody is in it, and the stream goes on.
        """
        name = condition.segment
        if name not in self.definitions.segments or name in self.circular:
            return constant(condition, value=False)
        if name not in self.referred:
            when = self.definitions.segments[name].when
            before, self.within = self.within, name
            self.referred[name] = _compile(when, self), _keyed(when, self)
            self.within = before
        root, keyed = self.referred[name]
        if root.size > MAX_TOGETHER:
            return constant(condition, value=False)
        if keyed is None:
            return replace(root, condition=condition, parts=(root,))
        slot = keyed.slot
        return within_any_key(condition, root, lambda profile: profile.timers.get(slot, ()))


def _compile_segment(segment: Segment, work: _Work, since: dict[str, int]) -> CompiledSegment:
    work.within = segment.id
    root = _compile(segment.when, work)
    return CompiledSegment(
        segment.id, root, _keyed(segment.when, work), milliseconds(segment.grace), since.get(segment.id, 0)
    )


def _compile(condition: Condition, work: _Work) -> Node:
    match condition:
        case AllOf():
            node = every(condition, tuple(_compile(part, work) for part in condition.conditions))
        case AnyOf():
            node = some(condition, tuple(_compile(part, work) for part in condition.conditions))
        case NotOf():
            node = inverse(condition, _compile(condition.condition, work))
        case SegmentTest():
            node = work.asked(condition)
        case Abandoned():
            node = abandoned(condition, work.absence(condition))
        case TraitTest() | ScoreTest() | ConsentTest() | ListTest() | RandomBucket():
            node = _compile_standing(condition, work)
        case Aggregate() | Monetary():
            node = _compile_figure(condition, work.slots)
        case FirstPerformed() | LastPerformed() | Recency():
            node = _compile_moment(condition, work.slots)
        case _:
            node = _compile_occurrence(condition, work.slots)
    return node


def _compile_score(condition: ScoreTest) -> Node:
    reading = standing.score(condition.model, condition.of)
    return standing.compared(condition, reading, condition.operator, condition.value)


def _compile_standing(condition: TraitTest | ScoreTest | ConsentTest | ListTest | RandomBucket, work: _Work) -> Node:
    match condition:
        case TraitTest(trait=name):
            is_computed = name in work.definitions.computed_traits
            lifetime = work.policies.traits.of(name)
            reading = work.reading(name) if is_computed else standing.trait(name, lifetime)
            return standing.compared(condition, reading, condition.operator, condition.value)
        case ScoreTest():
            return _compile_score(condition)
        case ConsentTest():
            return standing.compared(condition, standing.consent(condition.purpose, work.policies), "equals", True)
        case ListTest():
            return standing.compared(condition, standing.listed(condition.list), "equals", True)
        case RandomBucket():
            return standing.drawn(condition)
        case _:
            assert_never(condition)


def _compile_figure(condition: Aggregate | Monetary, slots: Slots) -> Node:
    within = milliseconds(condition.within) if condition.within else None
    if isinstance(condition, Monetary):
        reading = figure("sum", (EventFilter(event=ORDER),), REVENUE, within, slots)
    else:
        filters = (EventFilter(event=condition.event, where=condition.where),)
        reading = figure(condition.function, filters, (condition.property,), within, slots)
    return standing.compared(condition, reading, condition.operator, condition.value, of_events=True)


def _compile_moment(condition: FirstPerformed | LastPerformed | Recency, slots: Slots) -> Node:
    if isinstance(condition, Recency):
        filters = (EventFilter(event=ORDER),)
    else:
        filters = (EventFilter(event=condition.event, where=condition.where),)
    oldest = isinstance(condition, FirstPerformed)
    return standing.performed_at(condition, filters, condition.operator, condition.value, slots, oldest=oldest)


def _compile_occurrence(condition: Performed | Sequence | Dwelled | Frequency, slots: Slots) -> Node:
    match condition:
        case Performed():
            return occurrences.performed(condition, slots)
        case Sequence():
            return occurrences.sequence(condition, slots)
        case Dwelled():
            return occurrences.dwelled(condition, slots)
        case Frequency():
            return occurrences.frequency(condition, slots)
        case _:
            assert_never(condition)


def _keyed(condition: Condition, work: _Work) -> Absence | None:
    """The keyed condition that stands alone or inside `all`, as the checks demand."""
    match condition:
        case Abandoned() if condition.key is not None:
            return work.absence(condition)
        case AllOf():
            return next((found for part in condition.conditions if (found := _keyed(part, work))), None)
        case _:
            return None
