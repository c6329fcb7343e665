"""Whatever call breaks while two are unlinked and folded apart, whenever it breaks: both end as they would have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import MINUTE, consent_event, identifiers
from tests.faults.rebuilding import rebuild_all
from tests.faults.telling import Teller
from tests.faults.test_crash_points import lasting, numbered
from tests.faults.unlinking import unlink_event
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady, Unavailable, Wire
from tests.faults.world import LONG_ENOUGH, World

ANN, BEN = identifiers(user_id="ann"), identifiers(email="ben@example.com")
PHONE, TABLET = identifiers(anonymous_id="phone"), identifiers(anonymous_id="tablet")


class Story(Teller):
    """Ann and Ben were one since his phone was seen under her name, and each has left a cart behind."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(World(wire=wire))
        self.wire = wire

    def tell(self) -> Story:
        world = self.world
        self._do("Product Viewed", *ANN, *TABLET, traits={"name": "Ann"})
        self._do("Product Added", *BEN, *PHONE, properties={"cart_id": "his"}, traits={"name": "Ben"})
        self._do("Product Added", *ANN, *PHONE, properties={"cart_id": "hers"})
        self._send(consent_event({"sms": False}, message_id="no", time=self._later(), identifiers=BEN))
        world.settle()
        [item] = world.live_items()
        self._send(unlink_event(item.profile_id, *BEN, *PHONE, time=self._later()))
        self._do("Product Viewed", *BEN, *TABLET)
        self._do("Product Viewed", *ANN, *PHONE)
        world.pass_time(5 * MINUTE)
        self._rebuild()
        self._do("Product Viewed", *BEN, *PHONE)
        world.pass_time(LONG_ENOUGH)
        return self

    def _rebuild(self) -> None:
        """As the machine does: called again until it ends."""
        for _ in range(3):
            try:
                counts = rebuild_all(self.world, wire=self.wire)
            except (Crash, Unavailable):
                continue
            assert counts["incomplete"] == 0
            return

    def outcome(self) -> dict[str, Any]:
        """All that must not depend on what broke."""
        world = self.world
        return {
            "profiles": [self._lasting(state) for state in sorted(world.states(), key=lambda s: str(s["profile_id"]))],
            "consent": {
                item.profile_id: [(entry.purpose, entry.granted) for entry in world.profiles.ledger(item.profile_id)]
                for item in world.live_items()
            },
            "deliveries": {one.delivery_id: (one.state, one.reason, one.body) for one in world.deliveries.all()},
        }

    def _lasting(self, state: dict[str, Any]) -> dict[str, Any]:
        """Of an unlinking what it says of whom: versions, keys and instants are a retry's own."""
        splits = {name: (keys, folded, other) for name, (_, keys, _, folded, other, *_) in state["splits"].items()}
        return lasting(state) | {"splits": splits}


def calls() -> list[str]:
    wire = Steady()
    Story(wire).tell()
    return wire.calls


POINTS = list(enumerate(calls()))
NAMES = numbered([name for _, name in POINTS])


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story(Steady()).tell().outcome()


def test_the_story_is_about_an_unlinking(undisturbed: dict[str, Any]) -> None:
    one, other = undisturbed["profiles"]
    assert {one["events"], other["events"]} == {3}
    assert {str(state["traits"]["name"][0]) for state in (one, other)} == {"Ann", "Ben"}
    assert len(undisturbed["deliveries"]) == 2
    assert len({name.rpartition(".")[0] for _, name in POINTS}) >= 8


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(("position", "name"), POINTS, ids=NAMES)
def test_a_broken_call_changes_nothing_that_lasts(
    position: int, name: str, fault: Fault, moment: Moment, undisturbed: dict[str, Any]
) -> None:
    wire = BreakAt(position, fault, moment)
    story = Story(wire).tell()
    assert wire.calls[position] == name
    assert story.outcome() == undisturbed
