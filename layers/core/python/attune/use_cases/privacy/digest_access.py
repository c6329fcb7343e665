"""Once a day: seal the days of access records that are over, each with a digest that covers the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from attune.domain.privacy.access_records import (
    DIGESTS,
    Head,
    day_after,
    day_of,
    decode_digest,
    digest_key,
    encode_digest,
    line_of,
    list_key,
    read_partition,
    seal_day,
)

if TYPE_CHECKING:
    from attune.domain.privacy.access_records import DayDigest
    from attune.ports import Clock
    from attune.ports.documents import Documents
    from attune.ports.ledger import Ledger

#: ms after the end of a day until nobody writes records of it any more: functions are over after 15 minutes
SETTLED: Final = 3_600_000


class BrokenDigestsError(Exception):
    """The newest digest is not the one that was written, or a day is sealed otherwise already: nothing goes on it."""


class DigestAccess:
    """Callable. May be repeated at any time: a day is sealed once, and always in the same way."""

    def __init__(self, *, ledger: Ledger, documents: Documents, clock: Clock) -> None:
        self._ledger = ledger
        self._documents = documents
        self._clock = clock

    def __call__(self, has_time: Callable[[], bool] = lambda: True) -> list[str]:
        """The days it sealed, in order; what there is no time for is the next run's. `BrokenDigestsError`."""
        head = self._ledger.head()
        self._check(head)
        last = day_after(day_of(self._clock() - SETTLED), -1)
        day = day_after(head.day) if head else self._first(last)
        done: list[str] = []
        while day <= last and has_time():
            seal = self._seal(day, head.digest if head else "")
            following = Head(first=head.first if head else day, day=day, digest=seal.digest)
            self._ledger.set_head(following, head)
            head = following
            done.append(day)
            day = day_after(day)
        return done

    def _check(self, head: Head | None) -> None:
        """What the next digest covers must be what was written: who took digests away must not get a new chain."""
        if head is None:
            # one may lie there: of a first run that died before it wrote the head
            if len(self._documents.keys(DIGESTS)) > 1:
                raise BrokenDigestsError("there are digests and no head")
            return
        data = self._documents.get(digest_key(head.day))
        newest = decode_digest(data) if data is not None else None
        if newest is None or newest.digest != head.digest:
            raise BrokenDigestsError(head.day)

    def _first(self, last: str) -> str:
        """The first day that has records: once in a deployment's life the whole ledger is looked through for it."""
        first, place = last, ""
        while True:
            partitions, place = self._ledger.some_partitions(place)
            first = min(first, *(day for one in partitions if (day := read_partition(one))), last)
            if not place:
                return first

    def _seal(self, day: str, previous: str) -> DayDigest:
        """The list before the digest that covers it; both are written once, whoever else is at it."""
        lines = (line_of(found.entry, found.slot, found.record) for found in self._ledger.of_day(day))
        seal, listed = seal_day(day, lines, previous)
        known = self._documents.get(digest_key(day))
        if known is not None and known != encode_digest(seal):
            raise BrokenDigestsError(day)
        if known is None:
            self._documents.put(list_key(day), listed, "text/plain")
            self._documents.put(digest_key(day), encode_digest(seal))
        return seal
