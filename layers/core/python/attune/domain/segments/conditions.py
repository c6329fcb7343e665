"""Segment definitions compiled into nodes, with an index from event names to the state they touch."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

import msgspec

from attune.domain.definitions import (
    Abandoned,
    AllOf,
    AnyOf,
    NotOf,
    Performed,
    ScoreTest,
    TraitTest,
    milliseconds,
)
from attune.domain.events import short_hash
from attune.domain.segments.comparisons import Test, compile_tests

if TYPE_CHECKING:
    from attune.domain.definitions import Condition, Definitions, EventFilter, Segment


@dataclass(frozen=True, slots=True)
class Window:
    """At least `at_least` marks in `slot`, within the last `within` ms or ever."""

    slot: str
    event: str
    matches: Test
    at_least: int
    within: int | None


@dataclass(frozen=True, slots=True)
class Absence:
    """Per key: something done, and for `after` ms neither repeated nor cancelled."""

    slot: str
    key: str
    did: tuple[tuple[str, Test], ...]
    without: tuple[tuple[str, Test], ...]
    after: int


@dataclass(frozen=True, slots=True)
class Trait:
    """One trait compared."""

    trait: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Score:
    """What one model says, compared."""

    model: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    """All of `nodes`."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Any of `nodes`."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Inverse:
    """Not `node`."""

    node: Node


type Node = Window | Absence | Trait | Score | Every | Some | Inverse


@dataclass(frozen=True, slots=True)
class CompiledSegment:
    """`keyed` is the one node that gives the segment a membership per key (per cart), if it has one."""

    id: str
    root: Node
    keyed: Absence | None
    grace: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """Every segment, and what an event name can touch."""

    segments: dict[str, CompiledSegment]
    windows: dict[str, tuple[Window, ...]]
    absences: dict[str, tuple[Absence, ...]]
    #: how many marks each window slot keeps
    capacities: dict[str, int]
    #: segments by the event names and by the traits that they ask about
    by_event: dict[str, tuple[CompiledSegment, ...]]
    by_trait: dict[str, tuple[CompiledSegment, ...]]


def compile_segments(definitions: Definitions) -> Compiled:
    """Compile all segments of a snapshot; call once per snapshot, not per event."""
    windows: dict[str, dict[str, Window]] = defaultdict(dict)
    absences: dict[str, dict[str, Absence]] = defaultdict(dict)
    by_event: dict[str, dict[str, CompiledSegment]] = defaultdict(dict)
    by_trait: dict[str, dict[str, CompiledSegment]] = defaultdict(dict)
    segments = {}
    for segment in definitions.segments.values():
        compiled = _compile_segment(segment)
        segments[segment.id] = compiled
        for node in _leaves(compiled.root):
            if isinstance(node, Window):
                windows[node.event][node.slot] = node
                by_event[node.event][segment.id] = compiled
            elif isinstance(node, Absence):
                for name, _ in node.did + node.without:
                    absences[name][node.slot] = node
                    by_event[name][segment.id] = compiled
            elif isinstance(node, Trait):
                by_trait[node.trait][segment.id] = compiled
    return Compiled(
        segments=segments,
        windows={name: tuple(nodes.values()) for name, nodes in windows.items()},
        absences={name: tuple(nodes.values()) for name, nodes in absences.items()},
        capacities={node.slot: node.at_least for nodes in windows.values() for node in nodes.values()},
        by_event={name: tuple(asking.values()) for name, asking in by_event.items()},
        by_trait={name: tuple(asking.values()) for name, asking in by_trait.items()},
    )


def _compile_segment(segment: Segment) -> CompiledSegment:
    root = _compile(segment.when)
    keyed = [node for node in _leaves(root) if isinstance(node, Absence)]
    return CompiledSegment(segment.id, root, keyed[0] if keyed else None, milliseconds(segment.grace))


def _compile(condition: Condition) -> Node:
    match condition:
        case AllOf():
            return Every(tuple(map(_compile, condition.conditions)))
        case AnyOf():
            return Some(tuple(map(_compile, condition.conditions)))
        case NotOf():
            return Inverse(_compile(condition.condition))
        case _:
            return _compile_leaf(condition)


def _compile_leaf(condition: Performed | Abandoned | TraitTest | ScoreTest) -> Node:
    match condition:
        case Performed():
            within = milliseconds(condition.within) if condition.within else None
            tests = compile_tests(condition.where)
            return Window(_slot(condition), condition.event, tests, condition.at_least, within)
        case Abandoned():
            did, without = _filters(condition.did), _filters(condition.without)
            return Absence(_slot(condition), condition.key, did, without, milliseconds(condition.after))
        case TraitTest():
            return Trait(condition.trait, condition.operator, condition.value)
        case ScoreTest():
            return Score(condition.model, condition.operator, condition.value)
        case _:
            assert_never(condition)


def _filters(filters: tuple[EventFilter, ...]) -> tuple[tuple[str, Test], ...]:
    return tuple((part.event, compile_tests(part.where)) for part in filters)


def _slot(condition: Performed | Abandoned) -> str:
    """Names the state a condition keeps by what it says, so that a changed condition starts on a clean slot."""
    return short_hash(msgspec.json.encode(condition, order="deterministic")).hex()[:12]


def _leaves(node: Node) -> list[Node]:
    match node:
        case Every(nodes) | Some(nodes):
            return [leaf for child in nodes for leaf in _leaves(child)]
        case Inverse(child):
            return _leaves(child)
        case _:
            return [node]
