"""Whatever call of compaction breaks, whenever it breaks: run again, it makes the same files, and never half a day."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from tests.builders import DAY, NOW, profile_id
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady
from tests.lakes import AFTER, BEFORE, LakeOfTests, live, row, tombstone


@pytest.fixture(scope="module")
def one_lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


@pytest.fixture(scope="module")
def remembering() -> Iterator[LakeOfTests]:
    """For what breaks beside DuckDB: it is as before and after its own calls, at each of which it is broken too."""
    lake = LakeOfTests(remembers=True)
    yield lake
    lake.close()


def lay_down(lake: LakeOfTests) -> None:
    """Three days with late rows, a contested event and a line that is no row; one day was compacted before."""
    lake.empty()
    lake.store(live(1), tombstone(2, 1), live(4))
    lake.arrive(row(message_id="a", version=1), row(message_id="b"), day=BEFORE)
    lake.compact(NOW - DAY)
    lake.arrive(row(message_id="a", version=2), row(message_id="c", version=5, profile_id=profile_id(3)))
    lake.arrive(row(message_id="c", version=2, profile_id=profile_id(4)), b"no row", day=AFTER)


def made(lake: LakeOfTests) -> dict[str, bytes]:
    counted = {f"counted {day.day}": msgspec.json.encode(day.ended) for day in lake.arrivals.since("")}
    return {**lake.files.days, "profiles": lake.files.profiles, **counted}


def undisturbed() -> tuple[dict[str, bytes], list[str]]:
    lake = LakeOfTests()
    try:
        lay_down(lake)
        wire = Steady()
        assert lake.compact(NOW + DAY, wire=wire) == {"done": True, "days": 3}
        return made(lake), wire.calls
    finally:
        lake.close()


WHOLE, CALLS = undisturbed()
#: a service out of reach ends an invocation as a killed process does: nothing in there catches anything
POINTS = [(at, moment) for at in range(len(CALLS)) for moment in Moment]


def named(point: tuple[int, Moment]) -> str:
    at, moment = point
    return f"{CALLS[at]}.{CALLS[: at + 1].count(CALLS[at])}-{moment}"


@pytest.mark.parametrize("point", POINTS, ids=named)
def test_compaction_that_breaks_is_done_by_the_next_call(
    point: tuple[int, Moment], one_lake: LakeOfTests, remembering: LakeOfTests
) -> None:
    at, moment = point
    lake = one_lake if CALLS[at].startswith("compaction.") else remembering
    lay_down(lake)
    before = made(lake)
    with pytest.raises(Crash):
        lake.compact(NOW + DAY, wire=BreakAt(at, Fault.CRASH, moment))
    for name, data in made(lake).items():
        assert data in (before.get(name), WHOLE[name]), f"{name} is neither as it was nor as it is to be"
    lake.compact(NOW + DAY)
    assert made(lake) == WHOLE


def test_a_folder_in_which_a_load_was_killed_is_no_matter(one_lake: LakeOfTests) -> None:
    """The environment may live on, and its folder with it: half a day lies there, and is not taken for one."""
    lay_down(one_lake)
    one_lake.break_load(after=1)
    with pytest.raises(Crash):
        one_lake.compact(NOW + DAY)
    one_lake.break_load(after=None)
    one_lake.compact(NOW + DAY)
    assert made(one_lake) == WHOLE
