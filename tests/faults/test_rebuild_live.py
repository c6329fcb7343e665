"""Profiles folded anew beside live traffic, killed at any call, overtaken at any time: in the end all is as without."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.builders import (
    NOW,
    event,
    model,
    vip_segment,
)
from tests.faults.effort import seeds
from tests.faults.rebuilding import ME, Busy, Life, rebuild_all, states, the_one, write
from tests.faults.simulator import Schedule
from tests.faults.test_crash_points import Story, check_posts
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, Unavailable, Unreliable, Wire
from tests.faults.world import World

# ---------------------------------------------------------------------------------------- over live traffic, in pieces


class BusyStory(Story):
    """The story of the crash points, while everybody is folded anew again and again."""

    def __init__(self, wire: Wire | None = None, **world: Any) -> None:
        super().__init__(wire, **world)
        sender = self.world.sender
        self.world = Busy(vip_segment(), wire=wire, models=[model("online")], **world)
        self.world.sender = sender


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story().tell().outcome()


@pytest.mark.parametrize("seed", seeds(30, long=2_000))
def test_a_replay_over_live_traffic_with_crashes_changes_nothing(seed: int, undisturbed: dict[str, Any]) -> None:
    """F14: what is stored, told and sent in the end is what it is without; every call may break, of either."""
    schedule = Schedule(again=0.15, zombie=0.03, parallel=3)
    wire = Unreliable(Random(seed), rate=0.05)
    story = BusyStory(wire, seed=seed, shards=1 + seed % 3, schedule=schedule).tell()
    assert story.outcome() == undisturbed
    check_posts(story.world)


@pytest.mark.parametrize("seed", seeds(10, long=500))
def test_a_replay_that_overwrites_damage_over_live_traffic_leaves_what_was_done(
    seed: int, undisturbed: dict[str, Any]
) -> None:
    """Profiles lose what is folded (as by a bug that was mended since) while more comes in, and are made whole."""
    story = Story(seed=seed)
    rng, tell = Random(seed), story.world.settle

    def settle(**options: Any) -> Any:
        done = tell(**options)
        if rng.random() < 0.7:
            damage(story.world, rng)
            assert rebuild_all(story.world)["incomplete"] == 0
        return done

    story.world.settle = settle  # type: ignore[method-assign]
    story.tell()
    assert story.outcome() == undisturbed


def damage(world: World, rng: Random) -> None:
    """Traits, windows and carts of some are gone; stays and timers are as they were."""
    for item in world.live_items():
        if rng.random() < 0.5:
            profile = states(world.profiles)[item.profile_id]
            profile.traits, profile.windows, profile.carts, profile.activity = {}, {}, {}, None
            write(world, profile)


def damaged(seed: int = 3) -> World:
    world = Life(seed, late=False).tell().world
    damage(world, Random(0))
    return world


def rebuild_calls() -> list[str]:
    wire = Steady()
    rebuild_all(damaged(), wire=wire, page=1)
    return wire.calls


CALLS = list(enumerate(rebuild_calls()))


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("position", "name"), CALLS, ids=[f"{name}-{number}" for number, name in CALLS])
def test_a_rebuild_that_breaks_at_any_call_and_is_repeated_ends_the_same(
    position: int, name: str, fault: Fault, moment: Moment
) -> None:
    world, whole = damaged(), damaged()
    rebuild_all(whole)
    wire = BreakAt(position, fault, moment)
    with pytest.raises((Crash, Unavailable)):
        rebuild_all(world, wire=wire, page=1)
    assert wire.calls[position] == name
    rebuild_all(world, wire=wire, page=1)
    assert states(world.profiles) == states(whole.profiles)
    assert rebuild_all(world)["rebuilt"] == 0


class Meanwhile(Steady):
    """Another event comes and is folded before a call of the rebuild goes through, the first time it is made."""

    def __init__(self, world: World, during: str) -> None:
        super().__init__()
        self._world, self._during = world, f"rebuild_profiles.{during}"

    def carry(self, name: str, call: Any) -> Any:
        if name == self._during and name not in self.calls:
            self._world.send(event(identifiers=ME, time=NOW, message_id="second"), received_at=NOW)
            self._world.settle()
        return super().carry(name, call)


def damaged_one() -> World:
    world = World()
    world.send(event(identifiers=ME, traits={"city": "Bonn"}, message_id="first"))
    world.settle()
    profile = the_one(world)
    profile.traits = {}
    write(world, profile)
    return world


@pytest.mark.parametrize("during", ["profiles.commit", "definitions.current"])
def test_who_is_written_meanwhile_is_read_again(during: str) -> None:
    """An event comes between the read and the write: it is neither lost nor folded twice."""
    world = damaged_one()
    counts = rebuild_all(world, wire=Meanwhile(world, during))
    assert (counts["rebuilt"], counts["incomplete"]) == (1, 0)
    assert (the_one(world).events, len(the_one(world).windows)) == (2, 1)
    assert the_one(world).trait_values() == {"city": "Bonn"}


def test_who_did_something_that_the_lake_does_not_hold_yet_is_left_to_a_later_run() -> None:
    world = damaged_one()
    counts = rebuild_all(world, wire=Meanwhile(world, "history.people"))
    assert (counts["rebuilt"], counts["incomplete"]) == (0, 1)
    assert (the_one(world).events, the_one(world).trait_values()) == (2, {})
    assert rebuild_all(world)["rebuilt"] == 1
    assert the_one(world).trait_values() == {"city": "Bonn"}
