"""What is shown of one customer's consent: why each purpose is permitted or not, and which edges that closes."""

from __future__ import annotations

from typing import Any

import pytest

from attune.adapters.memory import MemoryHolds, MemoryProfiles
from attune.adapters.memory_ledger import MemoryLedger
from attune.domain.consent.gate import Edge
from attune.domain.definitions.kinds import Definition
from attune.domain.definitions.purposes import Notice, Purpose
from attune.domain.errors import AttuneError
from attune.domain.events import Event, Origin
from attune.domain.identity.markers import OURS
from attune.domain.profiles.consent import RESTRICTION
from attune.ports import Key
from attune.use_cases.consent.explain_consent import ExplainConsent
from attune.use_cases.management.show_times import iso
from tests.builders import DAY, NOW, Pseudonyms, consent_event, event, identifiers
from tests.faults.erasing import suppress_event
from tests.faults.world import World

ME = identifiers(user_id="u1")
OPENED = {"allowed": True, "purpose": None, "reason": None}
KEY = Key(key_id="k", source="shop", type="server", digest="", created_at=0)


class Desk:
    """One customer, and who asks about them."""

    def __init__(self, *more: Definition) -> None:
        self.world = World(*more, tick=0)
        self.holds = MemoryHolds()
        assert isinstance(self.world.profiles, MemoryProfiles)
        self.explain = ExplainConsent(
            profiles=self.world.profiles,
            holds=self.holds,
            definitions=self.world._definitions,
            chains=MemoryLedger(self.world.profiles),
            pseudonyms=Pseudonyms(),
            clock=lambda: self.world.time.now,
        )

    def said(self, *events: Event) -> Desk:
        for one in events:
            self.world.send(one, received_at=max(self.world.time.now, one.time))
        self.world.settle()
        return self

    def shown(self) -> dict[str, Any]:
        return self.explain("user_id:u1", KEY)


def says(consent: dict[str, bool], at: int = NOW, **overrides: Any) -> Event:
    return consent_event(consent, identifiers=ME, time=at, **overrides)


def test_a_word_is_shown_with_who_said_it_when_how_and_under_which_notice() -> None:
    noticed = Purpose(id="email", expires_after="10d", notices=(Notice(version="7", since="2024-01-01"),))
    desk = Desk(noticed).said(says({"email": True}, evidence={"method": "form", "notice": "7"}))
    assert desk.shown()["purposes"]["email"] == {
        "granted": True,
        "why": "said",
        "record": {"granted": True, "at": "2025-06-15T15:06:40.000Z", "source": "shop", "stated": True},
        "held": None,
        "expires_at": "2025-06-25T15:06:40.000Z",
        "method": "form",
        "notice": "7",
    }


def test_each_way_of_being_permitted_or_not_has_its_word() -> None:
    desk = Desk(Purpose(id="sms", policy="opt_out"), Purpose(id="surveys", expires_after="1d")).said(
        event(identifiers=ME, consent=None, basis={"analytics": True}, time=NOW - 1),
        says({"personalization": False, "surveys": True, "advertising": True}),
    )
    desk.holds.place(Pseudonyms().key(ME[0]), {"advertising": NOW + 1}, NOW)
    desk.world.time.now = NOW + DAY
    assert {name: one["why"] for name, one in desk.shown()["purposes"].items()} == {
        "analytics": "basis",
        "personalization": "withdrawn",
        "email": "no_consent",
        "sms": "policy",
        "advertising": "held",
        "surveys": "expired",
    }


def test_every_edge_is_answered_as_the_gate_would() -> None:
    desk = Desk().said(says({"analytics": True, "personalization": False, "email": True}))
    shown = desk.shown()
    closed = {"allowed": False, "purpose": "personalization", "reason": "withdrawn"}
    opened = {"allowed": True, "purpose": None, "reason": None}
    assert shown["edges"] == {
        "store": opened, "lake": opened, "segment": closed, "train": closed, "recommend": closed,
    }  # fmt: skip
    assert shown["channels"] == {"shop_webhook": {"decide": closed, "send": closed}}
    assert set(shown["edges"]) | set(shown["channels"]["shop_webhook"]) == {str(edge) for edge in Edge}
    assert shown["restricted"] is False
    assert shown["suppressed"] is None


def test_who_is_suppressed_is_shown_as_such_until_it_ends() -> None:
    desk = Desk().said(says({"analytics": True, "personalization": True}))
    for on in (True, False):
        desk.world.time.now += 1
        asked = suppress_event(*ME, on=on, request_id=f"{on}", time=desk.world.time.now)
        desk.world.send(asked, source=OURS, origin=Origin.INTERNAL, received_at=desk.world.time.now, trusted=True)
        desk.world.settle()
        shown = desk.shown()
        assert shown["edges"]["store"] == (
            {"allowed": False, "purpose": None, "reason": "suppressed"} if on else OPENED
        )
        assert shown["suppressed"] == (iso(desk.world.time.now) if on else None)
        assert shown["edges"]["segment"] == OPENED  # what is held is used


@pytest.mark.parametrize("held", [True, False])
def test_a_restriction_is_shown_as_such_and_as_no_purpose(held: bool) -> None:
    desk = Desk().said(says({"analytics": True, "personalization": True, "email": True}))
    if held:
        desk.holds.place(Pseudonyms().key(ME[0]), {RESTRICTION: NOW + 1}, NOW)
    else:
        desk.said(says({RESTRICTION: False}, NOW + 1))
    shown = desk.shown()
    assert shown["restricted"] is True
    assert RESTRICTION not in shown["purposes"]
    assert shown["purposes"]["email"]["granted"] is True
    assert shown["edges"]["store"]["allowed"] is True
    closed = {"allowed": False, "purpose": None, "reason": "restricted"}
    assert {edge for edge, answer in shown["edges"].items() if answer == closed} == {
        "lake", "segment", "train", "recommend",
    }  # fmt: skip
    assert shown["channels"]["shop_webhook"] == {"decide": closed, "send": closed}


def test_where_somebody_is_is_shown_with_what_that_permits() -> None:
    desk = Desk(Purpose(id="sms", jurisdictions={"US": "opt_out"}))
    here = event(identifiers=ME, context={"location": {"country": "US"}})
    shown = desk.said(here).shown()
    assert (shown["country"], shown["purposes"]["sms"]["why"]) == ("US", "policy")
    assert shown["purposes"]["sms"]["record"]["source"] == "policy:US"


def test_who_is_unknown_is_said_to_be() -> None:
    with pytest.raises(AttuneError) as refused:
        Desk().shown()
    assert (refused.value.code, refused.value.status) == ("unknown_profile", 404)
