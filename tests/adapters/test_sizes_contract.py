"""`SizeHistory`: of each day the last count, the newest first."""

from __future__ import annotations

import pytest

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.memory_sizes import MemorySizes
from attune.ports.sizes import SegmentSizes, SizeHistory
from tests.adapters.cloud import Cloud
from tests.builders import NOW, definition_list


@pytest.fixture
def history(backend: Cloud | None) -> SizeHistory:
    if backend is None:
        return MemorySizes()
    return DynamoSizes(backend.client("dynamodb"), backend.table("definitions"))


def count(day: str, **sizes: int) -> SegmentSizes:
    return SegmentSizes(day=day, counted_at=NOW, profiles=100, segments=sizes)


def test_before_the_first_count_there_is_none(history: SizeHistory) -> None:
    assert history.newest(10) == []


def test_counts_come_newest_first_and_no_more_than_were_asked_for(history: SizeHistory) -> None:
    days = ["2024-12-31", "2025-01-01", "2025-06-09", "2025-06-10"]
    for day in reversed(days):
        history.keep(count(day, vip=1))
    assert [one.day for one in history.newest(10)] == days[::-1]
    assert [one.day for one in history.newest(2)] == days[:1:-1]


def test_a_later_count_of_a_day_takes_the_place_of_the_earlier(history: SizeHistory) -> None:
    history.keep(count("2025-06-15", vip=1, old=3))
    later = count("2025-06-15", vip=2, new=0)
    history.keep(later)
    assert history.newest(10) == [later]


def test_more_than_one_page_is_read_to_its_end(history: SizeHistory) -> None:
    """A page has 1 MB: seven counts of 3,000 segments."""
    many = {f"a_segment_with_a_name_of_some_length_{number:026}": 10**6 for number in range(3_000)}
    for day in range(10, 17):
        history.keep(count(f"2025-06-{day}", **many))
    assert [one.segments for one in history.newest(7)] == [many] * 7


def test_sizes_are_no_definitions(moto_cloud: Cloud) -> None:
    """They lie in one table with these."""
    client, table = moto_cloud.client("dynamodb"), moto_cloud.table("definitions")
    store = DynamoDefinitions(client, table, clock=lambda: NOW)
    for definition in definition_list():
        store.put(definition, read_version=None)
    before = store.current()
    DynamoSizes(client, table).keep(count("2025-06-15", vip=1))
    fresh = DynamoDefinitions(client, table, clock=lambda: NOW)
    assert fresh.current() == before
