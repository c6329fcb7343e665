"""Rows of the erased that reach the raw lake after their sweep, and for how long anything of them is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from attune.adapters.memory_documents import MemoryDocuments
from attune.domain.erasure.subjects import Subject
from attune.domain.processing.verdicts import erased_id
from attune.ports import ProfileItem
from attune.use_cases.erasure.sweep_late import WAITS, NoteLate
from attune.use_cases.erasure.sweep_tallies import Tallies
from tests.builders import DAY, HOUR, MINUTE, NOW, Pseudonyms, key_of, profile_id
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, wired
from tests.lakes import AFTER, BEFORE, NEVER, LakeBucket, LakeOfTests, live, row, tombstone

ANN, ABSORBED, BOB = 1, 2, 3
KEY = key_of("email", "ann@example.com")
UNBORN = Pseudonyms().profile_id(KEY, 0)
ERASED_AT, SWEPT_AT = NOW + MINUTE, NOW + HOUR
#: when a run first sweeps again
DUE = SWEPT_AT + WAITS
SAID: dict[str, Any] = {"properties": {"order_id": "canary"}, "event": "canary"}


def subject(**overrides: Any) -> Subject:
    fields: dict[str, Any] = {
        "request_id": "r1",
        "profile_ids": (profile_id(ANN), profile_id(ABSORBED)),
        "identity_keys": (KEY,),
        "values": ("ann@example.com",),
        "erased_at": ERASED_AT,
    }
    return Subject(**(fields | overrides))


class Erased(LakeOfTests):
    """Ann is; whoever was merged into her led there."""

    def __init__(self) -> None:
        super().__init__()
        grave = ProfileItem(profile_id=profile_id(ANN), version=9, erased_at=ERASED_AT)
        self.store(grave, tombstone(ABSORBED, ANN), live(BOB))

    def sweep(self, *subjects: Subject, at: int = SWEPT_AT) -> None:
        """As the machine does when nothing has come late yet."""
        note = NoteLate(self.bucket, lambda: at)
        tallies = Tallies(MemoryDocuments(), ["r1"])
        self.sweeping(note)(subjects or [subject()], "", tallies, lambda: True)

    def keys(self) -> list[str]:
        return [one.key for objects in self.files.raw(NEVER).values() for one in objects]

    def text(self) -> str:
        """Everything that lies there: raw rows, tables and notes."""
        raw = [line.decode() for key in self.keys() for line in self.files.lines(key)]
        notes = [str(kept) for kept in self.bucket.versions.values()]
        return "\n".join([*raw, str(self.table() if self.files.days else ""), *notes])


@pytest.fixture
def lake() -> Iterator[Erased]:
    lake = Erased()
    yield lake
    lake.close()


LATE = (
    row(message_id="canary 1", **SAID),
    row(message_id="canary 2", profile_id=profile_id(ABSORBED), **SAID),
    row(message_id="canary 3", profile_id=UNBORN, **SAID),
    row(message_id="canary 1", verdict="duplicate", profile_id="", received_at=NOW + 5),
    row(verdict="merged", message_id="canary 4", absorbed=profile_id(ABSORBED), sealed=b"key"),
)
HIS = row(message_id="b1", profile_id=profile_id(BOB), properties={"order_id": "his"})


def test_no_table_shows_a_row_of_the_erased_however_late_it_is_laid_down(lake: Erased) -> None:
    lake.sweep()
    lake.arrive(*LATE, HIS, at=NOW + 5 * HOUR)
    lake.compact(NOW + 6 * HOUR)
    assert [one["message_id"] for one in lake.table()] == ["b1"]
    [books] = lake.ledger()["sources"]
    assert (books["received"], books["erased"], books["duplicate"], books["applied"]) == (5, 3, 1, 1)


def test_a_grave_is_enough_to_know_it_by_also_long_after(lake: Erased) -> None:
    lake.arrive(row(message_id="canary", **SAID), row(message_id="newer", received_at=ERASED_AT + 1), at=NOW + 40 * DAY)
    lake.compact(NOW + 41 * DAY)
    assert [one["message_id"] for one in lake.table()] == ["newer"]


def test_the_raw_rows_are_swept_once_more_when_nothing_can_come_any_more(lake: Erased) -> None:
    lake.sweep()
    name = lake.arrive(*LATE, HIS, day=AFTER, at=NOW + 5 * HOUR)
    before = list(lake.files.lines(name))
    lake.compact(DUE - 1)
    assert list(lake.files.lines(name)) == before
    assert "ann@example.com" not in lake.text()
    lake.compact(DUE)
    lake.compact(DUE + 1)
    assert "canary" not in lake.text()
    assert lake.bucket.versions == {}
    left = [json.loads(line) for line in lake.files.lines(name)]
    assert [one["verdict"] for one in left] == ["erased", "erased", "erased", "duplicate", "applied"]
    assert left[0]["message_id"] == erased_id(Pseudonyms().key, "shop", "canary 1", "00" * 8) == left[3]["message_id"]
    assert [one["message_id"] for one in lake.table()] == ["b1"]
    [books] = lake.ledger()["sources"]
    assert (books["received"], books["erased"], books["duplicate"], books["applied"]) == (5, 3, 1, 1)


def test_the_anonymised_are_counted_as_they_are_when_the_rest_came_in_time(lake: Erased) -> None:
    lake.sweep(subject(variant="anonymise"))
    lake.arrive(row(message_id="canary", properties={"order_id": "canary", "total": 5}), at=NOW + 5 * HOUR)
    lake.compact(DUE)
    [one] = lake.table()
    assert (one["verdict"], one["properties"], one["received_at"] % HOUR) == ("applied", '{"total":5}', 0)
    assert "canary" not in lake.text()


def test_a_sweep_without_time_is_taken_up_where_it_stopped_and_rows_follow_when_it_is_done(lake: Erased) -> None:
    lake.sweep()
    for number, day in enumerate((BEFORE, AFTER, AFTER)):
        lake.arrive(row(message_id=f"canary {number}", **SAID), day=day, at=NOW + 5 * HOUR)
    answers = [lake.compact(DUE, lambda: False) for _ in range(3)]
    assert answers == [{"done": False, "days": 0}] * 3
    assert not lake.files.days
    while not lake.compact(DUE, lambda: False)["done"]:
        pass
    assert "canary" not in lake.text()
    assert lake.bucket.versions == {}


def test_whoever_is_swept_again_meanwhile_waits_anew(lake: Erased) -> None:
    lake.sweep()
    lake.arrive(row(message_id="canary 0", **SAID), at=NOW + 5 * HOUR)
    lake.sweep(at=SWEPT_AT + DAY)
    lake.compact(DUE)
    assert len(lake.bucket.versions) == 1
    lake.arrive(row(message_id="canary 1", **SAID), day=AFTER, at=DUE + 1)
    lake.compact(DUE + DAY)
    assert "canary" not in lake.text()
    assert lake.bucket.versions == {}


def test_an_object_that_changes_while_it_is_swept_is_swept_by_the_next_run(lake: Erased) -> None:
    lake.sweep()
    lake.arrive(row(message_id="canary", **SAID), at=NOW + 5 * HOUR)
    replace = lake.bucket.replace
    lake.bucket.replace = lambda *_: False  # type: ignore[method-assign]
    lake.compact(DUE)
    assert lake.bucket.versions
    lake.bucket.replace = replace  # type: ignore[method-assign]
    lake.compact(DUE + 1)
    assert "canary" not in lake.text().replace(str(lake.table()), "")
    assert lake.bucket.versions == {}


def test_a_sweep_that_breaks_anywhere_is_done_by_the_next_run(lake: Erased) -> None:
    def story(wire: Any) -> LakeBucket:
        lake.empty()
        lake.store(ProfileItem(profile_id=profile_id(ANN), version=9, erased_at=ERASED_AT), live(BOB))
        lake.sweep()
        for number in range(2):
            lake.arrive(row(message_id=f"canary {number}", **SAID), HIS, at=NOW + 5 * HOUR)
        whole = lake.bucket
        lake.bucket = wired(wire, "bucket", whole)
        return whole

    steady = Steady()
    story(steady)
    assert lake.late(DUE)(lambda: True)
    for at in range(len(steady.calls)):
        for moment in Moment:
            whole = story(BreakAt(at, Fault.CRASH, moment))
            with pytest.raises(Crash):
                lake.late(DUE)(lambda: True)
            lake.bucket = whole
            assert lake.late(DUE + 1)(lambda: True)
            assert "canary" not in lake.text()
            assert whole.versions == {}
