"""What somebody sees of what they may decide, and what their answer changes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec.structs import replace

from attune.domain.consent.choices import Change, Choice, change, standing
from attune.domain.consent.policies import policies_of
from attune.domain.definitions.kinds import Definitions
from attune.domain.definitions.purposes import Notice, Purpose
from attune.domain.profiles.consent import RESTRICTION, Consent
from tests.builders import DAY, HOUR, NOW

PURPOSES = {
    "analytics": Purpose(id="analytics", name="Statistics", description="Count visits."),
    "email": Purpose(id="email"),
}
PLAIN = policies_of(Definitions(purposes=PURPOSES))
GRANTED, WITHDRAWN = Consent(True, NOW - HOUR, "shop"), Consent(False, NOW - HOUR, "shop")
BASIS = Consent(True, 0, "shop", stated=False)
EXPIRED = Consent(True, NOW - HOUR, "shop", until=NOW)
AMERICAN, DAYS = Consent(True, 0, "policy:US", stated=False), NOW + 9 * DAY


def of(known: dict[str, Consent], held: dict[str, int] | None = None) -> dict[str, Choice]:
    return {one.purpose: one for one in standing(PLAIN, known, held or {}, NOW).choices}


def test_a_page_left_open_is_answered_though_the_person_said_again_where_they_are() -> None:
    """That moves the instant until which a policy holds, and nothing that the page shows; its end does."""
    seen = {
        until: standing(PLAIN, {"email": replace(AMERICAN, until=until)}, {}, NOW).seen for until in (NOW + 1, DAYS)
    }
    assert len(set(seen.values())) == 1
    ended = standing(PLAIN, {"email": replace(AMERICAN, until=NOW)}, {}, NOW).seen
    assert ended not in seen.values()
    assert ended == standing(PLAIN, {}, {}, NOW).seen


@pytest.mark.parametrize(
    ("record", "held", "allowed", "decided"),
    [
        (None, None, False, False),
        (GRANTED, None, True, True),
        (WITHDRAWN, None, False, True),
        (BASIS, None, True, True),
        (EXPIRED, None, False, False),
        (None, NOW, False, True),
        (GRANTED, NOW, False, True),
        (GRANTED, NOW - 2 * HOUR, True, True),
        (BASIS, NOW - 2 * HOUR, False, True),
    ],
)
def test_a_purpose_is_shown_as_the_gates_take_it(
    record: Consent | None, held: int | None, allowed: bool, decided: bool
) -> None:
    shown = of({"email": record} if record else {}, {"email": held} if held else {})["email"]
    assert (shown.allowed, shown.decided) == (allowed, decided)


def test_purposes_are_shown_in_their_order_by_the_names_that_the_company_gave_them() -> None:
    shown = standing(PLAIN, {}, {}, NOW).choices
    assert [one.purpose for one in shown] == ["analytics", "personalization", "email", "sms", "advertising"]
    named = {one.purpose: (one.name, one.description) for one in shown}
    assert (named["analytics"], named["email"]) == (("Statistics", "Count visits."), ("email", ""))


def test_the_newest_notice_is_shown_once_it_is_in_force() -> None:
    days = ("2025-01-01", "2025-06-01", "2025-12-01")
    notices = tuple(Notice(version=day, since=f"{day}T00:00:00Z") for day in days)
    policies = policies_of(Definitions(purposes={"email": Purpose(id="email", notices=notices)}))
    shown = {one.purpose: one.notice for one in standing(policies, {}, {}, NOW).choices}
    assert (shown["email"], shown["sms"]) == ("2025-06-01", "")


def test_what_a_page_showed_is_not_what_it_shows_once_a_grant_has_expired() -> None:
    known = {"email": Consent(True, NOW - HOUR, "shop", until=NOW)}
    assert standing(PLAIN, known, {}, NOW - 1).seen != standing(PLAIN, known, {}, NOW).seen


@pytest.mark.parametrize(
    ("known", "held"),
    [({RESTRICTION: WITHDRAWN}, {}), ({}, {RESTRICTION: NOW}), ({RESTRICTION: GRANTED}, {RESTRICTION: NOW})],
)
def test_a_restriction_is_told(known: dict[str, Consent], held: dict[str, int]) -> None:
    assert standing(PLAIN, known, held, NOW).restricted
    assert not standing(PLAIN, {"email": WITHDRAWN}, {}, NOW).restricted


def answered(
    known: dict[str, Consent], answer: dict[str, bool], held: dict[str, int] | None = None, seen: Any = None
) -> Change:
    shown = standing(PLAIN, known, held or {}, NOW)
    return change(shown, answer, shown.seen if seen is None else seen)


@pytest.mark.parametrize(
    ("record", "granted"), [(None, True), (GRANTED, False), (WITHDRAWN, True), (BASIS, False), (EXPIRED, True)]
)
def test_a_permission_is_said_where_there_is_none_and_a_refusal_always(record: Consent | None, granted: bool) -> None:
    """Who leaves a permission that nobody gave (a basis) as it stands does not give it by that."""
    known = {"email": record} if record else {}
    assert answered(known, {"email": True}).granted == (("email",) if granted else ())
    assert answered(known, {"email": False}).withdrawn == ("email",)


def test_what_is_not_answered_stays_as_it_is() -> None:
    assert answered({"email": GRANTED}, {}) == Change(granted=(), withdrawn=())


def test_a_withdrawal_that_is_only_held_is_said_again() -> None:
    assert answered({"email": GRANTED}, {"email": False}, {"email": NOW}).withdrawn == ("email",)


STATES = [({}, {}), ({"email": GRANTED}, {}), ({"email": WITHDRAWN}, {}), ({"email": GRANTED}, {"email": NOW})]


@pytest.mark.parametrize(("seen", "now"), [*itertools.permutations(range(len(STATES)), 2)])
def test_an_answer_to_something_older_withdraws_and_grants_nothing(seen: int, now: int) -> None:
    older = standing(PLAIN, *STATES[seen], NOW).seen
    known, held = STATES[now]
    said = answered(known, {"email": True, "analytics": False}, held, older)
    assert (said.granted, said.withdrawn) == ((), ("analytics",))
    assert said.outdated == answered(known, {"email": True}, held).granted
