"""A segment that becomes another one in the middle of people's lives: the old version serves until the new one does,
at one instant for everybody; what the new one says is true from then on; campaigns hear of what happens from then on.
"""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from attune.domain.profiles.changes import SegmentEntered
from tests.builders import HOUR, NOW
from tests.faults.definition_changes import Meanwhile, Run, tree_segment
from tests.faults.definition_stories import FIRST, PEOPLE, START, Story
from tests.faults.effort import seeds


@pytest.mark.parametrize("seed", seeds(60, long=3_000))
def test_the_old_version_serves_until_the_new_one_does_and_only_what_happens_from_then_on_is_told(seed: int) -> None:
    """Whatever arrives while a run is under way, and wherever it dies."""
    story = Story(seed)
    lives, world = story.lives, story.lives.world
    lives.until(story.applied_at)
    world.apply(tree_segment(story.new))
    wire = Meanwhile(story.rng, lives.pass_time, deaths=seed % 4)
    answer = Run(world, lives.pass_time, wire)()
    settled_at = world.time.now
    lives.until(NOW + 30 * HOUR)
    if not answer["incomplete"]:  # or the lake never had all of somebody's events
        story.check(world.standing("tree").since, settled_at)


def test_the_stories_have_everything_in_them() -> None:
    """Or they would prove little."""
    found: Counter[str] = Counter()
    for seed in seeds(30):
        story = Story(seed)
        lives, world = story.lives, story.lives.world
        lives.until(story.applied_at)
        world.apply(tree_segment(story.new))
        found["pending" if world.standing("tree").takes_over_at is None else "at once"] += 1
        answer = Run(world, lives.pass_time, Meanwhile(story.rng, lives.pass_time))()
        lives.until(NOW + 30 * HOUR)
        at = world.standing("tree").since
        found["whole"] += not answer["incomplete"]
        found["rebuilt"] += answer["rebuilt"]
        found["settled"] += answer["settled"]
        for who in PEOPLE:
            found["told"] += any(what is SegmentEntered and when > at for what, when in lives.told(who))
            found["silent"] += story.truth(who, at, at) and not story.truth(who, at - 1, at)
            found["silently out"] += story.truth(who, at - 1, at) and not story.truth(who, at, at)
    assert all(found[name] >= 5 for name in ("pending", "at once", "rebuilt", "settled", "told", "silent"))
    assert found["silently out"]
    assert found["whole"] >= 28


@pytest.mark.parametrize("seed", seeds(30, long=1_000))
def test_a_new_segment_has_its_past_and_nothing_new_is_missed(seed: int) -> None:
    """It serves at once, by what profiles keep from then on, and is exact when its backfill is done."""
    story = Story(seed)
    lives, world = story.lives, story.lives.world
    world.store.delete("segment", "tree", read_version=1)
    lives.until(story.applied_at)
    world.apply(tree_segment(story.new))
    since = world.time.now
    assert world.standing("tree").serving is None
    answer = Run(world, lives.pass_time, Meanwhile(story.rng, lives.pass_time, deaths=seed % 4))()
    done_at = world.time.now
    lives.until(NOW + 30 * HOUR)
    assert world.standing("tree").settled
    if answer["incomplete"]:
        return
    for at, who, inside in lives.inside:
        assert at <= done_at or inside == lives.truth(story.new, who, at), (who, at - START)
    for who in PEOPLE:
        entries = [at for what, at in lives.told(who) if what is SegmentEntered and at > FIRST]
        instants = sorted({since, done_at, *story.instants[who]})
        turns = [
            at
            for last, at in itertools.pairwise(instants)
            if at > since and lives.truth(story.new, who, at) and not lives.truth(story.new, who, last)
        ]
        assert [at for at in entries if at > done_at] == [at for at in turns if at > done_at]
        assert all(at >= since for at in entries if at > story.applied_at - 1)
        [*_, last] = [0, *(at for at in turns if at <= done_at)]
        if last and all(lives.truth(story.new, who, at) for at in instants if last <= at <= done_at):
            assert any(since <= at <= last for at in entries), (who, last - START)
