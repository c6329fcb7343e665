"""The ledger: what people consented to, chained by profile, and who read or changed whom, sealed day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from attune.domain.privacy.access_records import AccessRecord, Head
from attune.domain.profiles.consent import LedgerEntry


class Found(msgspec.Struct, frozen=True):
    """An access record and where it was found: the key that orders it, and the slot of its day."""

    entry: str
    slot: int
    record: AccessRecord


class ConsentChains(Protocol):
    """Consent records as they were written with the profile's commits."""

    def chain(self, profile_id: str) -> list[LedgerEntry]:
        """All of one profile, in the order of their keys, read consistently."""
        ...


class AccessRecords(Protocol):
    """Written once; nobody changes them."""

    def keep(self, records: Sequence[AccessRecord]) -> None:
        """Returns when all are stored, else raises: some of them may be stored then. Repeating it is harmless."""
        ...

    def of_day(self, day: str) -> Iterator[Found]:
        """In the order of their keys, read consistently. What can no longer be read has empty fields."""
        ...

    def of_subjects(self, subjects: Iterable[str]) -> list[AccessRecord]:
        """Of some identity keys, the oldest first. A second behind."""
        ...


class DigestHeads(Protocol):
    """How far the digests of access records go."""

    def head(self) -> Head | None:
        """None before the first."""
        ...

    def set_head(self, head: Head, read: Head | None) -> None:
        """In place of the one that was read; `ConflictError` if another one is there, unless that is `head` already."""
        ...


class LedgerPlaces(Protocol):
    """Whatever lies in the ledger, by key."""

    def some_partitions(self, after: str) -> tuple[set[str], str]:
        """Partition keys of a part of the table, behind a place; and the next place, "" at the end.

        A partition may be among several parts.
        """
        ...


class Ledger(ConsentChains, AccessRecords, DigestHeads, LedgerPlaces, Protocol):
    """All of it, for whoever checks it."""
