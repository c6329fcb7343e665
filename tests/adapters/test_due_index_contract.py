"""`DueIndex`: sparse, in order of due time, with a high-water mark per shard."""

from __future__ import annotations

import pytest

from attune.domain.timers import DUE_SHARDS, due_shard
from attune.ports import Commit, Due
from tests.adapters.cloud import Cloud
from tests.adapters.stores import DueStore, due_store
from tests.builders import NOW, profile_id, profile_item

SHARD = due_shard(profile_id(0))
NUMBERS = [n for n in range(400) if due_shard(profile_id(n)) == SHARD]


@pytest.fixture
def store(backend: Cloud | None) -> DueStore:
    return due_store(backend)


def arm(store: DueStore, number: int, due_at: int | None, version: int = 1) -> str:
    item = profile_item(number, due_at=due_at, version=version)
    store.commit(Commit(items=((version - 1 or None, item),)))
    return item.profile_id


def test_profiles_come_in_order_of_due_time(store: DueStore) -> None:
    late, early, middle = (arm(store, n, NOW + t) for n, t in zip(NUMBERS, (30, 10, 20), strict=False))
    expected = [Due(NOW + 10, early), Due(NOW + 20, middle), Due(NOW + 30, late)]
    assert store.due(SHARD, 0, NOW + 100, 10) == expected


def test_the_interval_is_open_below_and_closed_above(store: DueStore) -> None:
    ids = [arm(store, n, NOW + t) for t, n in enumerate(NUMBERS[:4])]
    assert store.due(SHARD, NOW, NOW + 2, 10) == [Due(NOW + 1, ids[1]), Due(NOW + 2, ids[2])]


def test_an_empty_interval_holds_nothing(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW)
    assert store.due(SHARD, NOW, NOW, 10) == []
    assert store.due(SHARD, NOW + 5, NOW, 10) == []


def test_at_most_limit_are_given_the_earliest_first(store: DueStore) -> None:
    for t, number in enumerate(NUMBERS[:8]):
        arm(store, number, NOW + t)
    assert [due.due_at for due in store.due(SHARD, 0, NOW + 100, 3)] == [NOW, NOW + 1, NOW + 2]


def test_a_profile_lies_in_its_own_shard_only(store: DueStore) -> None:
    due = Due(NOW, arm(store, NUMBERS[0], NOW))
    found = {shard: store.due(shard, 0, NOW, 10) for shard in range(DUE_SHARDS)}
    assert {shard: dues for shard, dues in found.items() if dues} == {SHARD: [due]}


def test_a_disarmed_profile_leaves_the_index(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW)
    arm(store, NUMBERS[0], None, version=2)
    assert store.due(SHARD, 0, NOW + 100, 10) == []


def test_a_profile_armed_anew_is_found_at_the_new_time_only(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW + 50)
    armed = arm(store, NUMBERS[0], NOW + 10, version=2)
    assert store.due(SHARD, 0, NOW + 100, 10) == [Due(NOW + 10, armed)]


def test_the_mark_is_zero_until_set_and_the_last_writer_wins(store: DueStore) -> None:
    assert store.mark(3) == 0
    store.set_mark(3, NOW)
    store.set_mark(3, NOW - 10)
    assert (store.mark(3), store.mark(4)) == (NOW - 10, 0)


def test_shards_are_stable_and_even() -> None:
    assert due_shard("0000000f" + "0" * 24) == 15
    assert due_shard("00000010" + "f" * 24) == 0
    assert {due_shard(profile_id(n)) for n in range(400)} == set(range(DUE_SHARDS))
