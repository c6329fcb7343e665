"""`ArrivalHistory`: of each day the last count, from a day on."""

from __future__ import annotations

import pytest

from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.memory_arrivals import MemoryArrivals
from attune.ports.arrivals import ArrivalHistory, DayOfArrivals, Ended
from attune.ports.sizes import SegmentSizes
from tests.adapters.cloud import Cloud
from tests.builders import NOW, definition_list

DAYS = ["2024-12-31", "2025-01-01", "2025-06-09", "2025-06-10"]


@pytest.fixture
def history(backend: Cloud | None) -> ArrivalHistory:
    if backend is None:
        return MemoryArrivals()
    return DynamoArrivals(backend.client("dynamodb"), backend.table("definitions"))


def counted(day: str, *ended: Ended) -> DayOfArrivals:
    return DayOfArrivals(day=day, counted_at=NOW, ended=ended or (Ended("shop", "applied", "", 7, NOW),))


def test_before_the_first_count_there_is_none(history: ArrivalHistory) -> None:
    assert history.since("") == []


def test_counts_come_oldest_first_from_a_day_on(history: ArrivalHistory) -> None:
    for day in reversed(DAYS):
        history.keep(counted(day))
    assert history.since("") == [counted(day) for day in DAYS]
    assert [one.day for one in history.since("2025-01-01")] == DAYS[1:]
    assert [one.day for one in history.since("2025-01-02")] == DAYS[2:]
    assert history.since("2025-06-11") == []


def test_a_later_count_of_a_day_takes_the_place_of_the_earlier(history: ArrivalHistory) -> None:
    history.keep(counted("2025-06-15", Ended("shop", "applied", "", 7, NOW), Ended("shop", "dropped", "consent", 1, 5)))
    later = counted("2025-06-15", Ended("shop", "applied", "", 8, NOW))
    history.keep(later)
    assert history.since("") == [later]


def test_more_than_one_page_is_read_to_its_end(history: ArrivalHistory) -> None:
    """A page has 1 MB: ten days of 2,000 sources."""
    many = [
        Ended(f"a_source_with_a_name_of_some_length_{n:08}", "quarantined", "unprocessable", n, n) for n in range(2_000)
    ]
    for day in range(10, 20):
        history.keep(counted(f"2025-06-{day}", *many))
    assert [len(one.ended) for one in history.since("")] == [2_000] * 10


def test_what_arrived_is_neither_a_definition_nor_a_segments_size(moto_cloud: Cloud) -> None:
    """They lie in one table."""
    client, table = moto_cloud.client("dynamodb"), moto_cloud.table("definitions")
    store = DynamoDefinitions(client, table, clock=lambda: NOW)
    for definition in definition_list():
        store.put(definition, read_version=None)
    sizes, arrivals = DynamoSizes(client, table), DynamoArrivals(client, table)
    sizes.keep(SegmentSizes(day="2025-06-15", counted_at=NOW, profiles=1, segments={}))
    before = store.current()
    arrivals.keep(counted("2025-06-15"))
    assert DynamoDefinitions(client, table, clock=lambda: NOW).current() == before
    assert len(sizes.newest(9)) == len(arrivals.since("")) == 1
