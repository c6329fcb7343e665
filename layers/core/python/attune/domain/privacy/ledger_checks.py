"""Is the ledger as it was written? Chains of consent, digests of days, the access records that a digest seals.

A chain is believed from its head backwards: the head says what the newest link must be, each link what the one before.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from attune.domain.privacy.access_records import Head, day_after, digest_of_day, is_day
from attune.domain.profiles.consent import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from attune.domain.privacy.access_records import DayDigest
    from attune.domain.profiles.consent import LedgerEntry

#: `cut_off`: gone from there to the end; `missing`: was never written, or is gone with all behind it
type What = Literal["changed", "removed", "reordered", "inserted", "cut_off", "missing"]

_ENTRY: Final = re.compile(r"consent#([0-9]{8,15})", re.ASCII)


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with which record: `where` a chain or a day, `entry` one of it."""

    what: What
    where: str
    entry: str


class Link(msgspec.Struct, frozen=True):
    """One record of a chain as it lies there. `sound`: its digest is that of what it says, at its place.

    `elsewhere`: it is that of what it says, at another place.
    """

    digest: str
    previous: str
    sound: bool
    elsewhere: bool = False


def check_links(links: Mapping[int, Link], length: int, head: str) -> list[tuple[What, int]]:
    """What is wrong with a chain of numbers 1 to `length` whose newest digest is `head`, in order of numbers.

    A gap is told by its first number.
    """
    wrong: list[tuple[What, int]] = [("inserted", number) for number in links if not 1 <= number <= length]
    held = sorted(number for number in links if 1 <= number <= length)
    following = length + 1
    expected: str | None = head
    for number in reversed(held):
        if number + 1 != following:
            wrong.append(("cut_off" if following > length else "removed", number + 1))
            expected = None
        link = links[number]
        is_believed = link.sound and (expected is None or link.digest == expected)
        if not is_believed:
            wrong.append(("reordered" if link.elsewhere else "changed", number))
        expected = link.previous if is_believed else None
        following = number
    if following > 1:
        wrong += [("removed" if held else "cut_off", 1)] if length else []
    elif expected:
        wrong.append(("changed", 1))  # it says that something went before it
    return sorted(wrong, key=lambda one: one[1])


def check_chain(profile_id: str, entries: Sequence[LedgerEntry], length: int, head: str) -> list[Finding]:
    """Of one profile's consent records: it says that there are `length`, and that the newest's digest is `head`."""
    where = f"consent of {profile_id}"
    links: dict[int, Link] = {}
    strange: list[Finding] = []
    for entry in entries:
        found = _ENTRY.fullmatch(entry.entry)
        number = int(found[1]) if found else 0
        if number in links or entry.entry != f"consent#{number:08d}":
            strange.append(Finding("inserted", where, entry.entry))
        else:
            links[number] = _link(profile_id, entry, number, len(entries))
    wrong = check_links(links, length, head)
    return [*strange, *(Finding(what, where, f"consent#{number:08d}") for what, number in wrong)]


def _link(profile_id: str, entry: LedgerEntry, number: int, entries: int) -> Link:
    # evidence in an entry whose digest covers none was written by nobody who may
    is_covered = entry.form != 1 or not (entry.expires_at or entry.method or entry.notice or entry.message)

    def fits(at: int) -> bool:
        try:
            return is_covered and entry.profile_id == profile_id and digest_of(entry, at) == entry.digest
        except ValueError:  # what should be hex digits is none
            return False

    sound = fits(number)
    elsewhere = not sound and any(fits(other) for other in range(1, entries + 2))
    return Link(entry.digest, entry.previous, sound, elsewhere)


def check_digests(digests: Mapping[str, DayDigest | None], head: Head | None) -> list[Finding]:
    """Of the digests by the day that their keys name: None is one that cannot be read.

    One may be a day ahead of the head, also of none, where its writer died between the two.
    """
    wrong: list[Finding] = []
    if head is None or not (is_day(head.first) and is_day(head.day)):
        if head is not None or len(digests) > 1:
            wrong.append(Finding("changed" if head else "removed", "digests", "head"))
        elif not digests:
            return []  # nothing was ever sealed
        head = _head_of(digests)
    following = digests.get(day_after(head.day))
    if following is not None and following.previous == head.digest and digest_of_day(following) == following.digest:
        head = msgspec.structs.replace(head, day=following.day, digest=following.digest)
    place = _days_from(head.first)
    links: dict[int, Link] = {}
    for day, seal in digests.items():
        is_whole = seal is not None and digest_of_day(seal) == seal.digest
        sound = seal is not None and is_whole and seal.day == day
        digest, previous = (seal.digest, seal.previous) if seal is not None else ("", "")
        links[place(day)] = Link(digest, previous, sound, is_whole and not sound)
    found = check_links(links, place(head.day), head.digest)
    return wrong + [Finding(what, "digests", day_after(head.first, number - 1)) for what, number in found]


def _head_of(digests: Mapping[str, DayDigest | None]) -> Head:
    """In place of one that is gone: so far it can be told what became of the digests themselves."""
    first, last = min(digests, default="1970-01-01"), max(digests, default="1970-01-01")
    newest = digests.get(last)
    return Head(first=first, day=last, digest=newest.digest if newest else "")


def _days_from(first: str) -> Callable[[str], int]:
    begin = date.fromisoformat(first).toordinal()
    return lambda day: date.fromisoformat(day).toordinal() - begin + 1


def check_day(day: str, sealed: Collection[str], found: Collection[str]) -> list[Finding]:
    """Of one day's lines (`line_of`): those that its digest covers, and those that are made of what lies there now."""
    if sealed == found:
        return []
    where = f"access records of {day}"
    before, after = _by_place(sealed), _by_place(found)
    said, says = Counter(before.values()), Counter(after.values())
    return list(_differences(where, before, after, said, says))


def _differences(
    where: str, before: Mapping[str, str], after: Mapping[str, str], said: Mapping[str, int], says: Mapping[str, int]
) -> Iterator[Finding]:
    """What lies at another place now than it was sealed at is reordered; told at either place."""
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place), after.get(place)
        if old == new:
            continue
        if new is None:
            yield Finding("reordered" if says.get(old or "") else "removed", where, place)
        elif old is None:
            is_moved = said.get(new, 0) and says.get(new, 0) <= said.get(new, 0)
            yield Finding("reordered" if is_moved else "inserted", where, place)
        else:
            yield Finding("reordered" if said.get(new) else "changed", where, place)


def _by_place(lines: Collection[str]) -> dict[str, str]:
    return {place: said for place, _, said in (line.partition(" ") for line in lines)}
