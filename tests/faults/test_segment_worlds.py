"""A share of the segment language's cases through everything that is deployed: the stream, the gate, the commits, the
wake-ups, the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import cached_property, partial
from random import Random
from typing import Any

import pytest

from attune.adapters.memory_profiles import MemoryProfiles
from attune.domain.definitions.kinds import decode_definition
from attune.domain.events import Event
from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.state import decode_profile
from tests.builders import EVERYTHING, Pseudonyms, consent_event, identifiers, key_of, score_event
from tests.faults.definition_changes import Changing, Lives, Run
from tests.faults.effort import seeds
from tests.faults.segment_cases import Case, draw_case
from tests.faults.segment_happenings import Happening
from tests.faults.segment_histories import BORN
from tests.faults.segment_leaves import LEAVES
from tests.faults.segment_subject import as_event, rank_of
from tests.faults.world import World
from tests.lakes import LakeOfTests

NAMES = sorted(LEAVES)
ME = identifiers(anonymous_id="me")
MY_PROFILE = Pseudonyms().profile_id(key_of("anonymous_id", "me"), 0)
SEEN_FIRST = Happening(BORN, "Signed Up", consent=EVERYTHING)
MESSAGES = {rank_of(f"m{number}"): f"m{number}" for number in range(30)}


def case_of(number: int) -> Case:
    """Somebody who did something first, each thing at its own instant."""
    drawn = (draw_case(NAMES[number * 37 % len(NAMES)], 1_000 * number + attempt) for attempt in range(1_000))
    known = (replace(case, history=[SEEN_FIRST, *case.history], whose=MY_PROFILE) for case in drawn)
    return next(case for case in known if not case.has_ties and case.is_lively())


class Lived:
    """A case as it reaches a deployment."""

    def __init__(self, case: Case) -> None:
        self.case = case

    @cached_property
    def world(self) -> World:
        world = World(*(decode_definition(one) for one in self.case.documents), tick=0)
        world.time.now = BORN
        return world

    def arrives(self, one: Happening) -> None:
        self.world.time.now = max(self.world.time.now, one.time)
        self.world.send(*_sent(one))
        self.world.settle()

    def wakes(self, instant: int) -> None:
        self.world.time.now = max(self.world.time.now, instant)
        self.world.wake()
        self.world.settle()

    def through(self, visited: list[int]) -> Iterator[int]:
        """Every event at its time, woken up at the visited instants only."""
        waiting = list(self.case.history)
        for instant in visited:
            while waiting and waiting[0].time <= instant:
                self.arrives(waiting.pop(0))
            self.wakes(instant)
            yield instant

    def inside(self) -> dict[str, set[str]]:
        return inside_of(self.world, self.case)

    def check_stays(self, instant: int) -> None:
        """Since when they are as they are."""
        [state] = self.world.states()
        for name, (entered_at, left_at, *_) in state.get("memberships", {}).items():
            segment, _, key = name.partition("\x1f")
            if segment in self.case.conditions:
                changed = entered_at if left_at is None else left_at
                assert changed == self.case.since(segment, key, instant), (self.case, name, instant)

    def told(self, segment: str) -> list[tuple[bool, int]]:
        changes = [change for image in self.world.profiles.images() for change in image.outbox]
        return [(isinstance(one, SegmentEntered), one.at) for one in changes if one.segment == segment]


def inside_of(world: World, case: Case) -> dict[str, set[str]]:
    """The keys of the memberships that the one profile shows."""
    [state] = world.states()
    found: dict[str, set[str]] = {name: set() for name in case.conditions}
    for name, (_, left_at, *_) in state.get("memberships", {}).items():
        segment, _, key = name.partition("\x1f")
        if left_at is None and segment in found:
            found[segment].add(key)
    return found


def _sent(one: Happening) -> list[Event]:
    identity: dict[str, Any] = {"identifiers": ME, "message_id": MESSAGES.get(one.rank, "first")}
    if one.scores:
        return [
            score_event(MY_PROFILE, value, at=one.time, model=model, percentile=one.percentiles.get(model))
            for model, value in one.scores.items()
        ]
    if one.name or one.lists:
        return [as_event(one, consent=dict(one.consent) or None, **identity)]
    return [consent_event(dict(one.consent), time=one.time, **identity)]


@pytest.mark.parametrize("number", seeds(20, long=600))
def test_who_is_in_and_what_is_told_is_what_the_manual_says(number: int) -> None:
    case = case_of(number)
    life = Lived(case)
    for instant in life.through(case.instants):
        assert life.inside() == case.truths[instant], (case, instant)
    for segment in case.conditions:
        if not case.is_keyed(segment):
            turns = [(index % 2 == 0, at) for index, at in enumerate(case.turns(segment))]
            assert life.told(segment) == turns, (case, segment)


@pytest.mark.parametrize("number", seeds(20, long=600))
def test_wake_ups_that_come_late_or_never_lose_no_instant(number: int) -> None:
    case = case_of(number + 10_000)
    life = Lived(case)
    for instant in life.through(sorted(Random(number).sample(case.instants, k=max(2, len(case.instants) // 8)))):
        assert life.inside() == case.truths[instant], (case, instant)
        life.check_stays(instant)


@pytest.mark.parametrize("number", seeds(20, long=600))
def test_late_events_change_nothing_of_who_is_in(number: int) -> None:
    case, rng = case_of(number), Random(number)
    late = {0, *rng.sample(range(len(case.history)), len(case.history) // 2)}
    life = Lived(case)
    life.arrives(SEEN_FIRST)
    arrived = [SEEN_FIRST]
    for one in [*(case.history[index] for index in sorted({*range(len(case.history))} - late)),
                *(case.history[index] for index in rng.sample(sorted(late - {0}), len(late) - 1))]:  # fmt: skip
        life.arrives(one)
        arrived.append(one)
        assert life.inside() == case.truth(life.world.time.now, arrived), (case, one)
    for instant in case.instants:
        if instant > life.world.time.now and rng.random() < 0.2:
            life.wakes(instant)
            assert life.inside() == case.truths[instant], (case, instant)


class TheLake:
    """`History` of the rows that Firehose has let go of: compacted, and asked what Athena is asked."""

    def __init__(self, lake: LakeOfTests, rows: Callable[[], list[bytes]], profiles: MemoryProfiles) -> None:
        self._lake, self._rows, self._profiles = lake, rows, profiles

    def lay_out(self, events: Collection[str] | None = None, share: int = 1) -> str:
        self._lake.empty(self._profiles)
        self._lake.arrive(*self._rows())
        assert self._lake.compact()["done"]
        return self._lake.lay_out(events, share)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)


@pytest.fixture(scope="module")
def lake() -> Iterator[LakeOfTests]:
    made = LakeOfTests()
    yield made
    made.close()


@pytest.mark.parametrize("number", seeds(30, long=2_000))
def test_who_is_in_after_a_backfill_is_what_the_manual_says(number: int, lake: LakeOfTests) -> None:
    """The definitions come in the midst of a life; what was before them is answered by the lake's SQL."""
    case, rng = case_of(number + 20_000), Random(number)
    world = Changing(at=BORN, tick=0)
    lives = Lives(world, {"me": [event for one in case.history for event in _sent(one)]}, case.instants)
    lives.until(rng.choice(case.instants[len(case.instants) // 3 :]))
    for document in case.documents:
        world.apply(decode_definition(document))
    lives.pass_time(1)
    Run(world, lives.pass_time, history=partial(TheLake, lake))(*case.conditions)
    rest = [instant for instant in case.instants if instant > world.time.now]
    for instant in [world.time.now, *rest]:
        lives.until(instant)
        world.wake()
        world.settle(until=instant)
        assert inside_of(world, case) == case.truth(instant), (case, instant)
        assert decode_profile(world.live_items()[0].state).trait_values() == case.told(instant), (case, instant)
