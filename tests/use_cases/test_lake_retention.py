"""A lake that keeps its rows for a number of days: which days go, and that those that stay are what they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from attune.domain.privacy.lake_retention import GRACE
from tests.builders import DAY, NOW
from tests.lakes import TODAY, LakeOfTests, row

#: of a stream that retains 24 hours a day is judged with two on each side
KEEP, REACH = 10, 2
#: 2025-06-05 is the first day that is kept on 2025-06-15
FIRST, BEFORE_IT, LONG_AGO = "2025-06-05", "2025-06-04", "2025-06-02"


@pytest.fixture
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests(keep_days=KEEP)
    yield lake
    lake.close()


def day_before(days: int) -> str:
    return (date.fromisoformat(TODAY) - timedelta(days=days)).isoformat()


def ids(lake: LakeOfTests) -> list[str]:
    return [one["message_id"] for one in lake.table()]


def raw_days(lake: LakeOfTests) -> list[str]:
    return list(lake.files.raw(NOW + 99 * DAY))


def test_a_day_goes_when_it_is_too_old_first_its_table_then_its_rows(lake: LakeOfTests) -> None:
    for day in (FIRST, TODAY):
        lake.arrive(row(message_id=day), day=day)
    assert lake.compact()["done"]
    assert ids(lake) == [FIRST, TODAY]
    made = lake.files.days[TODAY]
    lake.compact(NOW + DAY)
    assert list(lake.files.days) == [TODAY]
    assert raw_days(lake) == [FIRST, TODAY]
    lake.compact(NOW + (1 + REACH) * DAY)
    assert raw_days(lake) == [TODAY]
    assert lake.files.days[TODAY] == made


def test_of_a_day_that_is_kept_nothing_changes_when_its_neighbour_goes(lake: LakeOfTests) -> None:
    """An event that was archived again a day later counts once, by both rows."""
    lake.arrive(row(version=2), day=BEFORE_IT, at=0)
    lake.arrive(row(version=1), day=FIRST, at=0)
    lake.compact(NOW - DAY)
    assert ids(lake) == ["m1"]
    for days in range(REACH + 3):
        lake.compact(NOW + days * DAY)
        assert FIRST not in lake.files.days or not lake.table(FIRST)
    assert raw_days(lake) == []
    assert lake.files.days == {}


def test_what_was_never_made_into_tables_goes_too(lake: LakeOfTests) -> None:
    lake.arrive(row(), day=LONG_AGO)
    assert lake.compact() == {"done": True, "days": 0}
    assert raw_days(lake) == []


def test_a_run_that_is_told_a_time_to_come_removes_nothing(lake: LakeOfTests) -> None:
    lake.arrive(row(), day=TODAY)
    lake.compact(NOW + 999 * DAY, now=NOW)
    assert raw_days(lake) == [TODAY]


def test_fewer_days_than_a_day_needs_to_be_settled_do_not_count() -> None:
    """How long the stream redelivers is a matter of the deployment; the definition knows nothing of it."""
    lake = LakeOfTests(keep_days=3, retention_hours=168)
    for days in (7, 8, 9, 10):
        lake.arrive(row(), day=day_before(days))
    lake.compact()
    assert sorted(lake.files.days) == [day_before(9), day_before(8), day_before(7)]
    lake.close()


def test_what_was_said_a_moment_ago_removes_nothing_until_it_was_said_for_three_days() -> None:
    lake = LakeOfTests(keep_days=KEEP, said_at=NOW)
    lake.arrive(row(), day=LONG_AGO)
    lake.compact(NOW + GRACE - 1)
    assert raw_days(lake) == [LONG_AGO]
    lake.compact(NOW + GRACE)
    assert raw_days(lake) == []
    lake.close()


def test_without_a_number_of_days_all_stays() -> None:
    lake = LakeOfTests()
    lake.arrive(row(), day="2020-01-01")
    lake.compact()
    assert ids(lake) == ["m1"]
    assert raw_days(lake) == ["2020-01-01"]
    lake.close()
