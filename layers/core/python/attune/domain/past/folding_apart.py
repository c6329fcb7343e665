"""Whose events are whose once a profile was unlinked, and both sides folded anew from their own. Pure.

**The rule**: an event goes with its strongest identifier, as on the stream. If that went to the new profile, the event
is the new one's, whatever else it names; else it stays. So of events that name both sides each has one owner.

**Together or not at all.** All who are not folded apart from each other yet are folded and written as one: nothing
is on both sides, nothing on neither. The old one's knowledge of what campaigns heard goes with the carts: what it told
is not told again, and what waits to be told is told once, by whom it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain import segments
from attune.domain.events import LIST
from attune.domain.past.rebuilding import is_whole, rebuild
from attune.domain.profiles.profile import Timer, Trait, set_trait
from attune.domain.profiles.splits import is_pending, old_sides, pair_of, unlinked_at
from attune.domain.profiles.state import decode_profile, encode_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from attune.domain.identifiers import Identifier
    from attune.domain.past.rebuilding import Told
    from attune.domain.profiles.profile import Profile, Split
    from attune.domain.segments import Compiled

    type KeyOf = Callable[[Identifier], str]


#: what both sides of an unlinking have made of a profile
_OF_BOTH: Final = ("carts", "memberships", "scores", "windows", "samples", "timers")


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
    stored: Mapping[str, Profile],
    events: Mapping[str, Events],
    compiled: Compiled,
    key_of: KeyOf,
    *,
    now: int,
    anyway: bool = False,
) -> dict[str, Profile] | None:
    """Profiles anew, by id: one, or all who were unlinked and are not folded apart yet; None where rows lack.

    `anyway`: who is not folded apart yet is so from the rows that there are. Of what none of them tells only traits
    stay that were said after the unlinking: of anything else nobody knows whose it was. What comes after all is theirs
    by then: the next rebuild counts it.
    """
    stored = {root: _caught_up(profile, events[root], key_of) for root, profile in stored.items()}
    lacking = [root for root, profile in stored.items() if not _is_all_told(profile, events[root], key_of)]
    if lacking and not (anyway and all(is_pending(stored[root]) for root in lacking)):
        return None
    told = {root: whose(profile.splits, events[root], key_of) for root, profile in stored.items()}
    own = {root: _with_own_lists(profile, told[root]) for root, profile in stored.items()}
    fresh = {root: rebuild(profile, told[root], compiled) for root, profile in own.items()}
    for root, profile in own.items():
        if origins := list(_origins(profile, stored)):
            untold = {name for origin in origins for name in _untold(stored[origin], fresh[origin], compiled)}
            fresh[root] = rebuild(_informed(profile, [stored[one] for one in origins]), told[root], compiled, untold)
    for root in lacking:
        _keep_later_traits(fresh[root], stored[root], events[root])
        segments.evaluate(compiled, fresh[root])
    few = sum(max(stored[one].events - _calls(_told_of_both(stored[one], events[one], key_of)), 0) for one in lacking)
    for root, profile in fresh.items():
        if is_pending(profile):
            profile.events = _calls(told[root])
            profile.splits = _folded(profile.splits, now, few)
    return fresh


def _caught_up(profile: Profile, events: Events, key_of: KeyOf) -> Profile:
    """With the count of what had not arrived when they were folded apart, and has now."""
    few = max((split.lacking for split in profile.splits.values()), default=0)
    if not few or is_pending(profile):
        return profile
    come = _calls(whose(profile.splits, events, key_of)) - profile.events
    if not 0 < come <= few:
        return profile
    splits = {
        name: msgspec.structs.replace(split, lacking=max(split.lacking - come, 0))
        for name, split in profile.splits.items()
    }
    return msgspec.structs.replace(profile, events=profile.events + come, splits=splits)


def _folded(splits: Mapping[str, Split], now: int, few: int) -> dict[str, Split]:
    """As of now; those that were folded before stay as they are."""
    return {
        name: split if split.folded else msgspec.structs.replace(split, folded=True, folded_at=now, lacking=few)
        for name, split in splits.items()
    }


def _calls(told: Sequence[Told]) -> int:
    return sum(one.is_call for one in told)


def _told_of_both(profile: Profile, events: Events, key_of: KeyOf) -> list[Told]:
    """What a profile counts: of those from whom it is not folded apart yet theirs too."""
    return whose({name: split for name, split in profile.splits.items() if split.folded}, events, key_of)


def _is_all_told(profile: Profile, events: Events, key_of: KeyOf) -> bool:
    gone = [one.told for one in events.own if profile.splits]
    return is_whole(profile, _told_of_both(profile, events, key_of), unlinked_at(profile), gone)


def _keep_later_traits(fresh: Profile, stored: Profile, events: Events) -> None:
    told = {one.told.order for found in (events.own, *events.others.values()) for one in found}
    since = max(split.at for split in stored.splits.values() if not split.folded)
    for name, trait in stored.traits.items():
        if trait.order not in told and trait.time > since:
            set_trait(fresh.traits, name, trait)


def whose(splits: Mapping[str, Split], events: Events, key_of: KeyOf) -> list[Told]:
    """A profile's own events, by these unlinkings."""
    if not splits:
        return [one.told for one in events.own]
    lain = (("", events.own), *events.others.items())
    return [one.told for name, found in lain for one in found if is_theirs(splits, name, one, key_of)]


def is_theirs(splits: Mapping[str, Split], name: str, one: Lain, key_of: KeyOf) -> bool:
    """Of a row that lies for a profile: by the unlinking `name` under another, or, without a name, under its own id."""
    strongest = _strongest(one, key_of)
    if name and not (name in splits and splits[name].took(strongest)):
        return False
    left = (split for split in splits.values() if not split.is_new)
    return not any(one.version <= split.version and split.took(strongest) for split in left)


def surely_own(profile: Profile) -> tuple[Profile, int]:
    """What a profile was told since it was unlinked, as long as it is not folded apart; and how much that leaves out.

    All else may be the other's. What is counted with, and what follows from it, is of both.
    """
    if not is_pending(profile):
        return profile, 0
    since = max(split.at for split in profile.splits.values() if not split.folded)
    own = msgspec.structs.replace(
        profile,
        traits={name: told for name, told in profile.traits.items() if told.time > since},
        lists={name: told for name, told in profile.lists.items() if told.time > since},
        place=profile.place if profile.place is not None and profile.place.time > since else None,
        **{name: {} for name in _OF_BOTH},
        sessions=None,
        activity=None,
    )
    return own, sum(len(getattr(profile, name)) - len(getattr(own, name)) for name in ("traits", "lists", *_OF_BOTH))


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
