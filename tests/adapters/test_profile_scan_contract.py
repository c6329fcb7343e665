"""`ProfileScan`: everybody once, however many pages that takes."""

from __future__ import annotations

import pytest

from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.memory import MemoryProfiles
from attune.domain.profiles.changes import SegmentEntered
from attune.ports import Commit, ProfileItem, ProfileStore
from attune.ports.learning import ProfileScan
from tests.adapters.cloud import Cloud
from tests.builders import NOW, profile_id, profile_item
from tests.lakes import tombstone


@pytest.fixture
def stores(backend: Cloud | None) -> tuple[ProfileStore, ProfileScan]:
    if backend is None:
        memory = MemoryProfiles()
        return memory, memory
    client, table = backend.client("dynamodb"), backend.table("profiles")
    store = DynamoProfiles(client, profiles=table, identities=backend.table("identities"))
    return store, DynamoProfileScan(client, table)


def seen(scan: ProfileScan) -> dict[str, tuple[int, bytes, str | None]]:
    return {item.profile_id: (item.version, item.state, item.merged_into) for item in scan.all_items()}


def put(store: ProfileStore, *items: ProfileItem) -> None:
    for item in items:
        store.commit(Commit(items=((None, item),)))


def test_an_empty_table_has_nobody(stores: tuple[ProfileStore, ProfileScan]) -> None:
    assert seen(stores[1]) == {}


def test_profiles_and_tombstones_are_seen_as_they_are_stored(stores: tuple[ProfileStore, ProfileScan]) -> None:
    store, scan = stores
    armed = profile_item(2, due_at=NOW, outbox=(SegmentEntered("keen", NOW),), state=bytes(range(256)))
    put(store, profile_item(1), armed, tombstone(3, 1))
    assert seen(scan) == {
        profile_id(1): (1, b"state", None),
        profile_id(2): (1, bytes(range(256)), None),
        profile_id(3): (2, b"", profile_id(1)),
    }


def test_tombstones_are_found_among_all(stores: tuple[ProfileStore, ProfileScan]) -> None:
    store, scan = stores
    put(store, profile_item(1), tombstone(3, 1), ProfileItem(profile_id=profile_id(4), version=2, erased_at=NOW))
    found = {item.profile_id: (item.merged_into, item.erased_at) for item in scan.tombstones()}
    assert found == {profile_id(3): (profile_id(1), None), profile_id(4): (None, NOW)}
    assert {item.profile_id for item in scan.all_items(consistent=True)} == {profile_id(one) for one in (1, 3, 4)}


def test_everybody_is_seen_who_does_not_fit_one_page(stores: tuple[ProfileStore, ProfileScan]) -> None:
    store, scan = stores
    put(store, *(profile_item(number, state=bytes(300_000)) for number in range(8)))
    assert set(seen(scan)) == {profile_id(number) for number in range(8)}


def test_pages_hold_everybody_once_and_say_where_they_end(stores: tuple[ProfileStore, ProfileScan]) -> None:
    store, scan = stores
    put(store, *(profile_item(number) for number in range(7)), tombstone(8, 1))
    met, place, pages = [], "", 0
    while pages == 0 or place:
        items, place = scan.some_items(place, 3)
        assert len(items) <= 3
        met += [item.profile_id for item in items]
        pages += 1
    assert sorted(met) == sorted([*(profile_id(number) for number in range(7)), profile_id(8)])
    assert pages >= 3


def test_an_empty_table_is_one_empty_page(stores: tuple[ProfileStore, ProfileScan]) -> None:
    assert stores[1].some_items("", 10) == ([], "")


def test_a_page_goes_on_behind_a_profile_that_is_no_more_or_new(stores: tuple[ProfileStore, ProfileScan]) -> None:
    put(stores[0], profile_item(1))
    _, place = stores[1].some_items("", 1)
    put(stores[0], *(profile_item(number) for number in range(2, 9)))
    rest = stores[1].some_items(place, 100)[0] if place else stores[1].some_items(profile_id(1), 100)[0]
    assert profile_id(1) not in {item.profile_id for item in rest}
