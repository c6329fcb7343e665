"""The raw lake into tables: which days, when again, and who is known."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from attune.use_cases.learning.compact_lake import known_profiles
from tests.builders import DAY, HOUR, NOW, profile_id
from tests.lakes import AFTER, BEFORE, TODAY, LakeOfTests, lines, live, row, tombstone


@pytest.fixture
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def verdicts(lake: LakeOfTests, day: str | None = None) -> list[tuple[Any, ...]]:
    return [(one["message_id"], one["version"], one["verdict"]) for one in lake.table(day)]


def test_of_an_event_that_was_archived_again_the_highest_version_is_kept(lake: LakeOfTests) -> None:
    lake.arrive(row(version=1), row(version=3), row(version=2))
    assert lake.compact() == {"done": True, "days": 1}
    assert verdicts(lake) == [("m1", 3, "applied")]


def test_a_row_that_arrives_the_next_day_takes_the_place_of_the_one_before(lake: LakeOfTests) -> None:
    lake.arrive(row(version=1))
    lake.compact()
    lake.arrive(row(version=2, verdict="dropped", profile_id=""), day=AFTER)
    assert lake.compact(NOW + DAY) == {"done": True, "days": 2}
    assert verdicts(lake, TODAY) == []
    assert verdicts(lake, AFTER) == [("m1", 2, "dropped")]


def test_rows_lie_under_the_day_they_arrived_on(lake: LakeOfTests) -> None:
    lake.arrive(row(message_id="late"), day=AFTER)
    lake.arrive(row(message_id="early"), day=BEFORE)
    lake.compact()
    assert [(one["dt"].isoformat(), one["message_id"]) for one in lake.table()] == [(BEFORE, "early"), (AFTER, "late")]


def test_what_is_current_is_left_alone(lake: LakeOfTests) -> None:
    lake.arrive(row())
    lake.compact()
    assert lake.compact(NOW + 1) == {"done": True, "days": 0}


def test_a_day_is_made_again_when_a_neighbour_has_changed_and_no_other_is(lake: LakeOfTests) -> None:
    for day in ("2025-06-01", BEFORE, TODAY):
        lake.arrive(row(message_id=day), day=day)
    assert lake.compact()["days"] == 3
    lake.arrive(row(message_id="more"), day=TODAY)
    assert lake.compact()["days"] == 2


def test_how_far_neighbours_reach_follows_from_the_streams_retention() -> None:
    lake = LakeOfTests(retention_hours=168)
    lake.arrive(row(version=2), day="2025-06-07")
    lake.arrive(row(version=1), day=TODAY)
    lake.compact()
    assert verdicts(lake) == [("m1", 2, "applied")]
    lake.close()


def test_a_day_is_made_once_more_when_its_neighbours_are_over(lake: LakeOfTests) -> None:
    """Only then is it settled which of the profiles of contested events came to be."""
    lake.arrive(row(version=2, profile_id=profile_id(1)), row(version=1, profile_id=profile_id(2)))
    lake.compact()
    lake.store(live(2))
    assert lake.compact(NOW + 2 * DAY)["days"] == 0
    assert lake.compact(NOW + 3 * DAY)["days"] == 1
    assert [one["profile_id"] for one in lake.table()] == [profile_id(2)]
    assert lake.compact(NOW + 9 * DAY)["days"] == 0


def test_what_arrives_after_the_run_began_is_for_the_next_one(lake: LakeOfTests) -> None:
    lake.arrive(row(message_id="before"), at=NOW)
    lake.arrive(row(message_id="after"), at=NOW + 1)
    lake.compact(NOW)
    assert [one["message_id"] for one in lake.table()] == ["before"]
    assert lake.compact(NOW) == {"done": True, "days": 0}
    assert lake.compact(NOW + HOUR) == {"done": True, "days": 1}
    assert [one["message_id"] for one in lake.table()] == ["after", "before"]


def test_a_run_that_has_no_more_time_is_taken_up_where_it_stopped(lake: LakeOfTests) -> None:
    for day in (BEFORE, TODAY):
        lake.arrive(row(message_id=day), day=day)
    assert lake.compact(has_time=lambda: False) == {"done": False, "days": 1}
    assert lake.compact(has_time=lambda: False) == {"done": False, "days": 1}
    assert lake.files.profiles == b""
    assert lake.compact(has_time=lambda: False) == {"done": True, "days": 0}
    assert len(lake.table()) == 2


def test_an_empty_lake_makes_no_day_and_a_snapshot_all_the_same(lake: LakeOfTests) -> None:
    lake.store(live())
    assert lake.compact() == {"done": True, "days": 0}
    assert lake.files.days == {}
    assert lake.files.profiles


def test_objects_may_be_packed_or_plain_whatever_they_are_called(lake: LakeOfTests) -> None:
    lake.files.lay(TODAY, "plain.json.gz", lines([row(message_id="plain")]))
    lake.files.lay(TODAY, "packed", gzip.compress(lines([row(message_id="packed")])))
    lake.compact()
    assert [one["message_id"] for one in lake.table()] == ["packed", "plain"]


def test_lines_that_are_no_rows_are_counted_and_their_object_is_named(lake: LakeOfTests) -> None:
    key = lake.arrive(
        row(), b"nonsense", b'{"message_id": "m2"}', b'{"verdict": "odd"}', b"", b"\xff\xfe", row(version=2)
    )
    assert lake.compact() == {"done": True, "days": 1}
    assert verdicts(lake) == [("m1", 2, "applied")]
    assert lake.reported == [(key, 4)]
    assert ("RowsUnreadable", 4) in lake.counted


def test_a_packed_object_that_is_cut_off_gives_what_it_can_and_is_named(lake: LakeOfTests) -> None:
    lake.arrive(row(message_id="whole"))
    packed = gzip.compress(lines([row(message_id=f"cut {number}") for number in range(500)]))
    key = lake.files.lay(TODAY, "cut", packed[: len(packed) // 2])
    lake.compact()
    assert {"whole", "cut 0"} <= {one["message_id"] for one in lake.table()}
    assert lake.reported == [(key, 1)]
    lake.files.lay(TODAY, "cut", packed)
    lake.compact(NOW + 1)
    assert len(lake.table()) == 501


def test_a_row_under_a_profile_that_never_came_to_be_gives_way(lake: LakeOfTests) -> None:
    lake.store(live(2))
    lake.arrive(row(version=8, profile_id=profile_id(1)), row(version=3, profile_id=profile_id(2)))
    lake.compact()
    assert [one["profile_id"] for one in lake.table()] == [profile_id(2)]


def test_a_row_under_a_profile_that_is_not_stored_yet_is_not_lost(lake: LakeOfTests) -> None:
    lake.arrive(row(profile_id=profile_id(1)))
    lake.compact()
    assert lake.features() == {}
    lake.store(live(1))
    assert lake.compact(NOW + 1) == {"done": True, "days": 0}
    assert list(lake.features()) == [profile_id(1)]


def test_the_snapshot_leads_every_id_to_who_it_has_become() -> None:
    items = [tombstone(3, 2), live(1), tombstone(2, 1), tombstone(5, 6), live(4, personalization=False)]
    erased = live(7).__class__(profile_id=profile_id(7), version=3)
    known = {one.profile_id: (one.root, one.personalization) for one in known_profiles([*items, erased])}
    assert known == {
        profile_id(1): (profile_id(1), True),
        profile_id(2): (profile_id(1), True),
        profile_id(3): (profile_id(1), True),
        profile_id(4): (profile_id(4), False),
    }


class Meanwhile:
    """Something happens as soon as a call has been answered, once."""

    def __init__(self, after: str, act: Callable[[], object]) -> None:
        self._after = after
        self._act = act

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        answer = call()
        if name == self._after:
            self._after = ""
            self._act()
        return answer


@pytest.mark.parametrize("after", ["lake.raw", "compaction.load", "compaction.write_day"])
def test_rows_that_an_erasure_took_meanwhile_do_not_come_back(lake: LakeOfTests, after: str) -> None:
    """The day is left as it is, and made from what lies there then."""
    lake.store(live(1))
    name = lake.arrive(row(message_id="m1"), row(message_id="m2")).rpartition("/")[2]
    wire = Meanwhile(after, lambda: lake.files.lay(TODAY, name, lines([row(message_id="m2")]), NOW))
    assert lake.compact(wire=wire) == {"done": False, "days": 0}
    assert lake.files.days == {}
    assert lake.compact() == {"done": True, "days": 1}
    assert verdicts(lake) == [("m2", 1, "applied")]


def test_a_day_that_another_run_made_meanwhile_is_not_replaced_by_what_was_read_before(lake: LakeOfTests) -> None:
    lake.store(live(1))
    name = lake.arrive(row(message_id="m1"), row(message_id="m2")).rpartition("/")[2]
    old = lines([row(message_id="m1"), row(message_id="m2")])

    def erase_and_compact() -> None:
        lake.files.lay(TODAY, name, lines([row(message_id="m2")]), NOW)
        other.compact()
        lake.files.lay(TODAY, name, old, NOW)  # as if it had been listed before that

    other = LakeOfTests(lake.profiles)
    other.files = lake.files
    try:
        assert lake.compact(wire=Meanwhile("lake.made", erase_and_compact)) == {"done": False, "days": 0}
        assert verdicts(lake) == [("m2", 1, "applied")]
    finally:
        other.close()
