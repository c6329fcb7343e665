"""What the processor remembers of profiles between batches, and that it stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.cached_profiles import MAX_ENTRIES, MAX_STATE, CachedProfiles
from attune.adapters.memory import MemoryProfiles
from attune.domain.profiles.changes import SegmentEntered
from attune.ports import Commit, ProfileItem
from tests.builders import NOW, profile_id, profile_item

if TYPE_CHECKING:
    from collections.abc import Collection

#: bytes: a third of what `process_events` has; Python, its libraries and the batch at hand share the rest
ROOM = 1_024 * 1_024 * 1_024 // 3


class CountingProfiles(MemoryProfiles):
    """Notes which profiles were really read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
        self.asked += profile_ids
        return super().items(profile_ids, consistent=consistent)


def write(profiles: CachedProfiles, read: int | None, item: ProfileItem) -> None:
    profiles.commit(Commit(items=((read, item),)))


def read(profiles: CachedProfiles, number: int = 1) -> ProfileItem:
    return profiles.items([profile_id(number)], consistent=False)[profile_id(number)]


def test_a_profile_that_was_written_is_not_read_again() -> None:
    store = CountingProfiles()
    profiles = CachedProfiles(store)
    write(profiles, None, profile_item(state=b"x" * MAX_STATE))
    assert read(profiles).state == b"x" * MAX_STATE
    assert store.asked == []


def test_a_large_state_is_read_each_time() -> None:
    store = CountingProfiles()
    profiles = CachedProfiles(store)
    write(profiles, None, profile_item(state=b"x" * (MAX_STATE + 1)))
    for _ in range(2):
        assert len(read(profiles).state) == MAX_STATE + 1
    assert store.asked == [profile_id(), profile_id()]


def test_a_profile_that_told_campaigns_very_much_is_read_each_time() -> None:
    store = CountingProfiles()
    profiles = CachedProfiles(store)
    write(profiles, None, profile_item(outbox=tuple(SegmentEntered("s", NOW, f"c{n}") for n in range(1_000))))
    read(profiles)
    assert store.asked == [profile_id()]


def test_a_profile_that_grew_large_is_not_remembered_as_it_was() -> None:
    profiles = CachedProfiles(MemoryProfiles())
    write(profiles, None, profile_item(version=1))
    write(profiles, 1, profile_item(version=2, state=b"x" * (MAX_STATE + 1)))
    assert read(profiles).version == 2


def test_the_oldest_profiles_are_forgotten_first() -> None:
    store = CountingProfiles()
    profiles = CachedProfiles(store, max_entries=2)
    for number in (1, 2, 3):
        write(profiles, None, profile_item(number))
    for number in (3, 2, 1):
        read(profiles, number)
    assert store.asked == [profile_id(1)]


def test_all_that_may_be_remembered_fits_into_the_function() -> None:
    objects = 6_000  # around a state: keys, the item, twenty changes, an identity
    assert MAX_ENTRIES * (MAX_STATE + objects) < ROOM
