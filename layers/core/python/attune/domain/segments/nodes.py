"""Conditions as closures: whether one holds for a profile at an instant, since when, and when time alone changes that.

Everything is answered from state that does not depend on the order in which events arrived. An event counts from its
own time on; a window (t - W, t] no longer holds an event that is exactly W old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from attune.domain.profiles.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune.domain.definitions.conditions import Condition
    from attune.domain.segments.readings import Reading

    type Holds = Callable[[Profile, str, int], bool]
    type Since = Callable[[Profile, str, int], int]
    type Until = Callable[[Profile, str, int], int | None]


#: instants that are tried in search of the next change; after these it is asked again
LOOK_AHEAD: Final = 8
#: nothing is known of them
_NOBODY: Final = Profile(profile_id="")
_OF_TRAITS: Final = "trait "
_OF_SCORES: Final = "score "
_OF_LISTS: Final = "list "
SESSIONS: Final = "sessions"


def known_keys(profile: Profile) -> Iterable[str]:
    """The parts of a profile that conditions may rest on: what it keeps of events, by slot, traits, scores, lists."""
    yield from profile.windows
    yield from profile.samples
    yield from profile.timers
    yield from map(trait_key, profile.traits)
    yield from map(score_key, profile.scores)
    yield from map(list_key, profile.lists)
    if profile.sessions is not None:
        yield SESSIONS


def trait_key(name: str) -> str:
    """Of a trait."""
    return _OF_TRAITS + name


def score_key(model: str) -> str:
    """Of what a model says."""
    return _OF_SCORES + model


def list_key(name: str) -> str:
    """Of being on a list."""
    return _OF_LISTS + name


@dataclass(frozen=True, slots=True)
class Node:
    """A condition, compiled. Its functions take the profile, the keyed thing ("" where there is none), the instant.

    `since`: the instant from which on it has had the truth that it has; 0 for always. `until`: the first instant after
    at which time alone may change it; None for never. `keys`: the parts of a profile that it rests on, as
    `known_keys` names them. `idle`: whether it holds, at any time, of who has none of them; None: that depends.
    `evidence`: what it rests on, to be shown.
    """

    condition: Condition
    holds: Holds
    since: Since
    until: Until
    parts: tuple[Node, ...] = ()
    #: how many conditions it is made of, those of segments that it refers to included
    size: int = 1
    keys: frozenset[str] = frozenset()
    idle: bool | None = None
    evidence: Callable[[Profile, str, int], dict[str, Any]] = lambda _profile, _key, _at: {}


def leaf(
    condition: Condition,
    holds: Callable[[Profile, int], bool],
    instants: Callable[[Profile], Iterable[int]],
    reading: Reading,
    until: Callable[[Profile, int], int | None] | None = None,
) -> Node:
    """A condition without parts that is about no key; `instants`: all at which its truth may have changed or will.

    Before the first of these nothing is known of `reading` (a trait had another value) unless it is about events.
    """

    def since(profile: Profile, _key: str, at: int) -> int:
        return unchanged_since(
            lambda instant: holds(profile, instant), instants(profile), at, from_the_start=reading.from_the_start
        )

    def next_change(profile: Profile, _key: str, at: int) -> int | None:
        if until is not None:
            return until(profile, at)
        truth = holds(profile, at)
        ahead = sorted(instant for instant in set(instants(profile)) if instant > at)[:LOOK_AHEAD]
        return next((instant for instant in ahead if holds(profile, instant) != truth), ahead[-1] if ahead else None)

    return Node(
        condition,
        lambda profile, _key, at: holds(profile, at),
        since,
        next_change,
        keys=reading.keys,
        idle=holds(_NOBODY, 0) if reading.keys else None,
        evidence=lambda profile, _key, at: {"value": reading.value(profile, at)},
    )


def constant(condition: Condition, *, value: bool) -> Node:
    """Always or never."""
    return Node(condition, lambda _p, _k, _at: value, lambda _p, _k, _at: 0, lambda _p, _k, _at: None, idle=value)


def unchanged_since(
    truth: Callable[[int], bool], instants: Iterable[int], at: int, *, from_the_start: bool = True
) -> int:
    """The first of the instants up to `at` from which on the truth is that of `at`; 0 where it was before them all.

    `from_the_start`: it is known what was before the first of them.
    """
    now, since = truth(at), at
    if truth(at - 1) != now:
        return at
    past = sorted({instant for instant in instants if instant <= at}, reverse=True)
    for instant in past:
        if truth(instant) != now:
            return since
        since = instant
    return 0 if not past or (from_the_start and truth(past[-1] - 1) == now) else since


def every(condition: Condition, parts: tuple[Node, ...]) -> Node:
    """All of `parts`."""
    match [part.holds for part in parts]:
        case [one, other]:
            return _joined(condition, parts, lambda p, k, at: one(p, k, at) and other(p, k, at), conjunction=True)
        case judges:
            return _joined(
                condition, parts, lambda p, k, at: all(judge(p, k, at) for judge in judges), conjunction=True
            )


def some(condition: Condition, parts: tuple[Node, ...]) -> Node:
    """Any of `parts`."""
    judges = [part.holds for part in parts]
    return _joined(condition, parts, lambda p, k, at: any(judge(p, k, at) for judge in judges), conjunction=False)


def inverse(condition: Condition, part: Node) -> Node:
    """Not `part`."""
    holds = part.holds
    idle = None if part.idle is None else not part.idle
    return Node(
        condition, lambda p, k, at: not holds(p, k, at), part.since, part.until, (part,), 1 + part.size, part.keys, idle
    )


def within_any_key(condition: Condition, part: Node, keys: Callable[[Profile], Iterable[str]]) -> Node:
    """`part` for any of the keys that a profile has."""

    def since(profile: Profile, key: str, at: int) -> int:
        truth = holds(profile, key, at)
        found = [part.since(profile, one, at) for one in keys(profile) if part.holds(profile, one, at) == truth]
        return (min(found) if truth else max(found)) if found else 0

    def until(profile: Profile, _key: str, at: int) -> int | None:
        return _soonest(part.until(profile, one, at) for one in keys(profile))

    def holds(profile: Profile, _key: str, at: int) -> bool:
        return any(part.holds(profile, one, at) for one in keys(profile))

    return Node(condition, holds, since, until, (part,), 1 + part.size, part.keys, part.idle)


def _joined(condition: Condition, parts: tuple[Node, ...], holds: Holds, *, conjunction: bool) -> Node:
    def since(profile: Profile, key: str, at: int) -> int:
        truth = holds(profile, key, at)
        found = [part.since(profile, key, at) for part in parts if part.holds(profile, key, at) == truth]
        # a conjunction becomes true with its last part and false with its first; a disjunction the other way round
        return max(found) if truth == conjunction else min(found)

    def until(profile: Profile, key: str, at: int) -> int | None:
        return _soonest(part.until(profile, key, at) for part in parts)

    keys = frozenset[str]().union(*(part.keys for part in parts))
    size = 1 + sum(part.size for part in parts)
    return Node(condition, holds, since, until, parts, size, keys, _joined_idle(parts, conjunction=conjunction))


def _joined_idle(parts: tuple[Node, ...], *, conjunction: bool) -> bool | None:
    truths = [part.idle for part in parts]
    if (not conjunction) in truths:
        return not conjunction
    return None if None in truths else conjunction


def _soonest(instants: Iterable[int | None]) -> int | None:
    first = None
    for instant in instants:
        if instant is not None and (first is None or instant < first):
            first = instant
    return first
