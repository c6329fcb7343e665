"""Whose events are whose once a profile was unlinked, and both sides folded anew from their own. Pure.

**The rule**: an event goes with its strongest identifier, as on the stream. If that went to the new profile, the event
is the new one's, whatever else it names; else it stays. So of events that name both sides each has one owner.

**Together or not at all.** All who are not folded apart from each other yet are folded and written as one: nothing
is on both sides, nothing on neither. The old one's knowledge of what campaigns heard goes with the carts: what it told
is not told again, and what waits to be told is told once, by whom it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from attune.domain.events import LIST
from attune.domain.profile_state import decode_profile, encode_profile
from attune.domain.profiles import Timer, Trait, set_trait
from attune.domain.rebuilding import is_whole, rebuild
from attune.domain.splits import is_pending, old_sides, pair_of, unlinked_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attune.domain.identifiers import Identifier
    from attune.domain.profiles import Profile
    from attune.domain.rebuilding import Told
    from attune.domain.segments import Compiled
    from attune.domain.splits import Split

    type KeyOf = Callable[[Identifier], str]


@dataclass(frozen=True, slots=True)
class Lain:
    """An event as it lies in the lake: in a row of which version."""

    told: Told
    version: int


@dataclass(slots=True)
class Events:
    """What lies in the lake for a profile: under its own id and those it absorbed, and, by unlinking, under others."""

    own: list[Lain] = field(default_factory=list)
    others: dict[str, list[Lain]] = field(default_factory=dict)


def fold_apart(
    stored: Mapping[str, Profile], events: Mapping[str, Events], compiled: Compiled, key_of: KeyOf
) -> dict[str, Profile] | None:
    """Profiles anew, by id: one, or all who were unlinked and are not folded apart yet; None where rows lack."""
    for root, profile in stored.items():
        folded = {name: split for name, split in profile.splits.items() if split.folded}
        before = whose(folded, events[root], key_of)
        gone = (one.told for one in events[root].own if profile.splits)
        if not is_whole(profile, before, unlinked_at(profile), gone):
            return None
    told = {root: whose(profile.splits, events[root], key_of) for root, profile in stored.items()}
    own = {root: _with_own_lists(profile, told[root]) for root, profile in stored.items()}
    fresh = {root: rebuild(profile, told[root], compiled) for root, profile in own.items()}
    for root, profile in own.items():
        if origins := list(_origins(profile, stored)):
            untold = {name for origin in origins for name in _untold(stored[origin], fresh[origin], compiled)}
            fresh[root] = rebuild(_informed(profile, [stored[one] for one in origins]), told[root], compiled, untold)
    for root, profile in fresh.items():
        if is_pending(profile):
            profile.events = sum(one.is_call for one in told[root])
            profile.splits = {
                name: msgspec.structs.replace(split, folded=True) for name, split in profile.splits.items()
            }
    return fresh


def whose(splits: Mapping[str, Split], events: Events, key_of: KeyOf) -> list[Told]:
    """A profile's own events, by these unlinkings."""
    if not splits:
        return [one.told for one in events.own]
    mine = list(events.own)
    for name, lain in events.others.items():
        if name in splits:
            mine += [one for one in lain if splits[name].took(_strongest(one, key_of))]
    left = [split for split in splits.values() if not split.is_new]
    return [
        one.told
        for one in mine
        if not any(one.version <= split.version and split.took(_strongest(one, key_of)) for split in left)
    ]


def _strongest(one: Lain, key_of: KeyOf) -> str:
    """Empty for a score, which names a profile."""
    named = one.told.event.identifiers
    return key_of(named[0]) if named else ""


def _with_own_lists(profile: Profile, told: Sequence[Told]) -> Profile:
    """A rebuild keeps what lists somebody is on; of who is folded apart it is what was said of either."""
    if not is_pending(profile):
        return profile
    copy = _copied(profile)
    copy.lists = {}
    for one in told:
        if one.event.type == LIST:
            said = one.event.properties
            set_trait(copy.lists, said["list"], Trait(said["on"], one.event.time, one.order))
    return copy


def _origins(profile: Profile, stored: Mapping[str, Profile]) -> Iterator[str]:
    """Of whom a profile takes events over only now."""
    for name, split in profile.splits.items():
        if split.is_new and not split.folded:
            yield from (one for one, other in stored.items() if pair_of(name) in old_sides(other))


def _untold(stored: Profile, fresh: Profile, compiled: Compiled) -> Iterator[str]:
    """Stays that the old one has not told of, and has no more."""
    for name, stay in stored.memberships.items():
        if stay.left_at is None and not stay.announced and not _is_inside(fresh, name):
            yield name
    for segment in compiled.segments.values():
        if segment.keyed is None:
            continue
        kept = fresh.timers.get(segment.keyed.slot, {})
        for key, timer in stored.timers.get(segment.keyed.slot, {}).items():
            if timer.announced is None and key not in kept:
                yield f"{segment.id}\x1f{key}"


def _is_inside(profile: Profile, name: str) -> bool:
    stay = profile.memberships.get(name)
    return stay is not None and stay.left_at is None


def _informed(profile: Profile, origins: Sequence[Profile]) -> Profile:
    """A copy that knows which carts the old one told of; an order since makes that void."""
    copy = _copied(profile)
    for origin in origins:
        for slot, timers in origin.timers.items():
            for key, timer in timers.items():
                mine = copy.timers.setdefault(slot, {}).setdefault(key, Timer())
                ordered = mine.without is not None and timer.announced is not None and mine.without >= timer.announced
                if mine.announced is None and not ordered:
                    mine.announced = timer.announced
    return copy


def _copied(profile: Profile) -> Profile:
    copy = decode_profile(encode_profile(profile))
    copy.pages = dict(profile.pages)
    return copy
