"""`DueIndex`: sparse, in order of due time, with marks of how far it was emitted."""

from __future__ import annotations

import pytest

from attune.domain.profiles.timers import DUE_SHARDS, due_shard
from attune.ports import Commit, Due, Marks
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


def begin(due_at: int = 0) -> Due:
    """Before everything of that instant."""
    return Due(due_at, "")


def test_profiles_come_in_order_of_due_time(store: DueStore) -> None:
    late, early, middle = (arm(store, n, NOW + t) for n, t in zip(NUMBERS, (30, 10, 20), strict=False))
    expected = [Due(NOW + 10, early), Due(NOW + 20, middle), Due(NOW + 30, late)]
    assert store.due(SHARD, begin(), NOW + 100, 10) == expected


def test_the_interval_begins_behind_a_place_and_holds_its_end(store: DueStore) -> None:
    ids = [arm(store, n, NOW + t) for t, n in enumerate(NUMBERS[:4])]
    assert store.due(SHARD, begin(NOW + 1), NOW + 2, 10) == [Due(NOW + 1, ids[1]), Due(NOW + 2, ids[2])]
    assert store.due(SHARD, Due(NOW + 1, ids[1]), NOW + 2, 10) == [Due(NOW + 2, ids[2])]


def test_an_empty_interval_holds_nothing(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW)
    assert store.due(SHARD, begin(NOW + 1), NOW, 10) == []
    assert store.due(SHARD, begin(NOW + 5), NOW, 10) == []


def test_equals_are_told_one_after_the_other_whichever_of_them_is_gone_by_then(store: DueStore) -> None:
    expected = {arm(store, number, NOW) for number in NUMBERS[:5]}
    numbers = {profile_id(number): number for number in NUMBERS[:5]}
    found: list[Due] = []
    while page := store.due(SHARD, found[-1] if found else begin(NOW), NOW, 2):
        found += page
        arm(store, numbers[page[-1].profile_id], NOW + 50, version=2)
    assert [one.due_at for one in found] == [NOW] * 5
    assert {one.profile_id for one in found} == expected


def test_at_most_limit_are_given_the_earliest_first(store: DueStore) -> None:
    for t, number in enumerate(NUMBERS[:8]):
        arm(store, number, NOW + t)
    assert [due.due_at for due in store.due(SHARD, begin(), NOW + 100, 3)] == [NOW, NOW + 1, NOW + 2]


def test_a_profile_lies_in_its_own_shard_only(store: DueStore) -> None:
    due = Due(NOW, arm(store, NUMBERS[0], NOW))
    found = {shard: store.due(shard, begin(), NOW, 10) for shard in range(DUE_SHARDS)}
    assert {shard: dues for shard, dues in found.items() if dues} == {SHARD: [due]}


def test_a_disarmed_profile_leaves_the_index(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW)
    arm(store, NUMBERS[0], None, version=2)
    assert store.due(SHARD, begin(), NOW + 100, 10) == []


def test_a_profile_armed_anew_is_found_at_the_new_time_only(store: DueStore) -> None:
    arm(store, NUMBERS[0], NOW + 50)
    armed = arm(store, NUMBERS[0], NOW + 10, version=2)
    assert store.due(SHARD, begin(), NOW + 100, 10) == [Due(NOW + 10, armed)]


def test_nothing_is_known_until_marks_are_set_and_the_last_writer_wins(store: DueStore) -> None:
    assert store.marks() == Marks()
    for marks in (Marks(reached=(begin(NOW),), swept_at=NOW), Marks(reached=(Due(NOW - 10, profile_id(1)), begin()))):
        store.set_marks(marks)
        assert store.marks() == marks


def test_shards_are_stable_and_even() -> None:
    assert due_shard("0000000f" + "0" * 24) == 15
    assert due_shard("00000010" + "f" * 24) == 0
    assert {due_shard(profile_id(n)) for n in range(400)} == set(range(DUE_SHARDS))
