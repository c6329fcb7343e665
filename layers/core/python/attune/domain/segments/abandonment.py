"""What was begun and left alone: did A, then not B within a time, for each thing that events name by a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.definitions.conditions import Abandoned, KeyedFilter, milliseconds
from attune.domain.events import short_hash
from attune.domain.profiles.profile import Timer
from attune.domain.segments.comparisons import Test, compile_tests, lookup_all
from attune.domain.segments.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.events import Event
    from attune.domain.profiles.profile import Profile

#: an abandoned thing is forgotten 30 days after it was last touched, as the weak identifiers are that lead to it
ABANDONED_LIFETIME: Final = 30 * 86_400_000
#: things of one condition that a profile keeps
MAX_TIMERS: Final = 50
MAX_KEY_LENGTH: Final = 128
#: the one thing of a condition without a key
ONLY_THING: Final = "-"


@dataclass(frozen=True, slots=True)
class Absence:
    """Per key: something done, and for `after` ms neither repeated nor cancelled. Filters: event, test, keys."""

    slot: str
    keyed: bool
    did: tuple[tuple[str, Test, str], ...]
    without: tuple[tuple[str, Test, str], ...]
    after: int


def absence(condition: Abandoned, segment: str) -> Absence:
    """The state that the condition needs.

    With a key it is the segment's own: what of each thing campaigns have heard of lies in its timer.
    """
    owner = "" if condition.key is None else segment
    said = msgspec.json.encode([owner, condition.key, condition.did, condition.without], order="deterministic")
    return Absence(
        slot=short_hash(said).hex()[:12],
        keyed=condition.key is not None,
        did=tuple(_filter(part, condition.key) for part in condition.did),
        without=tuple(_filter(part, condition.key) for part in condition.without),
        after=milliseconds(condition.after),
    )


def abandoned(condition: Abandoned, kept: Absence) -> Node:
    """Holds for a key from `after` its last touch on, for 30 days, unless cancelled."""

    def timer(profile: Profile, key: str) -> Timer | None:
        return profile.timers.get(kept.slot, {}).get(key if kept.keyed else ONLY_THING)

    def holds(profile: Profile, key: str, at: int) -> bool:
        touched = _pending(timer(profile, key))
        return touched is not None and touched + kept.after <= at < touched + ABANDONED_LIFETIME

    def until(profile: Profile, key: str, at: int) -> int | None:
        touched = _pending(timer(profile, key))
        instants = () if touched is None else (touched + kept.after, touched + ABANDONED_LIFETIME)
        return min((instant for instant in instants if instant > at), default=None)

    def evidence(profile: Profile, key: str, _at: int) -> dict[str, Any]:
        known = timer(profile, key)
        return {} if known is None else {"did": known.did, "without": known.without}

    return Node(
        condition,
        holds,
        lambda profile, key, at: _since(timer(profile, key), kept.after, at),
        until,
        keys=frozenset({kept.slot}),
        idle=False,
        evidence=evidence,
    )


def fold_timer(profile: Profile, event: Event, name: str, kept: Absence) -> set[str]:
    """Start, restart or cancel the timers of the things that an event, called `name`, is about; answers these."""
    starts, cancels = _keys(event, name, kept.did), _keys(event, name, kept.without)
    if not starts and not cancels:
        return starts
    timers = profile.timers.setdefault(kept.slot, {})
    for key in starts | cancels:
        timer = timers.setdefault(key, Timer())
        if key in starts:
            timer.did = max(timer.did or 0, event.time)
        if key in cancels:
            timer.without = max(timer.without or 0, event.time)
        if timer.announced is not None and timer.without is not None and timer.without >= timer.announced:
            timer.announced = None
    return starts | cancels


def forget_timers(profile: Profile, now: int) -> None:
    """Drop what is 30 days old and what is too much."""
    for slot, timers in profile.timers.items():
        touched = {key: max(timer.did or 0, timer.without or 0) for key, timer in timers.items()}
        # those that are over go first: what a campaign has heard of, or may yet hear of, is kept longest
        newest = sorted(touched, key=lambda key: (not cancelled(timers[key]), touched[key], key))[-MAX_TIMERS:]
        kept = {key for key in newest if touched[key] + ABANDONED_LIFETIME > now}
        if len(kept) < len(timers):
            profile.timers[slot] = {key: timer for key, timer in timers.items() if key in kept}


def cancelled(timer: Timer) -> bool:
    """The thing was bought (or emptied) at or after it was last touched, or was never touched at all."""
    return timer.did is None or (timer.without is not None and timer.without >= timer.did)


def _pending(timer: Timer | None) -> int | None:
    """When the thing was last touched; None while nothing is pending."""
    return None if timer is None or cancelled(timer) else timer.did


def _since(timer: Timer | None, after: int, at: int) -> int:
    if timer is None or timer.did is None:
        return 0
    if cancelled(timer):
        return timer.without or 0
    touched, due = timer.did, timer.did + after
    if at < due:
        return touched
    return due if at < touched + ABANDONED_LIFETIME else touched + ABANDONED_LIFETIME


def _filter(part: KeyedFilter, key: str | None) -> tuple[str, Test, str]:
    return part.event, compile_tests(part.where), (part.key or key) if key is not None else ""


def _keys(event: Event, name: str, filters: Iterable[tuple[str, Test, str]]) -> set[str]:
    found: set[str] = set()
    for wanted, matches, path in filters:
        if name == wanted and matches(event.properties):
            found |= (
                {key for value in lookup_all(event.properties, path) if (key := _text(value))} if path else {ONLY_THING}
            )
    return found


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and len(value) <= MAX_KEY_LENGTH and "\x1f" not in value else ""
