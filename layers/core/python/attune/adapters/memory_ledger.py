"""The ledger in memory: the chains of profiles that lie in memory, and access records beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.privacy.access_records import SLOTS, AccessRecord, Head, entry_of, partition_of
from attune.ports import ConflictError
from attune.ports.ledger import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from attune.adapters.memory_profiles import MemoryProfiles
    from attune.domain.profiles.consent import LedgerEntry


class MemoryLedger:
    """`ConsentChains`, `AccessRecords`, `DigestHeads` and `LedgerPlaces`; `records` by partition and entry."""

    def __init__(self, profiles: MemoryProfiles) -> None:
        self._profiles = profiles
        self.records: dict[tuple[str, str], AccessRecord] = {}
        self.newest: Head | None = None

    def chain(self, profile_id: str) -> list[LedgerEntry]:
        """Of the profiles that this ledger belongs to."""
        return self._profiles.ledger(profile_id)

    def keep(self, records: Sequence[AccessRecord]) -> None:
        """All of them."""
        self.records |= {(partition_of(record), entry_of(record)): record for record in records}

    def of_day(self, day: str) -> Iterator[Found]:
        """In order of entries, then of slots."""
        slots = {f"access#{day}#{slot}": slot for slot in range(SLOTS)}
        found = [
            Found(entry, slots[partition], record)
            for (partition, entry), record in self.records.items()
            if partition in slots
        ]
        return iter(sorted(found, key=lambda one: (one.entry, one.slot)))

    def of_subjects(self, subjects: Iterable[str]) -> list[AccessRecord]:
        """Those that lie where they say."""
        wanted = set(subjects)
        kept = [record for place, record in self.records.items() if place == (partition_of(record), entry_of(record))]
        return sorted((record for record in kept if record.subject in wanted), key=entry_of)

    def head(self) -> Head | None:
        """As last set."""
        return self.newest

    def set_head(self, head: Head, read: Head | None) -> None:
        """`ConflictError` unless `read` lies there, or `head` already."""
        if self.newest not in (read, head):
            raise ConflictError
        self.newest = head

    def some_partitions(self, after: str) -> tuple[set[str], str]:  # noqa: ARG002
        """All at once."""
        return self._profiles.in_ledger() | {partition for partition, _ in self.records}, ""
