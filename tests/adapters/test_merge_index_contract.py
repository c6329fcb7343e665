"""`MergeIndex`: who was merged into somebody, from the tombstones."""

from __future__ import annotations

import pytest

from attune.adapters.dynamodb_merges import DynamoMerges
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.memory import MemoryProfiles
from attune.ports import Commit, MergeIndex, ProfileItem, ProfileStore
from attune.use_cases.profiles.gather_subjects import absorbed_by
from tests.adapters.cloud import MERGED_INDEX, Cloud
from tests.builders import NOW, profile_id, profile_item
from tests.lakes import tombstone


@pytest.fixture
def stores(backend: Cloud | None) -> tuple[ProfileStore, MergeIndex]:
    if backend is None:
        memory = MemoryProfiles()
        return memory, memory
    client, table = backend.client("dynamodb"), backend.table("profiles")
    store = DynamoProfiles(client, profiles=table, identities=backend.table("identities"))
    return store, DynamoMerges(client, profiles=table, index=MERGED_INDEX)


def put(store: ProfileStore, *items: ProfileItem) -> None:
    for item in items:
        store.commit(Commit(items=((None, item),)))


def test_only_who_was_merged_into_this_very_profile_is_told(stores: tuple[ProfileStore, MergeIndex]) -> None:
    store, merges = stores
    put(store, profile_item(1, due_at=NOW), tombstone(2, 1), tombstone(3, 1), tombstone(4, 3), profile_item(5))
    assert sorted(merges.absorbed(profile_id(1))) == [profile_id(2), profile_id(3)]
    assert merges.absorbed(profile_id(3)) == [profile_id(4)]
    assert merges.absorbed(profile_id(5)) == merges.absorbed(profile_id(6)) == []


def test_whoever_went_into_them_over_any_merges_between_is_found(stores: tuple[ProfileStore, MergeIndex]) -> None:
    store, merges = stores
    put(store, profile_item(1), tombstone(2, 1), tombstone(3, 2), tombstone(4, 3), profile_item(5), tombstone(6, 5))
    assert absorbed_by(merges, [profile_id(1)]) == dict.fromkeys(map(profile_id, (2, 3, 4)), profile_id(1))
    nearest = absorbed_by(merges, [profile_id(1), profile_id(3)])
    assert nearest == {profile_id(2): profile_id(1), profile_id(4): profile_id(3)}
    assert absorbed_by(merges, []) == {}
