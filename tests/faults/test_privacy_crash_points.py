"""Every call that carries out a request, broken once: it ends all the same, once, and names nobody any more."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from attune.use_cases.privacy.fulfil_requests import TURN
from tests.builders import MINUTE, event, identifiers, identify, key_of
from tests.faults.wires import Crash, Fault, Moment, Steady, Unavailable, strike
from tests.use_cases.privacy_desk import ANN, PrivacyDesk, again

#: of Ann, in what she is shown
HELD = {"profiles": 1, "events": 1, "consent_history": 3, "refused_input": 2, "dropped_files": 2}
KINDS = ("erasure", "rectification", "restriction", "suppression", "access", "shop_erasure")


@dataclass
class Once:
    """Breaks the call of this number, once."""

    number: int
    fault: Fault
    moment: Moment
    struck: bool = False

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.number -= 1
        if self.number == 0 and not self.struck:
            self.struck = True
            return strike(self.fault, self.moment, name, call)
        return call()


def lived(kind: str, wire: Any) -> tuple[PrivacyDesk, str]:
    """Ann asks, Ben does not; what breaks is done again by whoever did it."""
    desk = PrivacyDesk(wire=wire)
    desk.processor.send(identify({"first_name": "Ann"}, identifiers=ANN))
    desk.processor.send(event(identifiers=identifiers(user_id="ben")), source="site")
    for number in range(2):
        desk.processor.quarantine.keep("invalid_json", "shop", desk.clock() + number, b'{"email": "ann@example.com"}')
        desk.imports.put(f"imports/till/{number}.csv", io.BytesIO(b"email\nann@example.com\n"))
    desk.processor.now += MINUTE
    if kind == "shop_erasure":
        request_id = desk.received(kind).request_id
        try:
            desk.manage.fulfil(request_id)
        except (Crash, Unavailable):
            if desk.state(request_id) == "received":
                desk.manage.fulfil(request_id)
    else:
        more = {"traits": {"first_name": "Anne"}} if kind == "rectification" else {}
        asked = again(partial(desk.ask, kind, "email:ann@example.com", reference="4711", **more))
        request_id = asked["request_id"]
    desk.run()
    return desk, request_id


def judged(kind: str, desk: PrivacyDesk, request_id: str) -> None:
    assert desk.state(request_id) == "done"
    kept = desk.requests.get(request_id)
    assert kept is not None
    assert (kept.identifiers, kept.traits) == ((), {})
    assert desk.documents.keys("erasures/") == []
    ann = desk.processor.item("user_id", "ann")
    assert desk.processor.item("user_id", "ben") is not None
    if kind in {"erasure", "shop_erasure"}:
        assert ann is None
        assert len(desk.documents.keys("receipts/")) == 1
        assert kept.outcome["code"] == "erased"
        assert desk.holds.held([key_of(one.namespace, one.value) for one in ANN]) == {}
        [request_ids] = [one for one in desk.swept if request_id in one][:1]
        assert request_ids == [request_id]
        assert {"ann", "ann@example.com", "tablet"} <= {v for one in desk.subjects.values() for v in one.values}
    elif kind == "access":
        assert desk.documents.keys("exports/") == [
            f"exports/{request_id}/data.html",
            f"exports/{request_id}/data.json",
        ]
        data = json.loads(desk.documents.documents[f"exports/{request_id}/data.json"][0])
        assert {part: len(entries) for part, entries in data.items() if part in HELD} == HELD
        assert (data["left_out"], kept.outcome.get("left_out")) == ([], None)
    else:
        assert kept.outcome["applied"] is True
    if kind == "rectification":
        assert desk.processor.profile("user_id", "ann").trait_values() == {"first_name": "Anne"}


def points() -> list[Any]:
    found = []
    for kind in KINDS:
        steady = Steady()
        desk, request_id = lived(kind, steady)
        judged(kind, desk, request_id)
        found += [
            pytest.param(kind, number, fault, moment, id=f"{kind}.{name}.{number}-{fault}-{moment}")
            for number, name in enumerate(steady.calls, 1)
            for fault, moment in (
                (Fault.CRASH, Moment.BEFORE),
                (Fault.CRASH, Moment.APPLIED),
                (Fault.UNAVAILABLE, Moment.BEFORE),
            )
        ]
    return found


@pytest.mark.parametrize(("kind", "number", "fault", "moment"), points())
def test_a_broken_call_is_made_up_for(kind: str, number: int, fault: Fault, moment: Moment) -> None:
    wire = Once(number, fault, moment)
    desk, request_id = lived(kind, wire)
    assert wire.struck
    judged(kind, desk, request_id)


def swept(wire: Any) -> tuple[PrivacyDesk, str, Any]:
    """Ann's erasure up to its end, and where its run stands."""
    desk = PrivacyDesk(wire=wire)
    desk.processor.send(identify({"first_name": "Ann"}, identifiers=ANN))
    desk.processor.send(event(identifiers=identifiers(user_id="ben")), source="site")
    desk.processor.now += MINUTE
    request_id = desk.ask("erasure", "email:ann@example.com")["request_id"]
    desk.carry()
    position = desk.fulfil.begin("first", None)
    assert position["next"] == "sweep"
    desk.sweep(position["swept"])
    return desk, request_id, position


def calls_of_the_end() -> list[Any]:
    steady = Steady()
    desk, _, position = swept(steady)
    before = len(steady.calls)
    desk.fulfil.finish("first", position)
    return [pytest.param(number, id=name) for number, name in list(enumerate(steady.calls, 1))[before:]]


@pytest.mark.parametrize("number", calls_of_the_end())
def test_an_erasure_whose_run_dies_for_good_at_its_end_is_ended_by_the_next(number: int) -> None:
    desk, request_id, position = swept(wire := Once(number, Fault.CRASH, Moment.APPLIED))
    with pytest.raises(Crash):
        desk.fulfil.finish("first", position)
    assert wire.struck
    desk.processor.now += TURN
    desk.run("second")
    judged("erasure", desk, request_id)
