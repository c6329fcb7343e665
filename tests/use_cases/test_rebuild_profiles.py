"""Whom a rebuild looks at, in which pieces, and what it says of them. What it makes: `faults/test_rebuild.py`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.builders import NOW, event, identifiers, identify, key_of
from tests.faults.rebuilding import rebuilder, states, write
from tests.faults.wires import Steady
from tests.faults.world import World

NAMES = ("ann", "ben", "cid", "dee", "eve")


def visited() -> World:
    """Five people; Ann and Ben are one by now."""
    world = World()
    for name in NAMES:
        world.send(event(message_id=f"of {name}", identifiers=identifiers(anonymous_id=name), traits={"name": name}))
    for name in ("ann", "ben"):
        both = identifiers(anonymous_id=name, user_id="u")
        world.send(identify(message_id=f"login {name}", identifiers=both))
    world.settle()
    return world


def lose(world: World, name: str) -> None:
    """Somebody's last row."""
    rows = [row for row in world.lake.rows if msgspec.json.decode(row)["message_id"] != f"of {name}"]
    assert len(rows) < len(world.lake.rows)
    world.lake.rows[:] = rows


def keys(*names: str) -> list[str]:
    return [key_of("anonymous_id", name) for name in names]


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("rebuilt", "unchanged", "incomplete", "unknown"))


def test_those_who_are_named_are_looked_at_once_each_and_nobody_else() -> None:
    world = visited()
    lose(world, "dee")
    lose(world, "cid")
    answer = rebuilder(world)([*keys("ann", "ben", "cid", "nobody"), "no key at all"], None, lambda: True)
    assert answer["done"]
    assert counts(answer) == (0, 1, 1, 2)


def test_everybody_is_looked_at_where_nobody_is_named() -> None:
    world = visited()
    lose(world, "ann")
    answer = rebuilder(world)([], None, lambda: True)
    assert answer["done"]
    assert counts(answer) == (0, 3, 1, 0)


@pytest.mark.parametrize("named", [False, True])
def test_a_run_goes_on_where_it_stopped_and_counts_on(named: bool) -> None:
    world = visited()
    lose(world, "ann")
    wanted = keys("ann", "nobody", "cid", "dee", "eve") if named else []
    whole = rebuilder(world)(wanted, None, lambda: True)
    answer = rebuilder(world, page=1)(wanted, "", lambda: False)
    assert not answer["done"]
    calls = 1
    while not answer["done"]:
        # as it comes back from the state machine
        position = msgspec.json.decode(msgspec.json.encode(answer["position"]))
        answer = rebuilder(world, page=1)(wanted, position, lambda: False)
        calls += 1
    assert counts(answer) == counts(whole) == ((0, 3, 1, 1) if named else (0, 3, 1, 0))
    assert calls == 5


def test_those_who_are_named_are_asked_for_together() -> None:
    """One question to the lake for all, and one more for those whom they absorbed."""
    world, wire = visited(), Steady()
    rebuilder(world, wire=wire)(keys(*NAMES), None, lambda: True)
    assert wire.calls.count("rebuild_profiles.history.rows") == 2


def test_everybody_takes_one_question_however_many_they_are() -> None:
    world, wire = visited(), Steady()
    rebuilder(world, wire=wire, page=1)([], None, lambda: True)
    assert wire.calls.count("rebuild_profiles.history.lay_out") == 1
    assert "rebuild_profiles.history.rows" not in wire.calls


def test_nothing_is_asked_of_the_lake_where_nobody_is_known() -> None:
    wire = Steady()
    answer = rebuilder(World(), wire=wire)(keys("nobody"), None, lambda: True)
    assert counts(answer) == (0, 0, 0, 1)
    assert rebuilder(World(), wire=wire)([], None, lambda: True)["done"]
    assert "rebuild_profiles.history.rows" not in wire.calls


def test_a_wake_up_that_was_armed_stays_armed() -> None:
    world = World()
    added = event("Product Added", identifiers=identifiers(anonymous_id="ann"), properties={"cart_id": "c"})
    world.send(added)
    world.settle()
    [before] = world.live_items()
    [profile] = states(world.profiles).values()
    assert before.due_at is not None
    assert before.due_at > NOW
    profile.carts = {}
    write(world, profile)
    assert rebuilder(world)([], None, lambda: True)["rebuilt"] == 1
    [after] = world.live_items()
    assert (after.due_at, after.version) == (before.due_at, before.version + 2)
    assert after.state == before.state
