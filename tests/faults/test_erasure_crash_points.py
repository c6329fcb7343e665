"""Whatever call breaks while somebody is forgotten, whenever it breaks: they are forgotten, and do not come back."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.identifiers import Identifier
from attune.use_cases.profiles.find_profiles import markers
from tests.builders import MINUTE, identifiers, identify
from tests.faults.erasing import erase_event, suppress_event
from tests.faults.simulator import Schedule
from tests.faults.telling import Teller
from tests.faults.test_crash_points import lasting, numbered
from tests.faults.unlinking import unlink_event
from tests.faults.wires import BreakAt, Fault, GiveUpAt, Moment, Steady, Wire
from tests.faults.world import LONG_ENOUGH, World

ADA, DEVICE = identifiers(user_id="ada"), identifiers(anonymous_id="ada-phone")
DEVICES = tuple(Identifier("anonymous_id", f"device-{n}") for n in range(49))
TOKENS = tuple(Identifier("cart_token", f"token-{n}") for n in range(50))
ANN, BEN = identifiers(user_id="ann"), identifiers(email="ben@example.com")
NAMED = (*ADA, *DEVICE, *DEVICES, *TOKENS, *ANN, *BEN, *identifiers(user_id="cid"))


class Story(Teller):
    """Ada, who was two and has more identifiers than a transaction takes, is forgotten while her cart waits.

    Ann is, of whom Ben was split off and not folded apart. Cid, whom nobody knows, is, and takes part no more. Then
    late events of all come, and Ada comes back.
    """

    def __init__(self, wire: Wire, **options: Any) -> None:
        super().__init__(World(wire=wire, **options))

    def tell(self) -> Story:
        world = self.world
        self._do("Product Viewed", *DEVICE)
        self._do("Product Added", *ADA, *DEVICES[:25], properties={"cart_id": "hers"})
        self._do("Product Viewed", *ADA, *DEVICES[25:], *DEVICE)
        self._do("Product Viewed", *ADA, *TOKENS)
        self._do("Product Added", *ANN, *BEN, properties={"cart_id": "whose"})
        world.settle()
        both = next(item.profile_id for item in world.live_items() if self._leads(ANN[0]) == item.profile_id)
        self._send(unlink_event(both, *BEN, time=self._later()))
        world.settle()
        late = [self._made("Product Viewed", *named) for named in (ADA, DEVICES[:1], TOKENS[-1:], ANN, ADA + BEN)]
        for named in (ADA, ANN):
            self._send(erase_event(*named, time=self._later()))
        self._send(erase_event(*identifiers(user_id="cid"), suppress=True, time=self._later()))
        self._send(suppress_event(*identifiers(user_id="cid"), on=False, time=self._later()))
        self._send(suppress_event(*identifiers(user_id="cid"), time=self._later()))
        world.pass_time(5 * MINUTE)
        for one in late:
            world.send(one, received_at=self._later())
        self._do("Product Viewed", *ADA)
        self._do("Product Viewed", *BEN)
        self._do("Product Viewed", *identifiers(user_id="cid"))
        self._send(identify({"name": "Ada"}, message_id="back", time=self._later(), identifiers=ADA + DEVICE))
        world.pass_time(LONG_ENOUGH)
        return self

    def _leads(self, named: Identifier) -> str:
        key = self.world.pseudonyms.key(named)
        return self.world.profiles.identities([key], consistent=True)[key].profile_id

    def outcome(self) -> dict[str, Any]:
        """All that must not depend on what broke; instants of graves are a retry's own."""
        world = self.world
        keys = {f"{one.namespace}:{one.value}": world.pseudonyms.key(one) for one in NAMED}
        known = world.profiles.identities(keys.values(), consistent=True)
        marked = markers(world.profiles, keys.values(), consistent=True)
        return {
            "alive": sorted((self._lasting(state) for state in world.states()), key=lambda s: str(s["profile_id"])),
            "graves": {
                item.profile_id: (item.state, item.outbox, item.due_at, item.ledger_length, item.suppressed_at > 0)
                for item in world.profiles.all_items()
                if item.erased_at
            },
            "merged": {one.profile_id: one.merged_into for one in world.profiles.all_items() if one.merged_into},
            "leads": {name: known[key].profile_id for name, key in keys.items() if key in known},
            "marked": {
                name: (marked[key].erased_at > 0, marked[key].suppressed_at > 0)
                for name, key in keys.items()
                if key in marked
            },
            "itself marked": sorted(name for name, key in keys.items() if key in known and known[key].erased_at),
            "deliveries": {one.delivery_id: (one.state, one.reason) for one in world.deliveries.all()},
            "refused": sum(b'"dropped"' in row for row in world.lake.rows) > 0,
        }

    def _lasting(self, state: dict[str, Any]) -> dict[str, Any]:
        """Of an unlinking what it says of whom, and whether it holds a key; when it was is a retry's own."""
        splits = state.get("splits", {}).items()
        said = {name: (keys, folded, other, bool(key)) for name, (_, keys, _, folded, other, key, *_) in splits}
        return lasting(state) | {"splits": said} | ({"first_seen": 0} if said else {})


def calls() -> list[str]:
    wire = Steady()
    Story(wire).tell()
    return wire.calls


POINTS = list(enumerate(calls()))
NAMES = numbered([name for _, name in POINTS])


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Any]:
    return Story(Steady()).tell().outcome()


def test_the_story_is_about_forgetting(undisturbed: dict[str, Any]) -> None:
    alive = undisturbed["alive"]
    assert sorted(state.get("events", 0) for state in alive) == [1, 2]
    [ben] = [state for state in alive if state["splits"]]
    assert [(folded, has_key) for _, folded, _, has_key in ben["splits"].values()] == [(True, False)]
    assert len(undisturbed["graves"]) == 2
    assert len(undisturbed["merged"]) == 1
    assert len(undisturbed["marked"]) == 103
    assert undisturbed["marked"]["user_id:cid"] == (True, True)
    assert "email:ben@example.com" not in undisturbed["marked"]
    assert sorted(undisturbed["marked"]) == undisturbed["itself marked"]
    assert sum(name == "process_events.profiles.commit" for _, name in POINTS) > 12


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


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize(("position", "name"), POINTS, ids=NAMES)
def test_what_was_given_up_and_goes_on_brings_nobody_back(
    position: int, name: str, moment: Moment, undisturbed: dict[str, Any]
) -> None:
    wire = GiveUpAt(position, moment)
    story = Story(wire, schedule=Schedule(again=0.0, parallel=2), seed=position)
    wire.turns = story.world.turns
    story.tell()
    assert story.outcome() == undisturbed, (name, wire.calls[position])
