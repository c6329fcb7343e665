"""`$erase` and `$suppress`: who is forgotten, and whose events are not taken in any more. Pure.

Every profile that an identifier named leads to becomes a grave, and all identities that lead there are marked. The
grave and the marks of what was named are written last and together, so that whoever is cut off before finds everything
again; what is marked before by itself already refuses.

A new life is told from the old one by its binding: what was claimed after a mark is claimed for somebody who came
later. So a word that is read again, or late, forgets nobody who came after it, and needs no position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from attune.domain.events import ERASE, SUPPRESS, Origin, short_hash
from attune.domain.identifiers import WEAK
from attune.domain.identity.markers import Grave
from attune.domain.identity.resolution import Claim, Identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.events import Event, Record
    from attune.domain.processing.people import Keyed, People
    from attune.domain.processing.working import Working
    from attune.domain.processing.working_set import WorkingSet
    from attune.domain.profiles.profile import Profile


@dataclass(slots=True)
class Forgotten:
    """What is to be written beside profiles: marks of identifiers that were not named, graves, marks of those named.

    In this order, if not at once; the strongest that was named is the last.
    """

    people: People
    now: int
    others: dict[str, Claim] = field(default_factory=dict)
    #: by profile id, as they will be
    graves: dict[str, Grave] = field(default_factory=dict)
    named: dict[str, Claim] = field(default_factory=dict)


def is_forgetting(record: Record) -> bool:
    """Whether it is to be folded by itself: whatever is folded with it would not know of its marks."""
    return record.origin is Origin.INTERNAL and any(event.type in {ERASE, SUPPRESS} for event in record.events)


def forget(work: WorkingSet, record: Record) -> Forgotten:
    """Apply a record that is forgetting; events beside it in the same record must have been folded apart."""
    forgotten = Forgotten(work.people, work.now)
    for event in record.events:
        keyed = work.keyed(event)
        if event.type == ERASE and keyed and not _is_gathered(forgotten, event, record, keyed):
            work.outcomes["dropped", "ungathered"] += 1
        elif event.type == ERASE and keyed:
            changed = _erase(forgotten, event, record, keyed[::-1])
            work.outcomes["applied" if changed else "duplicate", "erase"] += 1
        elif event.type == SUPPRESS and keyed:
            changed = _suppress(forgotten, event, record, keyed[::-1])
            work.outcomes["applied" if changed else "duplicate", "suppress"] += 1
        else:
            work.put_aside(event, record, "wrong_partition")
    return forgotten


def digest_of(profile: Profile) -> str:
    """Of who somebody is: another one as soon as they are linked to more, or are one with somebody else."""
    keys = (key for key, link in profile.links.items() if link.identifier.namespace not in WEAK)
    return short_hash(profile.profile_id, *sorted(keys)).hex()


def _is_gathered(forgotten: Forgotten, event: Event, record: Record, keyed: Keyed) -> bool:
    """Whether those whom it forgets are who they were when somebody wrote down what else is to be looked for.

    `gathered`: digests by profile id; where it is not said, nobody has.
    """
    gathered = event.properties.get("gathered")
    if gathered is None:
        return True
    going = _going(forgotten.people, keyed, record.received_at)
    return all(gathered.get(root) == digest_of(one.profile) for root, one in going.items())


def _erase(forgotten: Forgotten, event: Event, record: Record, keyed: Keyed) -> bool:
    """Whether anything was left to forget, or to mark."""
    people, said_at = forgotten.people, record.received_at
    going = _going(people, keyed, said_at)
    others = {key: found for one in going.values() for key, found in _leading_to(people, one).items()}
    at = max(forgotten.now, said_at, *_last_heard(people, going.values(), keyed), *(one.at for one in others.values()))
    for one in going.values():
        _close(people, one)
        _write(forgotten, people.bury(one, at))
    for key, identity in others.items():
        read = people.identity(key)
        forgotten.others[key] = _claim(key, read, msgspec.structs.replace(identity, erased_at=at))
    for key, identifier in keyed:
        read = people.identity(key)
        if read is not None and read.erased_at >= said_at:
            continue
        known = read or others.get(key) or Identity(profile_id="", at=0, namespace=identifier.namespace)
        forgotten.others.pop(key, None)
        forgotten.named[key] = _claim(key, read, msgspec.structs.replace(known, erased_at=at))
    if event.properties.get("suppress"):
        for key, identifier in keyed:
            _take_nothing_in(forgotten, key, identifier.namespace, said_at)
    return bool(forgotten.graves or forgotten.others or forgotten.named)


def _going(people: People, keyed: Keyed, said_at: int) -> dict[str, Working]:
    """By id the profiles that what is named leads to, but for those of a life that began after the word."""
    going = {}
    for key, _ in keyed:
        identity, owner = people.identity(key), people.owner(key, lapsed=True)
        if identity is None or owner is None:
            continue
        if identity.erased_at < said_at or identity.at <= identity.erased_at:
            going[owner.profile.profile_id] = owner
    return going


def _last_heard(people: People, going: Iterable[Working], keyed: Keyed) -> Iterator[int]:
    """Nothing that was received by these instants may come back, though an entrance's clock was ahead of ours."""
    yield from (read.at for key, _ in keyed if (read := people.identity(key)) is not None)
    yield from (position.at for one in going for position in one.profile.cursors.values())


