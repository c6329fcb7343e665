"""What needs more than one transaction is folded in pieces: a break between two pieces loses and doubles nothing."""

from __future__ import annotations

import pytest

from attune.domain.events import Event
from tests.builders import NOW, SECOND, event, identifiers
from tests.faults.books import Books, Sender
from tests.faults.wires import BreakAt, Fault, Moment, Steady, Wire
from tests.faults.world import World

#: devices, and the carts of each: more identifiers than one transaction takes
DEVICES = 40


def visits(rounds: range) -> list[Event]:
    """One person on many devices with a cart on each: every event claims three identifiers, most of them new."""
    claimed = [identifiers(user_id="u", anonymous_id=f"d{n}", cart_token=f"t{n}") for n in rounds]
    return [
        event("Page", message_id=f"visit-{n}", time=NOW + n * SECOND, identifiers=claims)
        for n, claims in zip(rounds, claimed, strict=True)
    ]


def tell(wire: Wire) -> World:
    world = World(wire=wire)
    for number in range(DEVICES):
        alone = identifiers(anonymous_id=f"d{number}", cart_token=f"t{number}")
        world.send(event("Page", message_id=f"alone-{number}", time=NOW, identifiers=alone))
    world.settle()
    world.send(*visits(range(DEVICES)), received_at=NOW + DEVICES * SECOND)
    world.pass_time(DEVICES * SECOND)
    return world


def check(world: World) -> None:
    [state] = world.states()
    assert state["events"] == 2 * DEVICES
    assert len(state["links"]) == 2 * DEVICES + 1
    sender = Sender()
    for number in range(DEVICES):
        sender.sent(f"alone-{number}", number)
        sender.sent(f"visit-{number}", number)
    tombstones = {item.profile_id: item.merged_into for item in world.profiles.all_items() if item.merged_into}
    rows = world.lake.rows
    Books(sender, rows=rows, quarantined=[], profiles=world.states(), tombstones=tombstones).check()


def test_forty_profiles_with_eighty_identifiers_become_one() -> None:
    check(tell(Steady()))


def points() -> list[int]:
    """The calls after the profiles were founded one by one."""
    wire = Steady()
    tell(wire)
    commits = [n for n, name in enumerate(wire.calls) if name.endswith(("commit", "append"))]
    return commits[-16:]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("position", points())
def test_a_break_between_the_pieces_changes_nothing(position: int, fault: Fault, moment: Moment) -> None:
    check(tell(BreakAt(position, fault, moment)))
