"""Whatever call of a night breaks, of compaction, training or refreshing: nobody is left with half of it.

A night is told once undisturbed and then again for each call of its ports, with that call breaking before or after it
applied. Then the machine goes on where it stood, or gives up and the next night comes, after people have changed their
ways and their minds. After every call the champion is looked at: it is whole, or there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.learning_shop import Night, Shop
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady
from tests.lakes import LakeOfTests


@pytest.fixture(scope="module")
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests(remembers=True)
    yield lake
    lake.close()


def undisturbed(champion: str | None) -> list[str]:
    lake, wire = LakeOfTests(remembers=True), Steady()
    try:
        shop = Shop(lake, champion=champion)
        shop.go_on(shop.night("run-2"), wire)
    finally:
        lake.close()
    return wire.calls


CALLS, FIRST_CALLS = undisturbed("run-1"), undisturbed(None)


def points(calls: list[str], port: str = "") -> list[Any]:
    """Before and after each call, or each call of that port."""
    labels = [(at, f"{name}.{calls[: at + 1].count(name)}") for at, name in enumerate(calls) if name.startswith(port)]
    return [pytest.param(at, moment, id=f"{label}-{moment}") for at, label in labels for moment in Moment]


def broken(shop: Shop, night: Night, at: int, moment: Moment) -> None:
    """The night ends there, and all that it has sent by then is applied."""
    wire = BreakAt(at, Fault.CRASH, moment)
    with pytest.raises(Crash):
        shop.go_on(night, wire)
    assert len(wire.calls) > at
    shop.world.settle()


def check_order(shop: Shop, *versions: str | None) -> None:
    """The pointer was at each of them in this order, and never went back."""
    moves = [one for at, one in enumerate(shop.champions) if at == 0 or shop.champions[at - 1] != one]
    assert tuple(moves) == versions


def test_a_night_has_every_port_in_it_and_several_waves() -> None:
    ports = {name.split(".")[0] for name in CALLS}
    assert ports == {"arrivals", "lake", "compaction", "sizes", "everybody", "features", "registry", "stream"}
    assert CALLS.count("stream.put") > 1
    assert CALLS.index("registry.keep") < CALLS.index("registry.promote") < CALLS.index("stream.put")


def test_undisturbed_nights_score_everybody_who_permits_it(lake: LakeOfTests) -> None:
    shop = Shop(lake)
    night = shop.night("run-2")
    shop.go_on(night)
    shop.check_everybody(night)
    before = shop.scores()
    assert {one.value for one in before.values()} == {"vip", "lapsed"}
    assert len(before) < len(shop.profiles()) < len(shop.world.profiles.all_items())
    shop.another_day()
    night = shop.night("run-3")
    shop.go_on(night)
    shop.check_everybody(night)
    after = shop.scores()
    assert night.trained["models"][0]["code"] == "not_better"
    assert set(after) - set(before), "nobody is new"
    assert set(before) - set(after), "nobody changed their mind"
    both = set(before) & set(after)
    assert {one for one in both if before[one] == after[one]} not in (set(), both), "all was news, or nothing"
    check_order(shop, "run-1", "run-2")


@pytest.mark.parametrize(("at", "moment"), points(CALLS))
def test_a_night_that_breaks_is_ended_by_the_machine(at: int, moment: Moment, lake: LakeOfTests) -> None:
    shop = Shop(lake)
    night = shop.night("run-2")
    broken(shop, night, at, moment)
    shop.go_on(night)
    assert (night.trained["models"][0]["state"], night.trained["models"][0]["code"]) == ("promoted", "better")
    shop.check_everybody(night)
    check_order(shop, "run-1", "run-2")


@pytest.mark.parametrize(("at", "moment"), points(FIRST_CALLS, "registry."))
def test_a_first_night_that_breaks_is_ended_by_the_machine(at: int, moment: Moment, lake: LakeOfTests) -> None:
    shop = Shop(lake, champion=None)
    night = shop.night("run-2")
    broken(shop, night, at, moment)
    shop.go_on(night)
    shop.check_everybody(night)
    check_order(shop, None, "run-2")


@pytest.mark.parametrize(("at", "moment"), points(CALLS))
def test_after_a_night_that_broke_and_never_came_again_the_next_one_makes_up_for_it(
    at: int, moment: Moment, lake: LakeOfTests
) -> None:
    shop = Shop(lake)
    broken(shop, shop.night("run-2"), at, moment)
    promotion = CALLS.index("registry.promote")
    moved = at > promotion or (at == promotion and moment is Moment.APPLIED)
    assert shop.champion().version == ("run-2" if moved else "run-1")
    shop.another_day()
    night = shop.night("run-3")
    shop.go_on(night)
    assert night.trained["models"][0]["code"] == ("not_better" if moved else "better")
    shop.check_everybody(night)
    check_order(shop, "run-1", "run-2" if moved else "run-3")


def test_a_night_that_died_between_its_champion_and_the_scores_leaves_them_to_the_next_one(lake: LakeOfTests) -> None:
    shop = Shop(lake)
    broken(shop, shop.night("run-2"), CALLS.index("registry.promote"), Moment.APPLIED)
    assert shop.champion().version == "run-2"
    assert {one.version for one in shop.scores().values()} == {"run-1"}
    night = shop.night("run-3")
    shop.go_on(night)
    assert (night.trained["models"][0]["state"], night.trained["models"][0]["code"]) == ("kept", "not_better")
    shop.check_everybody(night)
    assert {one.version for one in shop.scores().values()} == {"run-2"}
    assert night.scores["sent"] == len(shop.scores())
