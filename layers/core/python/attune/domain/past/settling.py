"""A profile brought in line with definitions that took over, without an event and without the lake. Pure.

What a `$wake` at that instant would do, for somebody who has none, and two things beside: what a definition kept that
is there no more goes, and what lies before a takeover waits for no wake-up to be told to nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from attune.domain import segments
from attune.domain.processing.fold import finish
from attune.domain.profiles.profile import NOBODY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from attune.domain.profiles.changes import Change
    from attune.domain.profiles.profile import Membership, Profile
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
    return segments.evaluate(compiled, profile) + finish(profile, compiled, max(until, profile.as_of), _NOT_READ)


class Outline(NamedTuple):
    """What `settle` may change of a profile, beside what time changes anyway."""

    memberships: bytes
    slots: frozenset[str]
    traits: int
    has_sessions: bool

    @classmethod
    def of(cls, profile: Profile) -> Self:
        """As it is now."""
        slots = frozenset((*profile.windows, *profile.samples, *profile.timers))
        return cls(
            msgspec.msgpack.encode(profile.memberships), slots, len(profile.traits), profile.sessions is not None
        )

    def was_settled(self, settled: Profile, compiled: Compiled) -> bool:
        """Whether settling changed nothing."""
        return (
            self.memberships == msgspec.msgpack.encode(settled.memberships)
            and self.slots <= compiled.kept
            and self.traits == len(settled.traits)
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


def _forget(profile: Profile, compiled: Compiled, gone: Collection[str]) -> None:
    """Of a segment that is not among `gone` a newer snapshot may know."""
    kept = compiled.kept
    profile.windows = {name: marks for name, marks in profile.windows.items() if name in kept}
    profile.samples = {name: samples for name, samples in profile.samples.items() if name in kept}
    profile.timers = {name: timers for name, timers in profile.timers.items() if name in kept}
    profile.sessions = profile.sessions if compiled.sessions else None
    left = set(gone) - compiled.segments.keys()
    profile.memberships = {
        name: stay for name, stay in profile.memberships.items() if name.partition("\x1f")[0] not in left
    }
