"""Every call that carries out a request, broken once: it ends all the same, once, and names nobody any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.builders import MINUTE, event, identifiers, identify
from tests.faults.wires import Crash, Fault, Moment, Steady, Unavailable, strike
from tests.use_cases.privacy_desk import ANN, PrivacyDesk, again

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
        [request_ids] = [one for one in desk.swept if request_id in one][:1]
        assert request_ids == [request_id]
        assert {"ann", "ann@example.com", "tablet"} <= {v for one in desk.subjects.values() for v in one.values}
    elif kind == "access":
        assert len(desk.documents.keys("exports/")) == 2
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
