"""Two profiles in one: what stays of each thing that both had. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.identifiers import WEAK
from attune.domain.profiles import memory
from attune.domain.profiles.activity import merge_activity
from attune.domain.profiles.carts import merge_carts
from attune.domain.profiles.consent import SEGMENT, merge_consent
from attune.domain.profiles.profile import (
    FINGERPRINT,
    NOBODY,
    Link,
    Membership,
    cause_of,
    later_position,
    newer,
    set_score,
    set_trait,
)
from attune.domain.profiles.windows import Samples, Sessions, unite_marks, unite_samples, unite_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.profiles.profile import Profile, Score, Timer


def merge_profiles(survivor: Profile, absorbed: Profile, capacities: Mapping[str, int]) -> None:
    """Make `survivor` the one profile of both; commutative, associative and idempotent but for id, counts and keys.

    `capacities`: how much each slot keeps (an unknown one what the larger side had).
    """
    one, other = survivor, absorbed
    one.events += other.events
    one.merges += other.merges + 1
    one.first_seen = min(filter(None, (one.first_seen, other.first_seen)), default=0)
    one.last_seen = max(one.last_seen, other.last_seen)
    one.as_of = max(one.as_of, other.as_of)
    for key, link in other.links.items():
        known = one.links.get(key)
        one.links[key] = link if known is None else _merge_links(known, link)
    for mine, theirs in ((one.traits, other.traits), (one.lists, other.lists), (one.gone, other.gone)):
        for name, trait in theirs.items():
            set_trait(mine, name, trait)
    one.consent = merge_consent(one.consent, other.consent)
    _merge_windows(one, other, capacities)
    for slot, timers in other.timers.items():
        _merge_timers(one.timers.setdefault(slot, {}), timers)
    one.carts = merge_carts(one.carts, other.carts)
    one.activity = merge_activity(one.activity, other.activity)
    _merge_scores(one, other.scores)
    for profile in (one, other):
        for stay in profile.memberships.values():
            stay.told = cause_of(profile, stay)
    for name, stay in other.memberships.items():
        known_stay = one.memberships.get(name)
        one.memberships[name] = stay if known_stay is None else _merge_stays(known_stay, stay)
    for partition_key, position in other.cursors.items():
        one.cursors[partition_key] = later_position(one.cursors.get(partition_key), position)
    one.seen = memory.unite(one.seen, other.seen, FINGERPRINT)
    one.webhooks = memory.unite(one.webhooks, other.webhooks, FINGERPRINT)
    one.pages = memory.unite_pages(one.pages, other.pages, FINGERPRINT)
    one.seen_records = memory.unite(one.seen_records, other.seen_records, 0)
    one.splits = {**other.splits, **one.splits}
    if other.place is not None:
        one.place = newer(one.place, other.place)


def _merge_links(one: Link, other: Link) -> Link:
    """Held since the earlier; a weak one lapses by its last use, whoever used it."""
    decisive = max if one.identifier.namespace in WEAK else min
    return Link(one.identifier, decisive(one.at, other.at), one.verified or other.verified)


def _merge_windows(one: Profile, other: Profile, capacities: Mapping[str, int]) -> None:
    for slot, marks in other.windows.items():
        mine = one.windows.get(slot, [])
        one.windows[slot] = unite_marks(mine, marks, slot, capacities.get(slot, max(len(marks), len(mine))))
    for slot, samples in other.samples.items():
        known = one.samples.get(slot) or Samples([])
        capacity = capacities.get(slot, max(len(samples.kept), len(known.kept)))
        one.samples[slot] = unite_samples(known, samples, slot, capacity)
    if other.sessions is not None:
        one.sessions = unite_sessions(one.sessions or Sessions([]), other.sessions)


def _merge_scores(one: Profile, other: Mapping[str, Score]) -> None:
    """After consent is merged: who withdrew it on either side has none."""
    for model, score in other.items():
        set_score(one.scores, model, score)
    known = one.consent.get(SEGMENT)
    if known is not None and not known.granted:
        one.scores = {}


def _merge_timers(known: dict[str, Timer], other: Mapping[str, Timer]) -> None:
    for key, timer in other.items():
        mine = known.get(key)
        if mine is None:
            known[key] = timer
            continue
        mine.did, mine.without = _latest(mine.did, timer.did), _latest(mine.without, timer.without)
        mine.announced = _latest(mine.announced, timer.announced)


def _latest(one: int | None, other: int | None) -> int | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _merge_stays(one: Membership, other: Membership) -> Membership:
    """A stay that still lasts goes before one that ended; of two alike, the longer."""
    if (one.left_at is None) != (other.left_at is None):
        return one if one.left_at is None else other
    if one.left_at is None or other.left_at is None:
        told = min(filter(None, (one.told, other.told)), key=_telling, default=None)
        return Membership(min(one.entered_at, other.entered_at), None, one.announced or other.announced, told)
    return max(one, other, key=lambda stay: (stay.left_at or 0, stay.entered_at, stay.announced, stay.told or ("", 0)))


def _telling(told: tuple[str, int]) -> tuple[bool, int, str]:
    """The earliest first; what was told to nobody last."""
    return (told == NOBODY, told[1], told[0])
