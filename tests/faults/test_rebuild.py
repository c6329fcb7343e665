"""The lake, folded anew, makes the profiles that there are, or leaves them alone.

Random lives go through the real process_events: late events, merges, duplicates, conflicts, redelivery, consent given
and withdrawn, carts, windows, scores, two sources.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from attune.domain.profiles.profile import Profile
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    event,
)
from tests.faults.effort import seeds
from tests.faults.rebuilding import ME, Life, content, emptied, inside, rebuild_all, states, the_one, withdrew, write
from tests.faults.wires import Crash, Steady
from tests.faults.world import Warm, World
from tests.lakes import TODAY, LakeOfTests


def unscored(profile: Profile) -> dict[str, int]:
    return {name: since for name, since in inside(profile).items() if name != "vip"}


# --------------------------------------------------------------------------------- what the lake says is what there is


@pytest.mark.parametrize("seed", seeds(30, long=3_000))
def test_the_lake_replayed_into_an_empty_store_is_the_live_state(seed: int) -> None:
    """Also where reads lag and records come again; where the lake gives an event to somebody else, it is said."""
    world = Life(seed).tell().world
    store = emptied(world)
    counts = rebuild_all(world, profiles=store)
    live, anew = states(world.profiles), states(store)
    assert counts["unknown"] == 0
    asked = [one for one in live if not withdrew(live[one])]
    same = [one for one in asked if anew[one].activity or not live[one].activity]
    assert len(asked) - len(same) <= 3
    for one in same:
        assert content(anew[one]) == content(live[one])
        assert inside(anew[one]).keys() == inside(live[one]).keys()


@pytest.mark.parametrize("seed", seeds(30, long=3_000))
def test_where_nothing_comes_late_stays_are_the_same_to_the_millisecond(seed: int) -> None:
    """Where consent and score are still the first ones: of these only the last word is known."""
    world = Life(seed, late=False).tell().world
    store = emptied(world)
    assert rebuild_all(world, profiles=store)["incomplete"] == 0
    live, anew = states(world.profiles), states(store)
    for one, profile in live.items():
        if withdrew(profile):
            continue
        assert content(anew[one]) == content(profile)
        assert inside(anew[one]).keys() == inside(profile).keys()
        said = profile.consent.get("personalization")
        if said is not None and said.at <= profile.first_seen and not profile.merges:
            assert unscored(anew[one]) == unscored(profile)


@pytest.mark.parametrize("seed", seeds(3, long=60))
def test_the_compacted_lake_says_the_same(seed: int) -> None:
    """By the query that Athena is asked, over tables as compaction makes them."""
    world = Life(seed, late=False).tell().world
    lake = LakeOfTests(world.profiles)
    lake.arrive(*world.lake.rows, day=TODAY)
    lake.compact(NOW + DAY)
    store = emptied(world)
    counts = rebuild_all(world, profiles=store, history=lake)
    assert counts["incomplete"] == 0
    live, anew = states(world.profiles), states(store)
    asked = [one for one in live if not withdrew(live[one])]
    assert asked
    assert [content(anew[one]) for one in asked] == [content(live[one]) for one in asked]
    lake.close()


def test_the_lives_that_are_compared_have_everything_in_them() -> None:
    """Or the comparison would prove little."""
    found: Counter[str] = Counter()
    for seed in seeds(30):
        world = Life(seed).tell().world
        found.update(rebuild_all(world))
        for row in map(msgspec.json.decode, world.lake.rows):
            found[row["verdict"]] += 1
            found[row["source"]] += 1
        for one in states(world.profiles).values():
            found["merges"] += one.merges
            found["carts"] += bool(one.carts)
            found["open stays"] += len(inside(one))
            found["ended stays"] += sum(stay.left_at is not None for stay in one.memberships.values())
            found["withdrawn"] += any(not said.granted for said in one.consent.values())
            found["consent ended a withdrawal"] += any(said.granted and said.since > 0 for said in one.consent.values())
            found["scores"] += len(one.scores)
    wanted = ("applied", "dropped", "conflict", "merged", "shop", "app", "merges", "carts", "open stays", "ended stays")
    for name in (*wanted, "withdrawn", "consent ended a withdrawal", "scores"):
        assert found[name] >= 5, (name, found)
    assert found["unchanged"] > 10 * found["incomplete"] + 10 * found["rebuilt"], found


@pytest.mark.parametrize("seed", seeds(10, long=500))
def test_who_is_as_the_lake_says_is_not_written(seed: int) -> None:
    """At first it may find stays that were over when they were heard of, and what was withdrawn; then no more."""
    world = Life(seed).tell().world
    live = states(world.profiles)
    rebuild_all(world)
    for one, profile in states(world.profiles).items():
        if not withdrew(profile):
            assert content(profile) == content(live[one])
            assert inside(profile) == inside(live[one])
    before = len(world.profiles.images())
    counts = rebuild_all(world, page=2)
    assert (counts["rebuilt"], len(world.profiles.images())) == (0, before)


def test_an_event_that_was_counted_twice_counts_once_after_a_rebuild() -> None:
    """Its producer told it again when nobody remembered it any more: by then the lake has a row, or two, of it."""
    world = World()
    order = event("Order Completed", identifiers=ME, message_id="order", properties={"total": 20})
    other = event("Order Completed", identifiers=ME, message_id="other", properties={"total": 5})
    for one in (order, other, order):
        world.send(one, received_at=world.time.now)
        world.settle()
        world.pass_time(25 * HOUR)
    assert revenue(world) == 4500
    assert rebuild_all(world)["rebuilt"] == 1
    assert (revenue(world), the_one(world).events) == (2500, 3)
    assert rebuild_all(world)["unchanged"] == 1
    # far apart the lake keeps both rows
    lake = LakeOfTests(world.profiles)
    for row, day in zip(world.lake.rows, ("2025-06-01", "2025-06-02", "2025-06-15"), strict=True):
        lake.arrive(row, day=day)
    lake.compact(NOW + 30 * DAY)
    assert len(lake.table()) == 3
    store = emptied(world)
    assert rebuild_all(world, profiles=store, history=lake)["rebuilt"] == 1
    [anew] = states(store).values()
    assert anew.activity == the_one(world).activity
    lake.close()


def revenue(world: World) -> int:
    activity = the_one(world).activity
    return activity.revenue if activity else 0


# ------------------------------------------------------------------------------------------- a lake that is not whole


def test_a_lake_that_lacks_any_row_leaves_the_profile_as_it_is() -> None:
    world = Life(5, late=False).tell().world
    rows = list(world.lake.rows)
    refused: Counter[str] = Counter()
    for missing, row in enumerate(rows):
        said = msgspec.json.decode(row)
        if said["verdict"] not in {"applied", "merged"} or said["type"].startswith("$"):
            continue  # neither consent nor scores are taken from the lake
        world.lake.rows[:] = rows[:missing] + rows[missing + 1 :]
        store = emptied(world)
        counts = rebuild_all(world, profiles=store)
        assert counts["incomplete"] >= 1, said
        refused[said["verdict"]] += 1
    assert refused["merged"]
    assert refused["applied"] > 10


def killed_before_its_commit(world: World) -> None:
    """A batch of the stream whose rows lie in the lake and whose profiles nobody wrote."""

    class Killed(Steady):
        def carry(self, name: str, call: Any) -> Any:
            if name == "process_events.profiles.commit":
                raise Crash(name)
            return super().carry(name, call)

    steady, world.wire = world.wire, Killed()
    world.process.invoke = Warm(world._process_events)
    with pytest.raises(Crash):
        world.process.invoke(world._records(len(world.stream.records) - 1))
    world.wire = steady
    world.process.invoke = Warm(world._process_events)


def test_a_row_whose_commit_has_not_come_to_be_is_not_folded() -> None:
    """The events of a batch lie in the lake before it is written; a killed one writes them again, later."""
    world = World()
    world.send(event(message_id="first", identifiers=ME))
    world.settle()
    world.send(event(message_id="second", identifiers=ME))
    killed_before_its_commit(world)
    assert len(world.lake.rows) == 2
    assert rebuild_all(world)["unchanged"] == 1
    # the version that the row was for is another's by now
    write(world, the_one(world))
    profile = the_one(world)
    assert rebuild_all(world)["incomplete"] == 1
    assert the_one(world) == profile
    world.settle()
    assert the_one(world).events == 2
    assert rebuild_all(world)["incomplete"] == 0


def test_a_row_too_many_does_not_make_up_for_one_that_lacks() -> None:
    world = World()
    world.send(event(message_id="first", identifiers=ME))
    world.settle()
    world.send(event(message_id="second", identifiers=ME))
    killed_before_its_commit(world)
    write(world, the_one(world))
    [first, second] = world.lake.rows
    world.lake.rows[:] = [second]
    assert rebuild_all(world)["incomplete"] == 1
    world.lake.rows[:] = [first]
    assert rebuild_all(world)["unchanged"] == 1
