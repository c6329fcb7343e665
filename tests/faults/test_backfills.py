"""Runs that let segments take over: whom they read, what they leave, and that they bear whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec
import pytest

from attune.adapters.memory_history import MemoryHistory
from attune.domain.past.takeovers import NOTICE
from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.profile import Profile
from attune.domain.segments import compile_segments
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, event, identifiers
from tests.faults.definition_changes import Changing, Lives, Meanwhile, Run, tree_segment
from tests.faults.definition_stories import CLICKED, PEOPLE, SEARCHED, START, VIEWED, Story
from tests.faults.effort import LONG, seeds
from tests.faults.rebuilding import content, states
from tests.faults.wires import BreakAt, Fault, Moment, Steady, Wire


@pytest.mark.parametrize("seed", seeds(20, long=500))
def test_of_a_segment_that_is_there_no_more_nothing_is_left_behind(seed: int) -> None:
    """Neither marks nor stays, of anybody, whatever else is defined; what others ask for stays."""
    story = Story(seed)
    lives, world = story.lives, story.lives.world
    world.store.put(tree_segment(story.new, "other"), read_version=None)
    for one in world.store.standings("segment"):
        world.store.settle("segment", one.definition.id, one.version)
    lives.until(story.applied_at)
    world.store.delete("segment", "tree", read_version=1)
    Run(world, lives.pass_time, Meanwhile(story.rng, lives.pass_time, deaths=seed % 4))()
    compiled = compile_segments(world.store.current())
    timers = {one.slot for found in compiled.absences.values() for one in found}
    for profile in states(world.profiles).values():
        assert profile.windows.keys() <= compiled.by_name.keys()
        assert profile.timers.keys() <= timers
        assert "tree" not in profile.memberships
    done_at = world.time.now
    lives.until(NOW + 30 * HOUR)
    for who in PEOPLE:
        assert lives.is_inside(who, "other") == lives.truth(story.new, who, world.time.now)
        assert all(at < story.applied_at for _, at in lives.told(who))
    assert done_at > story.applied_at


def lasting(profile: Profile) -> dict[str, Any]:
    """Without how far time has passed: who reads more may have to read once more."""
    known = content(profile) | {"stays": profile.memberships}
    return known | {"seen": known["seen"][:-1]}


class Everybody(MemoryHistory):
    """A lake that lays out everybody, whoever is asked for."""

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        return super().lay_out(share=share)


@pytest.mark.parametrize("seed", seeds(20, long=500))
def test_who_is_read_from_the_lake_are_all_whom_that_could_change(seed: int) -> None:
    """Profiles are the same as if everybody had been folded anew."""
    became = []
    for history_of in (MemoryHistory, Everybody):
        story = Story(seed)
        lives, world = story.lives, story.lives.world
        lives.until(story.applied_at)
        world.apply(tree_segment(story.new))
        run = Run(world, lives.pass_time, history=history_of)
        run("tree")
        became.append({name: lasting(one) for name, one in states(world.profiles).items()})
    assert became[0] == became[1]


def test_a_version_that_was_replaced_meanwhile_takes_nothing_over() -> None:
    story = Story(3)
    lives, world = story.lives, story.lives.world
    lives.until(story.applied_at)
    world.apply(tree_segment(SEARCHED))

    class Replaced(Steady):
        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            if name == "backfill.history.lay_out" and name not in self.calls:
                world.apply(tree_segment(CLICKED))
            return super().carry(name, call)

    answer = Run(world, lives.pass_time, Replaced())()
    standing = world.standing("tree")
    assert answer["replaced"] == ["tree"]
    assert (standing.serving_version, standing.version, standing.takes_over_at, standing.settled) == (1, 3, None, False)
    assert Run(world, lives.pass_time)()["replaced"] == []
    standing = world.standing("tree")
    assert (standing.serving, standing.version, standing.settled) == (None, 3, True)
    assert [one.since is not None for one in world.store.history("segment", "tree")] == [True, False, True]


def test_a_run_that_is_done_again_finds_nothing_to_do() -> None:
    story = Story(5)
    lives, world = story.lives, story.lives.world
    lives.until(NOW)
    world.apply(tree_segment(story.new))
    Run(world, lives.pass_time)()
    again = Run(world, lives.pass_time)()
    assert (again["segments"], again["rebuilt"], again["settled"]) == ([], 0, 0)
    named = Run(world, lives.pass_time)("tree", "gone")
    assert (named["segments"], named["unknown"]) == (["tree"], ["gone"])
    once_more = Run(world, lives.pass_time)("tree")
    assert (once_more["rebuilt"], once_more["settled"]) == (0, 0)


@pytest.mark.parametrize("moment", Moment)
def test_a_run_killed_at_any_call_and_begun_again_ends_the_same(moment: Moment) -> None:
    def ended(wire: Wire) -> tuple[Any, ...]:
        story = Story(17)
        lives, world = story.lives, story.lives.world
        lives.until(START + 30 * HOUR)
        world.apply(tree_segment(story.new))
        world.store.delete("segment", "keen", read_version=1)
        Run(world, lives.pass_time, wire)()
        lives.until(NOW + DAY)
        stand = msgspec.structs.replace(world.standing("tree"), since=0)
        inside = {who: lives.is_inside(who) for who in PEOPLE}
        told = {who: lives.told(who) for who in PEOPLE}
        slots = {name: (one.windows, one.memberships.keys()) for name, one in states(world.profiles).items()}
        return stand, inside, told, slots

    calm = Steady()
    wanted = ended(calm)
    assert {"backfill.definitions.take_over", "backfill.profiles.commit"} <= set(calm.calls)
    step = 1 if LONG else 2
    for position in range(0, len(calm.calls), step):
        assert ended(BreakAt(position, Fault.CRASH, moment)) == wanted, calm.calls[position]


def test_two_containers_of_which_one_does_not_know_the_new_segment_yet_lose_nothing_of_it() -> None:
    """Snapshots may be five seconds apart: what one does not know it leaves alone."""
    world = Changing(tree_segment(VIEWED), at=NOW)
    older = world._process_events()
    me = identifiers(anonymous_id="ann")
    world.send(event("Product Viewed", time=NOW, identifiers=me))
    world.read_by(older)
    world.apply(tree_segment(SEARCHED))
    newer = world._process_events()
    for number, container in enumerate([newer, older, newer, older, newer]):
        world.time.now += 700
        world.send(event("Searched", time=NOW + 700 * (number + 1), identifiers=me))
        world.send(event("Product Viewed", time=NOW + 700 * (number + 1) + 1, identifiers=me))
        world.read_by(container)
    compiled = compile_segments(world.store.current())
    [profile] = states(world.profiles).values()
    [searches] = [found[0] for found in compiled.slots["Searched"]]
    assert [mark.time - NOW for mark in profile.windows[searches.name]] == [700, 2_100, 3_500]


def test_who_is_busy_is_read_again_when_their_rows_have_arrived() -> None:
    """The version before serves meanwhile: nobody is judged by a half of what they did."""
    world = Changing(tree_segment(VIEWED), at=NOW - DAY, tick=0)
    me = identifiers(anonymous_id="ann")
    lives = Lives(world, {"ann": [event("Searched", time=NOW - n * HOUR, identifiers=me) for n in range(1, 5)]}, [])
    lives.begin()
    lives.until(NOW)
    world.apply(tree_segment(SEARCHED))
    busy = [event("Searched", time=NOW + n * MINUTE, identifiers=me, message_id=f"b{n}") for n in (2, 4)]
    lives.wait_for("ann", busy)
    compactions: list[int] = []

    class Watched(Steady):
        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            if name == "backfill.history.lay_out":
                compactions.append(world.time.now - NOW)
                assert world.standing("tree").serving is not None
            return super().carry(name, call)

    answer = Run(world, lives.pass_time, Watched())()
    assert (len(compactions), answer["incomplete"], answer["rebuilt"]) == (2, 0, 1)
    assert lives.is_inside("ann")
    assert [what for what, _ in lives.told("ann")] == []


def test_who_completes_a_new_segment_before_its_backfill_finds_the_rest_is_heard_of_all_the_same() -> None:
    """Four times before it was applied, once after: live it looks like once, the backfill knows better."""
    world = Changing(at=NOW - DAY, tick=0)
    me = identifiers(anonymous_id="ann")
    lives = Lives(world, {"ann": [event("Searched", time=NOW - n * HOUR, identifiers=me) for n in range(1, 5)]}, [])
    lives.begin()
    lives.until(NOW)
    world.apply(tree_segment(SEARCHED))
    lives.wait_for("ann", [event("Searched", time=NOW + 30 * SECOND, identifiers=me)])
    Run(world, lives.pass_time)()
    assert lives.told("ann") == []
    lives.until(NOW + HOUR)
    world.settle(until=NOW + HOUR)
    assert lives.told("ann") == [(SegmentEntered, NOW + 30 * SECOND)]


def test_no_container_serves_the_old_version_beside_the_new_one() -> None:
    """Or who left would come in again, and be told of a second time."""
    world = Changing(tree_segment(VIEWED), at=NOW, tick=0)
    me = identifiers(anonymous_id="ann")
    older, newer = world._process_events(), world._process_events()
    world.send(*(event("Product Viewed", time=NOW - n, identifiers=me) for n in range(5)))
    world.read_by(older)
    world.time.now += HOUR
    version = world.apply(tree_segment(SEARCHED))
    world.time.now += HOUR
    world.send(event("Clicked", time=world.time.now, identifiers=me))
    world.read_by(older)  # it reads the definitions, just before
    at = world.time.now + NOTICE
    world.store.take_over("tree", version, at)
    for container, after in ((newer, SECOND), (older, 2 * SECOND)):
        world.time.now = at + after
        world.send(event("Clicked", time=world.time.now, identifiers=me))
        world.read_by(container)
        [profile] = states(world.profiles).values()
        assert profile.memberships["tree"].left_at is not None