def _leading_to(people: People, working: Working) -> dict[str, Identity]:
    """The identities of a profile's links, as bound or as they would be; who has moved on is left alone."""
    profile = working.profile
    found = {}
    for key, link in profile.links.items():
        identity = people.identity(key)
        if identity is None:
            found[key] = Identity(
                profile_id=profile.profile_id,
                at=0,
                namespace=link.identifier.namespace,
                generation=profile.generation,
            )
        elif people.live(identity.profile_id) is working:
            found[key] = identity
    return found


def _close(people: People, going: Working) -> None:
    """Take its key from those who were unlinked from it: nothing is left of it that they could be folded apart from."""
    for other in people.working.values():
        splits = {
            name: msgspec.structs.replace(split, data_key=b"", folded=True)
            for name, split in other.profile.splits.items()
            if split.is_new and split.data_key and people.live(split.other) is going
        }
        if other is not going and splits:
            other.profile.splits = {**other.profile.splits, **splits}
            other.dirty = True


def _suppress(forgotten: Forgotten, event: Event, record: Record, keyed: Keyed) -> bool:
    if event.properties.get("on"):
        said = [_take_nothing_in(forgotten, key, identifier.namespace, record.received_at) for key, identifier in keyed]
    else:
        said = [_take_in_again(forgotten, key, record.received_at) for key, _ in keyed]
    return any(said)


def _take_nothing_in(forgotten: Forgotten, key: str, namespace: str, since: int) -> bool:
    """Said of who was erased, it holds for all that still leads to the grave, and ends for all of it at once.

    The profile of somebody who lives is written with it: or a worker that remembers both would go on taking in.
    False where it was said already, or taken back since.
    """
    people, read = forgotten.people, forgotten.people.identity(key)
    grave, owner = people.grave(key), people.owner(key, lapsed=True)
    known = [one for one in (read, grave) if one is not None]
    if any(one.suppressed_at or one.released_at >= since for one in known):
        return False
    if grave is not None:
        _write(forgotten, people.replace_grave(grave, suppressed_at=since))
        return True
    mine = forgotten.named.get(key)
    identity = mine.identity if mine else read or Identity(profile_id="", at=0, namespace=namespace)
    claims = forgotten.named if owner is None else owner.claims
    claims[key] = _claim(key, read, msgspec.structs.replace(identity, suppressed_at=since))
    if owner is not None:
        owner.dirty = True
    return True


def _take_in_again(forgotten: Forgotten, key: str, at: int) -> bool:
    """False where nothing stood against it, or what does was said later."""
    people, read = forgotten.people, forgotten.people.identity(key)
    grave = people.grave(key)
    if read is None or read.released_at >= at or read.suppressed_at > at or not (grave or read.suppressed_at):
        return False
    if grave is not None and 0 < grave.suppressed_at <= at:
        _write(forgotten, people.replace_grave(grave, suppressed_at=0, released_at=at))
    forgotten.named[key] = _claim(key, read, msgspec.structs.replace(read, suppressed_at=0, released_at=at))
    return True


def _write(forgotten: Forgotten, grave: Grave) -> None:
    forgotten.graves[grave.profile_id] = grave


def _claim(key: str, read: Identity | None, identity: Identity) -> Claim:
    return Claim(identity_key=key, read=read, identity=identity)
