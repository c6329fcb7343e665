"""From a batch's records to independent components: records that share people, with all that is stored of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.events import Origin
from attune.domain.identifiers import UNLINKING, WEAK
from attune.domain.identity.resolution import expired
from attune.domain.processing.addressed import addressees, is_unlinking
from attune.domain.processing.forgetting import is_forgetting
from attune.domain.processing.people import People
from attune.domain.processing.working import Working
from attune.domain.processing.working_set import WorkingSet
from attune.domain.profiles.splits import has_moved
from attune.domain.profiles.state import decode_profile
from attune.ports import ConflictError
from attune.use_cases.processing.load_traces import load_traces
from attune.use_cases.profiles.find_profiles import ends, grave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune.domain.events import Record
    from attune.domain.identity.resolution import Identity
    from attune.domain.segments import Compiled
    from attune.ports import Identified, ProfileItem, ProfileStore, Seal


class Read(msgspec.Struct, frozen=True, gc=False):
    """A decoded record and its place in the batch. `final` is False for the first part of one that had to be split."""

    index: int
    sequence: str
    record: Record
    whole: bytes
    final: bool = True


class Component(msgspec.Struct, frozen=True):
    """Records that touch the same people, in order, and what is stored of these."""

    reads: tuple[Read, ...]
    identities: dict[str, Identity]
    items: dict[str, ProfileItem]
    #: entries of the pages that the items name, by reference
    pages: dict[bytes, bytes]
    founders: dict[str, tuple[str, int]]
    consistent: bool

    @property
    def read_up_to(self) -> int:
        """When the newest of the records was received; where one had to be split, its rest still lies further back."""
        return max((read.record.received_at for read in self.reads if read.final), default=0)

    def working_set(self, *, now: int, compiled: Compiled, pseudonyms: Identified, seal: Seal) -> WorkingSet:
        """A fresh working copy; folding it changes nothing that is stored or loaded.

        `ConflictError` where an identifier was read as a profile's that it has left since.
        """
        ends_at = {item.profile_id: item for item in self.items.values()}
        graves = {one: left for one, item in ends_at.items() if item.erased_at and (left := grave(item)) is not None}
        roots = {profile_id: item.profile_id for profile_id, item in self.items.items()} | {one: one for one in ends_at}
        live_items, led = ends_at, {}
        if graves:
            live_items = {one: item for one, item in ends_at.items() if one not in graves}
            led = {profile_id: graves[end] for profile_id, end in roots.items() if end in graves}
            roots = {profile_id: end for profile_id, end in roots.items() if end not in graves}
        now = max(now, *(read.record.received_at for read in self.reads))
        people = People(
            now=now,
            compiled=compiled,
            new_data_key=seal.new_key,
            identities=self.identities,
            roots=roots,
            graves=led,
            working={profile_id: working(item, self.pages) for profile_id, item in live_items.items()},
            founders=self.founders,
        )
        self._check(people)
        return WorkingSet(now=now, compiled=compiled, key_of=pseudonyms.key, people=people)

    def _check(self, people: People) -> None:
        """Who lags is told by who was unlinked; of consistent reads, only if a commit came between them."""
        unlinked = [one for one in people.working.values() if one.profile.splits]
        for key, identity in self.identities.items() if unlinked else ():
            owner = people.live(identity.profile_id)
            if owner is None or identity.namespace in WEAK:
                continue
            asked = [owner] if self.consistent else unlinked
            if any(has_moved(one.profile, key, owner.profile) for one in asked):
                raise ConflictError(key)


def working(item: ProfileItem, pages: dict[bytes, bytes]) -> Working:
    """A stored profile with its memory, to be folded; a page that has expired is forgotten."""
    profile = decode_profile(item.state)
    profile.pages = {reference: pages[reference] for reference in item.pages if reference in pages}
    return Working(profile, item.version, item.due_at, stored_pages=set(profile.pages))


def load_components(
    profiles: ProfileStore, pseudonyms: Identified, reads: Sequence[Read], now: int, *, consistent: bool
) -> list[Component]:
    """The reads for the batch: who the identifiers belong to, those profiles, which profile ids are free, and pages."""
    keys = {read.index: _keys(read.record, pseudonyms) for read in reads}
    addressed = {read.index: addressees(read.record) for read in reads}
    identities = profiles.identities(set().union(*keys.values()), consistent=consistent)
    owners = {identity.profile_id for identity in identities.values()}
    items = ends(profiles, owners.union(*addressed.values()), consistent=consistent)
    founding = {
        read.record.key
        for read in reads
        if keys[read.index] and not addressed[read.index] and not _bound(identities.get(read.record.key), items, now)
    }
    from_generation = {key: _first_generation(identities.get(key), items) for key in founding}
    from_generation |= _unlinked(reads, pseudonyms, identities)
    named_pages = {reference for item in items.values() for reference in item.pages}
    whole = Component(
        reads=tuple(reads),
        identities=identities,
        items=items,
        founders=_free_profile_ids(profiles, pseudonyms, from_generation, consistent=consistent),
        pages=profiles.pages(named_pages) if named_pages else {},
        consistent=consistent,
    )

    def people(read: Read) -> set[str]:
        owned = {identities[key].profile_id for key in keys[read.index] if key in identities}
        return {items[profile_id].profile_id for profile_id in owned | addressed[read.index] if profile_id in items}

    groups = _connected([(read, keys[read.index] | people(read)) for read in reads])
    components = [_component(whole, group, keys, addressed) for group in groups]
    return [_with_traces(profiles, one) if _is_forgetting(one) else one for one in components]


def _component(
    whole: Component, group: list[Read], keys: dict[int, set[str]], addressed: dict[int, set[str]]
) -> Component:
    """What of all that was read is about a group; `keys`, `addressed`: what each read names, by its index."""
    named = set().union(*(keys[read.index] for read in group))
    identities = {key: whole.identities[key] for key in named if key in whole.identities}
    profile_ids = {identity.profile_id for identity in identities.values()}
    profile_ids = profile_ids.union(*(addressed[read.index] for read in group))
    return msgspec.structs.replace(
        whole,
        reads=tuple(group),
        identities=identities,
        items={profile_id: whole.items[profile_id] for profile_id in profile_ids if profile_id in whole.items},
        founders={key: whole.founders[key] for key in named if key in whole.founders},
    )


def _is_forgetting(component: Component) -> bool:
    return len(component.reads) == 1 and is_forgetting(component.reads[0].record)


def _with_traces(profiles: ProfileStore, component: Component) -> Component:
    """Who forgets must know all that leads to whom."""
    identities, items, pages = load_traces(profiles, component.identities, component.items, component.pages)
    return msgspec.structs.replace(component, identities=identities, items=items, pages=pages)


def _keys(record: Record, pseudonyms: Identified) -> set[str]:
    if not record.events:
        return {record.key}
    return {pseudonyms.key(identifier) for event in record.events for identifier in event.identifiers}


def _bound(identity: Identity | None, items: dict[str, ProfileItem], now: int) -> bool:
    if identity is None or expired(identity, now) or identity.profile_id not in items:
        return False
    return items[identity.profile_id].erased_at is None


def _first_generation(identity: Identity | None, items: dict[str, ProfileItem]) -> int:
    """From which on a key may found a profile: after an erasure beyond all that anybody tried before."""
    if identity is None:
        return 0
    end = items.get(identity.profile_id)
    was_erased = identity.erased_at or (end is not None and end.erased_at is not None)
    return _raised(identity) if was_erased else 0


def _raised(identity: Identity) -> int:
    return (identity.generation // UNLINKING + 1) * UNLINKING


def _unlinked(reads: Sequence[Read], pseudonyms: Identified, identities: dict[str, Identity]) -> dict[str, int]:
    """The generation from which on the strongest identifier that leaves a profile may found one.

    It is raised beyond those that anybody tries who founds a profile: a fold that lost its race has archived rows
    under an id that never came to be, and must not by this.
    """
    leaving = {
        pseudonyms.key(event.identifiers[0])
        for read in reads
        if is_unlinking(read.record)
        for event in read.record.events
        if event.identifiers
    }
    return {key: _raised(identities[key]) for key in leaving if key in identities}


def _free_profile_ids(
    profiles: ProfileStore, pseudonyms: Identified, from_generation: dict[str, int], *, consistent: bool
) -> dict[str, tuple[str, int]]:
    """For every key that may found a profile: the first generation, from a given one on, whose id was never used."""
    free: dict[str, tuple[str, int]] = {}
    unknown, step = dict(from_generation), 0
    while unknown:
        tried = {key: generation + step for key, generation in unknown.items()}
        candidates = {key: (pseudonyms.profile_id(key, generation), generation) for key, generation in tried.items()}
        used = profiles.items({profile_id for profile_id, _ in candidates.values()}, consistent=consistent)
        free |= {key: candidate for key, candidate in candidates.items() if candidate[0] not in used}
        unknown = {key: generation for key, generation in unknown.items() if key not in free}
        step += 1
    return free


def _connected(marked: Iterable[tuple[Read, set[str]]]) -> list[list[Read]]:
    """Records that share a mark, directly or over others, together; each group in the order of the batch."""
    groups: list[tuple[set[str], list[Read]]] = []
    home: dict[str, int] = {}
    for read, marks in marked:
        joined = sorted({home[mark] for mark in marks if mark in home})
        if not joined:
            groups.append((set(), []))
            joined = [len(groups) - 1]
        into_marks, into_reads = groups[joined[0]]
        for other in joined[1:]:
            other_marks, other_reads = groups[other]
            into_marks |= other_marks
            into_reads += other_reads
            for mark in other_marks:
                home[mark] = joined[0]
            groups[other] = (set(), [])
        into_marks |= marks
        into_reads.append(read)
        for mark in marks:
            home[mark] = joined[0]
    return [sorted(reads, key=lambda read: (read.index, read.final)) for _, reads in groups if reads]


def set_apart(reads: tuple[Read, ...]) -> tuple[list[Read], list[Read]] | None:
    """What comes before an unlinking and the rest, or the unlinking and the rest; None where it is alone or none.

    Folded by itself it splits what is stored, and no event of the same batch lies on both sides of it. So with what
    forgets: nothing of the same batch is held against marks that it makes, or forgets with it what is not stored yet.
    """
    place = next((place for place, read in enumerate(reads) if _stands_alone(read.record)), None)
    if place is None:
        return None
    if len(reads) == 1:
        return halve(reads) if is_forgetting(reads[0].record) else None
    return list(reads[: place or 1]), list(reads[place or 1 :])


def _stands_alone(record: Record) -> bool:
    return record.origin is Origin.INTERNAL and (is_unlinking(record) or is_forgetting(record))


def halve(reads: tuple[Read, ...]) -> tuple[list[Read], list[Read]] | None:
    """The first half, to fold by itself, and the rest; None where there is nothing to split.

    A single record is split between its events, and only its last part moves the cursor: until then the memory of
    message ids keeps the first part from applying twice, which holds more of them than a record (`MAX_TOGETHER`).
    """
    if len(reads) > 1:
        return list(reads[: len(reads) // 2]), list(reads[len(reads) // 2 :])
    events = reads[0].record.events
    if len(events) < 2:  # noqa: PLR2004 (one or none cannot be split)
        return None
    first = msgspec.structs.replace(reads[0].record, events=events[: len(events) // 2])
    rest = msgspec.structs.replace(reads[0].record, events=events[len(events) // 2 :])
    begin = msgspec.structs.replace(reads[0], record=first, final=False)
    return [begin], [msgspec.structs.replace(reads[0], record=rest)]
