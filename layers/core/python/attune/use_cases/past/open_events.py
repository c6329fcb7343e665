"""Profiles' events out of the lake: found under whoever they were applied to, and opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.past.folding_apart import Events, Lain
from attune.domain.past.rebuilding import open_told
from attune.domain.processing.verdicts import Verdict
from attune.use_cases.profiles.find_profiles import live

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from attune.domain.past.rebuilding import Told
    from attune.domain.processing.working import Working
    from attune.ports import ProfileReader, Seal
    from attune.ports.rebuilding import History, Person, SealedRow

    type Rows = Callable[[Collection[str]], Iterable[SealedRow]]


#: people whose rows are held in memory, and bytes of these that are enough
PAGE: Final = 200
ENOUGH: Final = 32 * 1024 * 1024


def next_people(history: History, place: str, after: int, page: int) -> list[Person]:
    """Of those laid out at `place` who come after the row `after`: a page, or as many as fit into memory."""
    people: list[Person] = []
    held = 0
    for person in history.people(place, after):
        people.append(person)
        held += sum(len(row.sealed) for row in person.rows)
        if len(people) >= page or held >= ENOUGH:
            break
    return people


def rows_of(people: Iterable[Person]) -> Rows:
    """Their rows, as they were laid out."""
    of: defaultdict[str, list[SealedRow]] = defaultdict(list)
    for row in (row for person in people for row in person.rows):
        of[row.profile_id].append(row)
    return lambda profile_ids: [row for one in profile_ids for row in of[one]]


@dataclass(slots=True)
class Trail:
    """The rows of a profile and of whom it had absorbed, up to one of its versions.

    Rows of a later version are of a commit that has not come to be, or that came after an unlinking. `root`: which
    live profile `start` has become. `owner`: for whom they are read, and `name`: by which unlinking; empty: their own.
    """

    owner: str
    name: str
    start: str
    root: str
    version: int
    data_keys: dict[str, set[bytes]]


def open_events(profiles: ProfileReader, seal: Seal, loaded: Mapping[str, Working], rows: Rows) -> dict[str, Events]:
    """By live profile what was applied to it or to whom it absorbed, over any merges, and to whom it was unlinked from.

    The data key of an absorbed profile lies in the row of its merge, that of whom it was unlinked from in the profile.
    """
    events = {root: Events() for root in loaded}
    trails = set_out(profiles, loaded)
    for trail in trails:
        if trail.name:
            events[trail.owner].others[trail.name] = []
    for found in follow(trails, profiles, seal, rows):
        for trail, lain in found:
            mine = events[trail.owner]
            (mine.others[trail.name] if trail.name else mine.own).append(lain)
    return events


def set_out(profiles: ProfileReader, loaded: Mapping[str, Working]) -> list[Trail]:
    """Where the events of these live profiles are looked for."""
    trails = [
        Trail(root, "", root, root, one.version or 0, {root: {one.profile.data_key}}) for root, one in loaded.items()
    ]
    others = {split.other for one in loaded.values() for split in one.profile.splits.values() if split.is_new}
    became = live(profiles, others, consistent=True) if others else {}
    for root, one in loaded.items():
        for name, split in one.profile.splits.items():
            if split.is_new and split.other in became:
                home = became[split.other].profile_id
                data_keys = {split.other: {split.data_key}}
                trails.append(Trail(root, name, split.other, home, split.version, data_keys))
    return trails


def follow(
    trails: Sequence[Trail], profiles: ProfileReader, seal: Seal, rows: Rows
) -> Iterator[list[tuple[Trail, Lain]]]:
    """Row by row what it holds, and for whom. One reading for all, and one more for each generation of merges."""
    ahead = {(trail.start, number) for number, trail in enumerate(trails)}
    while ahead:
        reading: defaultdict[str, list[int]] = defaultdict(list)
        for profile_id, number in ahead:
            reading[profile_id].append(number)
        absorbed: defaultdict[tuple[str, int], set[bytes]] = defaultdict(set)
        for row in rows(reading.keys()):
            found = []
            for number in reading[row.profile_id]:
                trail = trails[number]
                if row.version > trail.version or (plain := _open(seal, trail.data_keys[row.profile_id], row)) is None:
                    continue
                if row.verdict is Verdict.MERGED:
                    absorbed[row.absorbed, number].add(plain)
                elif (told := _read(row, plain)) is not None:
                    found.append((trail, Lain(told, row.version)))
            if found:
                yield found
        became = live(profiles, {profile_id for profile_id, _ in absorbed}, consistent=True)
        ahead = {
            (profile_id, number)
            for profile_id, number in absorbed
            if profile_id not in trails[number].data_keys
            and profile_id in became
            and became[profile_id].profile_id == trails[number].root
        }
        for profile_id, number in ahead:
            trails[number].data_keys[profile_id] = absorbed[profile_id, number]


def _open(seal: Seal, data_keys: Collection[bytes], row: SealedRow) -> bytes | None:
    """None where it is sealed for a profile that never came to be."""
    for data_key in data_keys:
        try:
            return seal.open(data_key, row.sealed)
        except ValueError:
            continue
    return None


def _read(row: SealedRow, plain: bytes) -> Told | None:
    """None for what is no event (any more): then the events do not add up, and the profile is left as it is."""
    try:
        return open_told(row.source, plain, repeated=row.repeated)
    except msgspec.MsgspecError:
        return None
