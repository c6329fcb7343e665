"""Keeps a profile's memberships true, on every event and by the clock, with the instants at which things happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.profiles.changes import Change, SegmentEntered, SegmentLeft
from attune.domain.profiles.profile import NOBODY, Membership
from attune.domain.segments.leave import FOREVER, given_or_taken, is_used, leave
from attune.domain.segments.nodes import known_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.compilation import Compiled, CompiledSegment

#: ms after an entry's grace; longer than wake-ups have ever to be missing before somebody notices
TOO_LATE: Final = 2 * 86_400_000
_SEPARATOR = "\x1f"
_NO_KEY: Final = ("",)


class Quiet(msgspec.Struct, gc=False):
    """Of one profile in memory: before `until` time alone changes nothing. 0 where that is not known.

    `whole`: nothing that any segment asks about has changed unseen since all were looked at. `seen`: all were looked at
    once since the profile was loaded: definitions may have changed since it was written.
    """

    until: int = 0
    whole: bool = False
    seen: bool = False


def holds(compiled: Compiled, profile: Profile, segment: str, key: str, now: int) -> bool:
    """Whether the profile is in the segment (for `key`, "" where the segment has no keys) at `now`; changes nothing."""
    found = compiled.segments.get(segment)
    return found is not None and leave(compiled, profile, now)[0] and found.root.holds(profile, key, now)


def members(compiled: Compiled, profile: Profile, now: int) -> list[str]:
    """Ids of all segments the profile is in at `now`, sorted; changes nothing."""
    if not leave(compiled, profile, now)[0]:
        return []
    return sorted(
        segment.id
        for segment in _concerned(compiled, profile)
        if any(segment.root.holds(profile, key, now) for key in _keys(segment, profile))
    )


def computed_values(compiled: Compiled, profile: Profile, now: int) -> dict[str, Any]:
    """The computed traits that have a value at `now`, by name; none of who may not be segmented."""
    if not leave(compiled, profile, now)[0]:
        return {}
    values = {name: reading.value(profile, now) for name, reading in sorted(compiled.computed.items())}
    return {name: value for name, value in values.items() if value is not None}


def traits_at(compiled: Compiled, profile: Profile, now: int) -> dict[str, Any]:
    """Traits, told and computed, as the API and templates show them; a computed one goes before one of its name."""
    held = compiled.policies.traits.held(profile.traits, now)
    told = {name: said.value for name, said in held.items() if said.value is not None}
    return dict(sorted((told | computed_values(compiled, profile, now)).items()))


def advance(compiled: Compiled, profile: Profile, until: int, quiet: Quiet | None = None) -> list[Change]:
    """Let time pass up to `until`: everything that time alone changes happens, in order, at its own instant."""
    changes: list[Change] = []
    if not profile.as_of and not profile.events:  # nobody has lived through anything before their first event
        profile.as_of = max(0, until)
        return changes
    if quiet and not quiet.seen:
        changes, quiet.until = _look_at(compiled, _concerned(compiled, profile), profile)
        quiet.whole = quiet.seen = True
    if quiet and quiet.until > until:
        profile.as_of = max(profile.as_of, until)
        return changes
    #: when each segment is to be looked at again; no other can change by time alone
    ends = leave(compiled, profile, profile.as_of)[1]
    clocks = {
        segment.id: (_next_instant((segment,), profile, profile.as_of, ends), segment)
        for segment in _concerned(compiled, profile)
    }
    # an event's time may be any number, also one beyond all clocks
    while (instant := min((at for at, _ in clocks.values()), default=FOREVER)) <= min(until, FOREVER - 1):
        profile.as_of = instant
        for segment in [segment for at, segment in clocks.values() if at == instant]:
            changed, again = _look_at(compiled, (segment,), profile)
            changes += changed
            clocks[segment.id] = again, segment
    profile.as_of = max(profile.as_of, until)
    if quiet:
        quiet.until = instant
    return changes


def react(
    compiled: Compiled, profile: Profile, touched: Mapping[str, Collection[str]], quiet: Quiet, *, in_order: bool
) -> list[Change]:
    """`evaluate` after an event that touched these parts of the profile (`nodes.known_keys`), of timers these things.

    Only what rests on these can have changed, if all was looked at before and time alone changes nothing just now. What
    an event changes that came `in_order`, as the newest, it changes at its own time: until then all was as stored.
    """
    if not quiet.whole or quiet.until <= profile.as_of:
        changes, quiet.until = _look_at(compiled, _concerned(compiled, profile), profile, in_order=in_order)
        quiet.whole = True
        return changes
    by_key = compiled.by_key
    keys = [key for key in touched if key in by_key]
    if not keys:
        return []
    asking: Collection[CompiledSegment] = by_key[keys[0]]
    if len(keys) > 1:
        asking = {segment.id: segment for key in keys for segment in by_key[key]}.values()
    # a timer of one thing says nothing of the others, unless something else was touched too
    things = (keys[0], touched[keys[0]]) if len(keys) == 1 else None
    changes, instant = _look_at(compiled, asking, profile, in_order=in_order, things=things)
    quiet.until = min(quiet.until, instant)
    return changes


def evaluate(compiled: Compiled, profile: Profile) -> list[Change]:
    """Bring memberships in line with the truth as of `profile.as_of`; answers the exits that campaigns must hear of."""
    return _look_at(compiled, _concerned(compiled, profile), profile)[0]


def _concerned(compiled: Compiled, profile: Profile) -> Collection[CompiledSegment]:
    """The segments that the profile may be in, and those it was in: of all others nothing is known of it."""
    found = {segment.id: segment for segment in compiled.unconditional}
    by_key = compiled.by_key
    for key in known_keys(profile):
        if key in by_key:
            for segment in by_key[key]:
                found[segment.id] = segment
    for name in profile.memberships:
        segment_id = name.partition(_SEPARATOR)[0]
        if segment_id not in found and segment_id in compiled.segments:
            found[segment_id] = compiled.segments[segment_id]
    return found.values()


def _look_at(
    compiled: Compiled,
    segments: Collection[CompiledSegment],
    profile: Profile,
    *,
    in_order: bool = False,
    things: tuple[str, Collection[str]] | None = None,
) -> tuple[list[Change], int]:
    """Memberships in line with the truth as of now; which exits to tell, and when time alone may change any.

    `things`: of those that are keyed by this slot only these things.
    """
    changes: list[Change] = []
    now, memberships = profile.as_of, profile.memberships
    may_be_in, first = leave(compiled, profile, now)
    for segment in segments:
        if segment.since > now:  # until then it is as it was before
            first = min(first, segment.since)
            continue
        root = segment.root
        for key in _NO_KEY if segment.keyed is None else _keys(segment, profile, things):
            name = _member(segment.id, key) if key else segment.id
            stay = memberships.get(name)
            if may_be_in and root.holds(profile, key, now):
                if stay is None or stay.left_at is not None:
                    since = now if in_order else _since(compiled, segment, profile, key, now, inside=True)
                    memberships[name] = _entered(since, profile, stay)
            elif stay is not None and stay.left_at is None:
                since = now if in_order else _since(compiled, segment, profile, key, now, inside=False)
                stay.left_at = max(stay.entered_at, since)
                if stay.announced and stay.told != NOBODY and stay.left_at >= segment.since:
                    changes.append(SegmentLeft(segment.id, stay.left_at, key))
            instant = root.until(profile, key, now)
            if instant is not None and instant < first:
                first = instant
    return changes, first


def announce(compiled: Compiled, profile: Profile, read_up_to: int) -> list[Change]:
    """The entries that campaigns should hear of now: still standing, and their grace is over. Each is told once.

    Over by the stream, which was read up to what was received at `read_up_to`, not by the clock: what ends the stay may
    lie further back. An entry that is only learnt of `TOO_LATE` is history, which somebody sends again, and one before
    the segment took over as it is was nobody's news: nobody is told.
    """
    changes: list[Change] = []
    for segment, key, stay in _waiting(compiled, profile):
        if stay.entered_at >= segment.since and stay.entered_at + segment.grace > read_up_to:
            continue
        stay.announced = True
        if segment.keyed is not None:
            timer = profile.timers[segment.keyed.slot][key]
            timer.announced = timer.did
        if stay.entered_at < segment.since or stay.entered_at + segment.grace + TOO_LATE <= read_up_to:
            stay.told = NOBODY
            continue
        changes.append(SegmentEntered(segment.id, stay.entered_at, key))
    return changes


def forget_stays(compiled: Compiled, profile: Profile) -> list[Change]:
    """Drop the stays of things that are known no more, and of keys that the segment has not (any more).

    What was pushed out by newer things while campaigns counted on it has left: the exits that they must hear of.
    """
    changes: list[Change] = []
    for name, stay in list(profile.memberships.items()):
        segment_id, _, key = name.partition(_SEPARATOR)
        segment = compiled.segments.get(segment_id)
        if segment is None or segment.since > profile.as_of:
            continue
        if (not key) if segment.keyed is None else key in profile.timers.get(segment.keyed.slot, ()):
            continue
        del profile.memberships[name]
        told = stay.announced and stay.told != NOBODY and stay.entered_at >= segment.since
        if told and key and segment.keyed is not None and stay.left_at is None:
            changes.append(SegmentLeft(segment_id, profile.as_of, key))
    return changes


def next_due(compiled: Compiled, profile: Profile) -> int | None:
    """The first instant after `profile.as_of` at which a membership may change, an entry's grace ends, or a trait goes.

    An entry that waits although its grace is over waits for the stream: the next wake-up lies behind all of it.
    """
    soonest = profile.as_of + 1
    instants = [max(stay.entered_at + segment.grace, soonest) for segment, _, stay in _waiting(compiled, profile)]
    asked = [*_concerned(compiled, profile), *compiled.pending]
    ends = leave(compiled, profile, profile.as_of)[1] if is_used(profile) else FOREVER
    instants.append(_next_instant(asked, profile, profile.as_of, ends))
    if (end := compiled.policies.traits.first_end(profile.traits)) is not None:
        instants.append(max(end, soonest))
    first = min(instants)
    return None if first == FOREVER else first


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


def _next_instant(segments: Iterable[CompiledSegment], profile: Profile, after: int, ends: int) -> int:
    """`ends`: when leave to be in any of them does."""
    first = ends
    for segment in segments:
        if segment.since > after:
            first = min(first, segment.since)
            continue
        until = segment.root.until
        for key in _keys(segment, profile):
            instant = until(profile, key, after)
            if instant is not None and instant < first:
                first = instant
    return first


def _keys(
    segment: CompiledSegment, profile: Profile, things: tuple[str, Collection[str]] | None = None
) -> Collection[str]:
    if segment.keyed is None:
        return _NO_KEY
    if things is not None and things[0] == segment.keyed.slot:
        return things[1]
    return tuple(profile.timers.get(segment.keyed.slot, ()))


def _since(compiled: Compiled, segment: CompiledSegment, profile: Profile, key: str, now: int, *, inside: bool) -> int:
    """The instant since which the condition holds or does not, as it does now, consent included."""
    said_at = given_or_taken(compiled, profile, now)
    if not inside and not leave(compiled, profile, now)[0]:
        return said_at
    return min(now, max(said_at, segment.root.since(profile, key, now)))


def _entered(since: int, profile: Profile, last: Membership | None) -> Membership:
    if last is not None and last.left_at is not None and last.left_at > since:
        since = last.left_at
    return Membership(max(profile.first_seen, since))


def _member(segment: str, key: str) -> str:
    return f"{segment}{_SEPARATOR}{key}" if key else segment
