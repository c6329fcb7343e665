"""What a condition rests on, to be shown: the events that it counts, as far as a profile keeps them, and what was said.

A profile keeps of its events their time and their hash. Which of them a condition looks at is asked of `slots` by the
condition itself, so that what is shown stands beside the engine and takes no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from attune.domain.consent.trait_lifetimes import FOR_GOOD
from attune.domain.definitions.computations import (
    Affinity,
    Counter,
    DaysSince,
    First,
    Last,
    Lifecycle,
    MostFrequent,
    SessionCount,
    SessionLength,
    UniqueCount,
    UniqueList,
)
from attune.domain.definitions.conditions import (
    Abandoned,
    Aggregate,
    ConsentTest,
    Dwelled,
    EventFilter,
    FirstPerformed,
    Frequency,
    LastPerformed,
    ListTest,
    Monetary,
    Performed,
    Recency,
    ScoreTest,
    Sequence,
    TraitTest,
    milliseconds,
)
from attune.domain.profiles.activity import ORDER, REVENUE
from attune.domain.segments.readings import shown
from attune.domain.segments.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.consent.trait_lifetimes import TraitLifetimes
    from attune.domain.definitions.computations import Computation
    from attune.domain.definitions.conditions import Condition
    from attune.domain.definitions.kinds import ComputedTrait
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.nodes import Node

    type Evidence = dict[str, Any]

#: events that are shown of a condition, the newest
MOST_SHOWN: Final = 20
_OF_INSTANTS: Final = (FirstPerformed, LastPerformed, Recency)
#: kinds of samples that hold what people can read: amounts, and values as they are
_AMOUNTS, _VALUES = frozenset("ab"), frozenset("tfu")


class Seen(NamedTuple):
    """An event that counts: when (ms), its hash, and what it said, where that counts."""

    time: int
    order: bytes
    value: Any = None


def evidence_of(
    node: Node,
    profile: Profile,
    key: str,
    at: int,
    computed: Mapping[str, ComputedTrait],
    lifetimes: TraitLifetimes = FOR_GOOD,
) -> Evidence:
    """By name: lists of `Seen` (oldest first, the newest `MOST_SHOWN`), instants (their names end in `at`), or values.

    `value` is what was compared. Nothing of conditions that only join others.
    """
    condition = node.condition
    if node.parts:
        return {}
    compared = node.evidence(profile, key, at)
    match condition:
        case TraitTest() if condition.trait in computed:
            found = _of_computation(computed[condition.trait].compute, profile, at)
        case TraitTest():
            found = _last_word(lifetimes.held(profile.traits, at).get(condition.trait))
        case ScoreTest() | ConsentTest() | ListTest():
            found = _of_what_was_said(condition, profile)
        case Abandoned():
            found = _of_timer(condition, compared)
        case _:
            found = _of_events(condition, profile, at)
    # where an instant is compared it is shown with its event
    value = {} if isinstance(condition, _OF_INSTANTS) or "value" not in compared else {"value": compared["value"]}
    return value | {name: one[-MOST_SHOWN:] if isinstance(one, list) else one for name, one in found.items()}


def _of_events(condition: Condition, profile: Profile, at: int) -> Evidence:
    match condition:
        case Sequence():
            within = milliseconds(condition.within) + milliseconds(condition.span)
            steps = (_marks((step,), profile, within, at) for step in condition.steps)
            return {f"step_{number}": found for number, found in enumerate(steps, 1)}
        case Dwelled():
            within = milliseconds(condition.within) + milliseconds(condition.at_most)
            ends = tuple(EventFilter(event=name) for name in sorted(set(condition.next)))
            begun = _marks((_filter_of(condition),), profile, within, at)
            return {"begun": begun, "ended": _marks(ends, profile, within, at)}
        case Performed() | Frequency() | FirstPerformed() | LastPerformed() | Recency() | Aggregate() | Monetary():
            return {"events": _those_that_count(condition, profile, at)}
        case _:
            return {}


def _those_that_count(
    condition: Performed | Frequency | FirstPerformed | LastPerformed | Recency | Aggregate | Monetary,
    profile: Profile,
    at: int,
) -> list[Seen]:
    wanted = (_filter_of(condition),)
    match condition:
        case Performed() | Frequency():
            return _counted(condition, profile, at)
        case FirstPerformed():
            return _marks(wanted, profile, None, at, oldest=True)[:1]
        case LastPerformed() | Recency():
            return _marks(wanted, profile, None, at)[-1:]
        case Aggregate() if condition.function == "distinct":
            kind = "e" if condition.within is None else "d"
            return _samples(kind, wanted, (condition.property,), profile, condition.within, at)
        case _:
            kind = "b" if condition.within is None else "a"
            properties = REVENUE if isinstance(condition, Monetary) else (condition.property,)
            return _samples(kind, wanted, properties, profile, condition.within, at)


def _counted(condition: Performed | Frequency, profile: Profile, at: int) -> list[Seen]:
    wanted = (_filter_of(condition),)
    if condition.within is not None:
        return _marks(wanted, profile, milliseconds(condition.within), at)
    ago = milliseconds(condition.outside) if isinstance(condition, Performed) and condition.outside else 0
    return _marks(wanted, profile, None, at - ago, oldest=True)


def _filter_of(condition: Any) -> EventFilter:
    if isinstance(condition, Frequency | Monetary | Recency):
        return EventFilter(event=ORDER)
    return EventFilter(event=condition.event, where=condition.where)


def _marks(
    filters: tuple[EventFilter, ...], profile: Profile, within: int | None, at: int, *, oldest: bool = False
) -> list[Seen]:
    known = profile.windows.get(Slots().marks(filters, 1, None, oldest=oldest), ())
    return [Seen(one.time, one.order) for one in known if one.time <= at and (within is None or one.time > at - within)]


def _samples(
    kind: str,
    filters: tuple[EventFilter, ...],
    properties: tuple[str, ...],
    profile: Profile,
    within: str | None,
    at: int,
) -> list[Seen]:
    known = profile.samples.get(Slots().samples(kind, filters, properties, 1, None))
    since = at - milliseconds(within) if within else 0
    young = [one for one in known.kept if since < one.time <= at] if known else []
    return [Seen(one.time, one.order, _spelt(kind, one.value)) for one in young]


def _spelt(kind: str, value: Any) -> Any:
    if kind in _AMOUNTS:
        return shown(value)
    return value if kind in _VALUES else None


def _of_computation(computation: Computation, profile: Profile, at: int) -> Evidence:
    """The events that a computed trait is reckoned from; of sessions when those that are kept began."""
    match computation:
        case SessionCount() | SessionLength():
            sessions = [Seen(first, b"") for first, _ in profile.sessions.kept] if profile.sessions else []
            return {"sessions": [one for one in sessions if one.time <= at]}
        case Affinity():
            parts = (_samples("t", (part,), (computation.property,), profile, None, at) for part in computation.events)
            found = [one for part in parts for one in part]
        case Lifecycle():
            wanted = (EventFilter(event=computation.event),)
            found = _marks(wanted, profile, None, at, oldest=True)[:1] + _marks(wanted, profile, None, at)[-1:]
        case _:
            found = _of_figure(computation, profile, at)
    return {"events": sorted(set(found), key=lambda one: (one.time, one.order))}


def _of_figure(computation: Any, profile: Profile, at: int) -> list[Seen]:
    wanted = (EventFilter(event=computation.event, where=computation.where),)
    match computation:
        case DaysSince():
            return _marks(wanted, profile, None, at)[-1:]
        case Counter() if computation.within is not None:
            return _marks(wanted, profile, milliseconds(computation.within), at)
        case Counter():
            return _samples("c", wanted, (computation.event,), profile, None, at)
        case First():
            return _samples("f", wanted, (computation.property,), profile, None, at)[:1]
        case Last():
            return _samples("t", wanted, (computation.property,), profile, None, at)[-1:]
        case _:
            return _samples(_kind_of(computation), wanted, (computation.property,), profile, computation.within, at)


def _kind_of(computation: Any) -> str:
    lasting = computation.within is None
    match computation:
        case MostFrequent():
            return "t"
        case UniqueList():
            return "u" if lasting else "t"
        case UniqueCount():
            return "e" if lasting else "d"
        case _:
            return "b" if lasting else "a"


def _of_what_was_said(condition: ScoreTest | ConsentTest | ListTest, profile: Profile) -> Evidence:
    match condition:
        case ListTest():
            return _last_word(profile.lists.get(condition.list))
        case ScoreTest():
            score = profile.scores.get(condition.model)
            percentile = {} if score is None or score.percentile is None else {"percentile": score.percentile}
            return {"version": score.version, "said_at": score.at, **percentile} if score else {}
        case ConsentTest():
            record = profile.consent.get(condition.purpose)
            return {"granted": record.granted, "said_at": record.at, "source": record.source} if record else {}


def _last_word(trait: Any) -> Evidence:
    return {} if trait is None else {"events": [Seen(trait.time, trait.order)]}


def _of_timer(condition: Abandoned, kept: Evidence) -> Evidence:
    """`kept`: what the compiled condition says of the thing's timer."""
    if not kept:
        return {}
    due = {} if kept["did"] is None else {"due_at": kept["did"] + milliseconds(condition.after)}
    return {"did_at": kept["did"], "without_at": kept["without"], **due}
