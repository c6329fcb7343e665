"""A profile brought in line with definitions that took over, without an event and without the lake. Pure.

What a `$wake` at that instant would do, for somebody who has none, and two things beside: what a definition kept that
is there no more goes, and what lies before a takeover waits for no wake-up to be told to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from attune.domain import segments
from attune.domain.fold import finish
from attune.domain.profiles import NOBODY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.domain.changes import Change
    from attune.domain.profiles import Membership, Profile
    from attune.domain.segments import Compiled
    from attune.domain.segments.compilation import CompiledSegment

#: nobody has read the stream: no entry's grace is over
_NOT_READ: Final = -1


def settle(
    profile: Profile, compiled: Compiled, until: int, *, gone: Collection[str], new: Collection[str]
) -> list[Change]:
    """Let time pass up to `until` (ms), by which all definitions have taken over; answers the exits to be told.

    `gone`: segments that were deleted. `new`: segments of which a rebuild has just found who is in; campaigns hear of
    those who came after it took over, as of anybody.
    """
    _forget(profile, compiled, gone)
    for segment, key, stay in _stays(profile, compiled, new):
        if stay.told == NOBODY and stay.entered_at >= segment.since:
            stay.announced, stay.told = False, None
            if segment.keyed is not None and (timer := profile.timers.get(segment.keyed.slot, {}).get(key)):
                timer.announced = None
    before = _stays_under_another_version(profile, compiled)
    changes = segments.evaluate(compiled, profile)
    changes += finish(profile, compiled, max(until, profile.as_of), _NOT_READ)
    for name, stay in before.items():
        if (now := profile.memberships.get(name)) is not None and now.left_at is None:
            profile.memberships[name] = stay  # what took over meanwhile says nothing of the time before
    for segment, key, stay in _stays(profile, compiled, compiled.segments):
        if not stay.announced and stay.entered_at < segment.since:
            stay.announced, stay.told = True, NOBODY
            if segment.keyed is not None and (timer := profile.timers.get(segment.keyed.slot, {}).get(key)):
                timer.announced = timer.did if timer.announced is None else timer.announced
    return changes


class Outline(NamedTuple):
    """What `settle` may change of a profile, beside what time changes anyway."""

    memberships: bytes
    slots: frozenset[str]
    has_sessions: bool

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """As it is now."""
        slots = frozenset((*profile.windows, *profile.samples, *profile.timers))
        return cls(msgspec.msgpack.encode(profile.memberships), slots, profile.sessions is not None)

    def was_settled(self, settled: Profile, compiled: Compiled) -> bool:
        """Whether settling changed nothing."""
        return (
            self.memberships == msgspec.msgpack.encode(settled.memberships)
            and self.slots <= _kept_slots(compiled)
            and (compiled.sessions or not self.has_sessions)
        )


def _stays(
    profile: Profile, compiled: Compiled, wanted: Collection[str]
) -> Iterator[tuple[CompiledSegment, str, Membership]]:
    """Stays that last, in segments of `wanted`."""
    for name, stay in profile.memberships.items():
        segment_id, _, key = name.partition("\x1f")
        if stay.left_at is None and segment_id in wanted and segment_id in compiled.segments:
            yield compiled.segments[segment_id], key, stay


def _stays_under_another_version(profile: Profile, compiled: Compiled) -> dict[str, Membership]:
    """Stays that last, as the version before knew them."""
    later = {name for name, segment in compiled.segments.items() if segment.since > profile.as_of}
    return {
        name: msgspec.structs.replace(stay)
        for name, stay in profile.memberships.items()
        if stay.left_at is None and name.partition("\x1f")[0] in later
    }


def _forget(profile: Profile, compiled: Compiled, gone: Collection[str]) -> None:
    """Of a segment that is not among `gone` a newer snapshot may know."""
    kept = _kept_slots(compiled)
    profile.windows = {name: marks for name, marks in profile.windows.items() if name in kept}
    profile.samples = {name: samples for name, samples in profile.samples.items() if name in kept}
    profile.timers = {name: timers for name, timers in profile.timers.items() if name in kept}
    profile.sessions = profile.sessions if compiled.sessions else None
    left = set(gone) - compiled.segments.keys()
    profile.memberships = {
        name: stay for name, stay in profile.memberships.items() if name.partition("\x1f")[0] not in left
    }


def _kept_slots(compiled: Compiled) -> frozenset[str]:
    return frozenset(compiled.by_name) | {one.slot for found in compiled.absences.values() for one in found}
