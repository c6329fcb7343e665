"""A repair that breaks at any of its calls, as a killed process or with a service out of reach, before or after the
call was applied, is made up for by calling it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import HOUR, MINUTE, NOW, event, identifiers
from tests.faults.repairs import Repairs
from tests.faults.test_repair import HELLO, SINCE, check, day_in_the_shop, deaf_shop, made
from tests.faults.troubles import HARSH, Outage
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady
from tests.faults.world import Warm, World


def calls_of(work: Callable[[Repairs], Any], world: Callable[[], World]) -> list[str]:
    wire = Steady()
    work(Repairs(world(), wire))
    return wire.calls


def mend(repairs: Repairs) -> Any:
    return repairs.effects(SINCE)


def replay(repairs: Repairs) -> Any:
    return repairs.replay()


def given_up_world() -> World:
    """Both consumers gave everything up."""
    world = World(HELLO, mapping={**HARSH, "max_age": HOUR, "pause": MINUTE, "max_retries": 1_000})
    world.wire = Outage("run_campaigns", NOW, 2 * HOUR, clock=lambda: world.time.now)
    day_in_the_shop(world)
    world.wire = Outage("process_events", world.time.now, 2 * HOUR, clock=lambda: world.time.now)
    world.process.invoke = Warm(world._process_events)
    for number in range(3):
        me = identifiers(anonymous_id=f"visitor-{number}")
        world.send(event(message_id=f"again-{number}", identifiers=me, time=world.time.now))
    world.pass_time(4 * HOUR)
    world.wire = Steady()
    world.process.invoke, world.campaigns.invoke = Warm(world._process_events), Warm(world._run_campaigns)
    return world


BROKEN = [(fault, moment) for fault in Fault for moment in Moment]
MENDED = calls_of(mend, deaf_shop)
REPLAYED = calls_of(replay, given_up_world)


def until_it_succeeds(work: Callable[[Repairs], Any], repairs: Repairs) -> None:
    try:
        work(repairs)
    except (Exception, Crash):  # noqa: BLE001 (whatever was broken: the machine calls the step again)
        work(repairs)


@pytest.mark.parametrize(("fault", "moment"), BROKEN)
@pytest.mark.parametrize("position", range(len(MENDED)), ids=[f"{n}-{name}" for n, name in enumerate(MENDED)])
def test_a_repair_that_breaks_at_any_call_is_made_up_for_by_the_next(
    position: int, fault: Fault, moment: Moment
) -> None:
    whole = day_in_the_shop(World(HELLO))
    world = deaf_shop()
    until_it_succeeds(mend, Repairs(world, BreakAt(position, fault, moment)))
    world.settle()
    assert made(world) == made(whole)
    check(world)


@pytest.mark.parametrize(("fault", "moment"), BROKEN)
@pytest.mark.parametrize("position", range(len(REPLAYED)), ids=[f"{n}-{name}" for n, name in enumerate(REPLAYED)])
def test_a_replay_that_breaks_at_any_call_loses_and_doubles_nothing(
    position: int, fault: Fault, moment: Moment
) -> None:
    world = given_up_world()
    repairs = Repairs(world, BreakAt(position, fault, moment))
    until_it_succeeds(replay, repairs)
    world.settle()
    assert (repairs.batches.waiting(world.time.now), repairs.batches.notices) == ([], [])
    assert sorted(state["events"] for state in world.states()) == [5, 5, 6, 7]
    check(world)
