"""Keeps a profile's memberships true, on every event and by the clock, with the instants at which things happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attune.domain.changes import Change, SegmentEntered, SegmentLeft
from attune.domain.consent import SEGMENT, permits
from attune.domain.profiles import NOBODY, Membership
from attune.domain.segments.truth import node_holds, node_since, node_until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.domain.profiles import Profile
    from attune.domain.segments.conditions import Compiled, CompiledSegment

#: ms after an entry's grace; longer than wake-ups have ever to be missing before somebody notices
TOO_LATE: Final = 2 * 86_400_000
_SEPARATOR = "\x1f"
_FOREVER: Final = 1 << 62


@dataclass(slots=True)
class Quiet:
    """Of one profile in memory: before `until` time alone changes nothing. 0 where that is not known.

    `whole`: nothing that any segment asks about has changed unseen since all were looked at.
    """

    until: int = 0
    whole: bool = False


def holds(compiled: Compiled, profile: Profile, segment: str, key: str, now: int) -> bool:
    """Whether the profile is in the segment (for `key`, "" where the segment has no keys) at `now`; changes nothing."""
    found = compiled.segments.get(segment)
    return found is not None and _inside(found, profile, key, now)


def members(compiled: Compiled, profile: Profile, now: int) -> list[str]:
    """Ids of all segments the profile is in at `now`, sorted; changes nothing."""
    return sorted(
        segment.id
        for segment in compiled.segments.values()
        if any(_inside(segment, profile, key, now) for key in _keys(segment, profile))
    )


def advance(compiled: Compiled, profile: Profile, until: int, quiet: Quiet | None = None) -> list[Change]:
    """Let time pass up to `until`: everything that time alone changes happens, in order, at its own instant."""
    changes: list[Change] = []
    if quiet and quiet.until > until:
        profile.as_of = max(profile.as_of, until)
        return changes
    while (
        instant := _next_instant(compiled.segments.values(), profile, profile.as_of)
    ) is not None and instant <= until:
        profile.as_of = instant
        changes += evaluate(compiled, profile)
    profile.as_of = max(profile.as_of, until)
    if quiet:
        quiet.until = _FOREVER if instant is None else instant
    return changes


def react(
    compiled: Compiled, profile: Profile, name: str, traits: Collection[str], quiet: Quiet | None
) -> list[Change]:
    """`evaluate` after an event of that name with those traits.

    Only what asks about these can have changed, if all was looked at before and time alone changes nothing just now.
    """
    if quiet is None or not quiet.whole or quiet.until <= profile.as_of:
        if quiet:
            quiet.until, quiet.whole = 0, True
        return evaluate(compiled, profile)
    asking = {segment.id: segment for trait in traits for segment in compiled.by_trait.get(trait, ())}
    asking |= {segment.id: segment for segment in compiled.by_event.get(name, ())}
    changes = _bring_in_line(asking.values(), profile)
    instant = _next_instant(asking.values(), profile, profile.as_of)
    quiet.until = quiet.until if instant is None else min(quiet.until, instant)
    return changes


def evaluate(compiled: Compiled, profile: Profile) -> list[Change]:
    """Bring memberships in line with the truth as of `profile.as_of`; answers the exits that campaigns must hear of."""
    return _bring_in_line(compiled.segments.values(), profile)


def _bring_in_line(segments: Collection[CompiledSegment], profile: Profile) -> list[Change]:
    changes: list[Change] = []
    now = profile.as_of
    for segment in segments:
        for key in _keys(segment, profile):
            stay = profile.memberships.get(_member(segment.id, key))
            inside = _inside(segment, profile, key, now)
            if inside and (stay is None or stay.left_at is not None):
                profile.memberships[_member(segment.id, key)] = _entered(segment, profile, key, now, stay)
            elif not inside and stay is not None and stay.left_at is None:
                stay.left_at = max(stay.entered_at, _since(segment, profile, key, now))
                if stay.announced and stay.told != NOBODY:
                    changes.append(SegmentLeft(segment.id, stay.left_at, key))
    return changes


def announce(compiled: Compiled, profile: Profile, read_up_to: int) -> list[Change]:
    """The entries that campaigns should hear of now: still standing, and their grace is over. Each is told once.

    Over by the stream, which was read up to what was received at `read_up_to`, not by the clock: what ends the stay may
    lie further back. An entry that is only learnt of `TOO_LATE` is history, which somebody sends again: nobody is told.
    """
    changes: list[Change] = []
    for segment, key, stay in _waiting(compiled, profile):
        if stay.entered_at + segment.grace > read_up_to:
            continue
        stay.announced = True
        if segment.keyed is not None:
            timer = profile.timers[segment.keyed.slot][key]
            timer.announced = timer.did
        if stay.entered_at + segment.grace + TOO_LATE <= read_up_to:
            stay.told = NOBODY
            continue
        changes.append(SegmentEntered(segment.id, stay.entered_at, key))
    return changes


def next_due(compiled: Compiled, profile: Profile) -> int | None:
    """The first instant after `profile.as_of` at which a membership may change or an entry's grace ends.

    An entry that waits although its grace is over waits for the stream: the next wake-up lies behind all of it.
    """
    soonest = profile.as_of + 1
    instants = [max(stay.entered_at + segment.grace, soonest) for segment, _, stay in _waiting(compiled, profile)]
    change = _next_instant(compiled.segments.values(), profile, profile.as_of)
    return min((instant for instant in (change, *instants) if instant is not None), default=None)


def _waiting(compiled: Compiled, profile: Profile) -> Iterator[tuple[CompiledSegment, str, Membership]]:
    """Stays that campaigns have not heard of and may hear of: a cart is told once, until an order closes it."""
    for name, stay in profile.memberships.items():
        segment_id, _, key = name.partition(_SEPARATOR)
        segment = compiled.segments.get(segment_id)
        if segment is None or stay.announced or stay.left_at is not None:
            continue
        if segment.keyed is not None:
            timer = profile.timers.get(segment.keyed.slot, {}).get(key)
            if timer is None or timer.announced is not None:
                continue
        yield segment, key, stay


def _next_instant(segments: Collection[CompiledSegment], profile: Profile, after: int) -> int | None:
    first = None
    for segment in segments:
        for key in _keys(segment, profile):
            instant = node_until(segment.root, profile, key, after)
            if instant is not None and (first is None or instant < first):
                first = instant
    return first


def _keys(segment: CompiledSegment, profile: Profile) -> list[str]:
    return [""] if segment.keyed is None else list(profile.timers.get(segment.keyed.slot, ()))


def _inside(segment: CompiledSegment, profile: Profile, key: str, now: int) -> bool:
    return permits(SEGMENT, (profile.consent,)) and node_holds(segment.root, profile, key, now)


def _since(segment: CompiledSegment, profile: Profile, key: str, now: int) -> int:
    """The instant since which it is as it is, consent included."""
    consent = profile.consent.get(SEGMENT)
    said_at = consent.at if consent else 0
    if not permits(SEGMENT, (profile.consent,)):
        return said_at
    return min(now, max(said_at, node_since(segment.root, profile, key, now)))


def _entered(segment: CompiledSegment, profile: Profile, key: str, now: int, last: Membership | None) -> Membership:
    earliest = max(profile.first_seen, (last.left_at or 0) if last else 0)
    return Membership(entered_at=max(earliest, _since(segment, profile, key, now)))


def _member(segment: str, key: str) -> str:
    return f"{segment}{_SEPARATOR}{key}" if key else segment


__all__ = ["advance", "announce", "evaluate", "holds", "members", "next_due"]
