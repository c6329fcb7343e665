"""`LakeFiles`: raw objects by day, and what compaction keeps, whole and with what it was made from."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Protocol

import pytest

from attune.adapters.lake_tables import EVENTS_LOCATION, PROFILES_LOCATION, RAW
from attune.adapters.memory import MemoryLakeFiles
from attune.adapters.s3_lake import S3LakeFiles
from attune.ports import ConflictError
from attune.ports.learning import LakeFiles, UnreadableObjectError
from tests.adapters.cloud import Cloud
from tests.builders import DAY, HOUR, NOW
from tests.lakes import AFTER, BEFORE, TODAY

#: 2100-01-01: later than any clock says
LATER = 4_102_444_800_000
EARLIER = 0


class Lake(LakeFiles, Protocol):
    """A lake in which something can be laid down, and which can be looked at."""

    def lay(self, day: str, name: str, data: bytes, at: int = NOW) -> str: ...

    def kept(self) -> dict[str, bytes]: ...


class _S3Lake(S3LakeFiles):
    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.place = cloud, cloud.bucket()
        super().__init__(cloud.client("s3"), self.place)

    def lay(self, day: str, name: str, data: bytes, at: int = NOW) -> str:
        key = f"{RAW}dt={day}/hour=12/{name}"
        self.cloud.client("s3").put_object(Bucket=self.place, Key=key, Body=data)
        return key

    def kept(self) -> dict[str, bytes]:
        objects = self.cloud.objects(self.place)
        return {key: data for key, data in objects.items() if key.startswith("compacted/")}


class _MemoryLake(MemoryLakeFiles):
    def lay(self, day: str, name: str, data: bytes, at: int = NOW) -> str:
        return super().lay(day, name, data, at)

    def kept(self) -> dict[str, bytes]:
        days = {f"{EVENTS_LOCATION}dt={day}/events.parquet": data for day, data in self.days.items()}
        return days | ({f"{PROFILES_LOCATION}profiles.parquet": self.profiles} if self.profiles else {})


@pytest.fixture
def lake(backend: Cloud | None) -> Lake:
    return _S3Lake(backend) if backend else _MemoryLake()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"PAR1")
    return path


def test_an_empty_lake_has_no_days(lake: Lake) -> None:
    assert lake.raw(LATER) == {}
    assert lake.made(TODAY) is None


def test_objects_are_listed_by_day_in_order_of_their_keys(lake: Lake) -> None:
    keys = [lake.lay(TODAY, name, b"{}\n") for name in ("b", "a")]
    late = lake.lay(AFTER, "c", b"{}\n")
    found = {day: [one.key for one in objects] for day, objects in lake.raw(LATER).items()}
    assert found == {TODAY: sorted(keys), AFTER: [late]}


def test_what_came_later_is_not_seen(lake: Lake) -> None:
    lake.lay(TODAY, "a", b"{}\n")
    assert lake.raw(EARLIER) == {}


def test_one_day_is_listed_by_itself(lake: Lake) -> None:
    key = lake.lay(TODAY, "a", b"{}\n")
    lake.lay(AFTER, "b", b"{}\n")
    found = {day: [one.key for one in objects] for day, objects in lake.raw(LATER, TODAY).items()}
    assert found == {TODAY: [key]}
    assert lake.raw(LATER, BEFORE) == {}


def test_what_is_written_anew_long_after_its_hour_counts_as_what_it_was(moto_cloud: Cloud) -> None:
    """An erasure rewrites objects while other runs are under way; without them a day would lack its other rows."""
    lake = _S3Lake(moto_cloud)
    key = lake.lay(TODAY, "a", b"{}\n")
    over = NOW - NOW % DAY + 14 * HOUR
    assert [one.key for one in lake.raw(over)[TODAY]] == [key]
    assert lake.raw(over - 1) == {}


def test_an_object_that_is_replaced_has_another_tag(lake: Lake) -> None:
    lake.lay(TODAY, "a", b"one\n")
    [before] = lake.raw(LATER)[TODAY]
    assert lake.raw(LATER)[TODAY] == [before]
    lake.lay(TODAY, "a", b"other\n")
    [after] = lake.raw(LATER)[TODAY]
    assert (after.key, after.tag != before.tag) == (before.key, True)


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_read_plain_or_packed(lake: Lake, packed: bool) -> None:
    data = b'{"number": 1}\n{"number": 2}\n\xff'
    key = lake.lay(TODAY, "a.json.gz", gzip.compress(data) if packed else data)
    assert [line.rstrip(b"\n") for line in lake.lines(key)] == data.split(b"\n")
    assert list(lake.lines(lake.lay(TODAY, "empty", b""))) == []


@pytest.mark.parametrize("damage", [lambda packed: packed[:-9], lambda packed: packed[:40] + b"x" + packed[41:]])
def test_an_object_that_is_damaged_says_so_where_it_breaks_off(lake: Lake, damage: type[bytes]) -> None:
    key = lake.lay(TODAY, "a", damage(gzip.compress(b"".join(b"line %d\n" % number for number in range(9_000)))))
    with pytest.raises(UnreadableObjectError):
        list(lake.lines(key))


def tag_of(lake: Lake) -> str:
    made = lake.made(TODAY)
    assert made is not None
    return made.tag


def test_a_day_is_kept_whole_with_what_it_was_made_from(lake: Lake, file: Path) -> None:
    lake.keep_day(TODAY, file, "these", None)
    made = lake.made(TODAY)
    assert made is not None
    assert (made.made_from, lake.made(AFTER)) == ("these", None)
    file.write_bytes(b"PAR1 again")
    lake.keep_day(TODAY, file, "those", made.tag)
    again = lake.made(TODAY)
    assert again is not None
    assert (again.made_from, again.tag != made.tag) == ("those", True)
    assert lake.kept() == {f"compacted/events/dt={TODAY}/events.parquet": b"PAR1 again"}


def test_a_day_that_another_run_has_made_meanwhile_is_not_replaced(lake: Lake, file: Path) -> None:
    lake.keep_day(TODAY, file, "these", None)
    tag = tag_of(lake)
    file.write_bytes(b"PAR1 newer")
    lake.keep_day(TODAY, file, "newer", tag)
    file.write_bytes(b"PAR1 stale")
    for read in (tag, None):
        with pytest.raises(ConflictError):
            lake.keep_day(TODAY, file, "stale", read)
    lake.keep_day(TODAY, file, "newer", tag)  # an answer was lost, and it is sent again
    assert lake.kept() == {f"compacted/events/dt={TODAY}/events.parquet": b"PAR1 newer"}


def test_the_snapshot_of_profiles_is_one_file(lake: Lake, file: Path) -> None:
    lake.keep_profiles(file)
    assert lake.kept() == {"compacted/profiles/profiles.parquet": b"PAR1"}


def test_what_is_made_is_not_taken_for_raw_rows(lake: Lake, file: Path) -> None:
    lake.keep_day(TODAY, file, "these", None)
    lake.keep_profiles(file)
    assert lake.raw(LATER) == {}


def test_more_objects_than_one_listing_answers_are_all_seen(moto_cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    lake = _S3Lake(moto_cloud)
    for number in range(8):
        lake.lay(TODAY, f"{number:04d}", b"")
    assert len(moto_cloud.client("s3").list_objects_v2(Bucket=lake.place)["Contents"]) == 3
    assert len(lake.raw(LATER)[TODAY]) == 8


def test_a_folder_in_the_lake_that_is_no_day_is_passed_by(moto_cloud: Cloud) -> None:
    lake = _S3Lake(moto_cloud)
    for key in ("events/dt=today/hour=1/a", "events/dt=2025-06-15/", "errors/dt=2025-06-15/a", "events/x"):
        moto_cloud.client("s3").put_object(Bucket=lake.place, Key=key, Body=b"")
    assert lake.raw(LATER) == {}


def test_a_day_is_forgotten_alone_and_its_rows_only_if_they_are_to_go(lake: Lake, tmp_path: Path) -> None:
    for day in (BEFORE, TODAY):
        lake.lay(day, "one", b"a row\n", EARLIER)
        (file := tmp_path / day).write_bytes(day.encode())
        lake.keep_day(day, file, "made from it", None)
    lake.forget_day(BEFORE, rows=False)
    assert (lake.made(BEFORE), list(lake.raw(LATER))) == (None, [BEFORE, TODAY])
    lake.forget_day(BEFORE, rows=True)
    lake.forget_day(BEFORE, rows=True)
    assert list(lake.raw(LATER)) == [TODAY]
    assert lake.kept() == {f"{EVENTS_LOCATION}dt={TODAY}/events.parquet": TODAY.encode()}
