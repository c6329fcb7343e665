"""What a definition says of consent: where which policy holds, how long grants last, and what a new notice ends."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.consent.policies import UNREADABLE, Policies, policies_of, read_place
from attune.domain.definitions.kinds import purposes_of, snapshot
from attune.domain.definitions.purposes import DEFAULTS, Notice, Purpose
from attune.domain.profiles.consent import Consent, permits
from attune.domain.profiles.profile import Profile, Trait
from tests.builders import DAY, NOW, event, source

DATE = "2025-06-10T00:00:00Z"
DATED = 1_749_513_600_000


def policies(*purposes: Purpose, **sources: str) -> Policies:
    defined = [source(id=name, country=country) for name, country in sources.items()]
    return policies_of(snapshot((*purposes, *defined)))


def ads(**overrides: Any) -> Purpose:
    return Purpose(id="advertising", **overrides)


def somebody(consent: dict[str, Consent] | None = None, place: str = "", **traits: Any) -> Profile:
    told = {name: Trait(value, NOW, b"1") for name, value in traits.items()}
    return Profile(profile_id="p", consent=consent or {}, traits=told, place=Trait(place, 1, b"") if place else None)


def test_a_purpose_that_is_defined_takes_the_place_of_ours_and_others_stand_beside_them() -> None:
    known = purposes_of(snapshot((ads(name="Ads"), Purpose(id="surveys"))))
    assert known.keys() == DEFAULTS.keys() | {"surveys"}
    assert known["advertising"].name == "Ads"
    assert known["email"] == DEFAULTS["email"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("DE", "DE"),
        ("de", "DE"),
        ("DEU", "DE"),
        ({"country": "us", "region": "ca"}, "US-CA"),
        ({"country": "US", "state": "US-CA"}, "US-CA"),
        ({"country": "US", "state": "California"}, "US"),
        ({"country": "US", "region": ""}, "US"),
        ({"country": "US", "region": 7}, "US"),
        ({"city": "Bonn"}, ""),
        (None, ""),
        ("", ""),
        ("Germany", UNREADABLE),
        ({"country": 49}, UNREADABLE),
        (["DE"], UNREADABLE),
    ],
)
def test_a_place_is_read_as_a_code_or_it_is_not_readable(told: Any, code: str) -> None:
    assert read_place(told) == code


@pytest.mark.parametrize(
    ("country", "permitted"),
    [("DE", False), ("US", True), ("US-NY", True), ("US-CA", False), ("CA", False), ("", False), (UNREADABLE, False)],
)
def test_where_nobody_said_anything_the_policy_of_the_place_decides(country: str, permitted: bool) -> None:
    found = policies(ads(jurisdictions={"US": "opt_out", "US-CA": "opt_in"}))
    assert permits("advertising", found.standing(somebody(place=country)), at=NOW) is permitted
    assert not permits("email", found.standing(somebody(place=country)), at=NOW)


@pytest.mark.parametrize(("country", "permitted"), [("DE", False), ("US", True), ("", True), (UNREADABLE, False)])
def test_of_a_purpose_that_is_permitted_by_default_a_place_that_cannot_be_read_is_not(
    country: str, permitted: bool
) -> None:
    found = policies(ads(policy="opt_out", jurisdictions={"DE": "opt_in"}))
    assert permits("advertising", found.standing(somebody(place=country)), at=NOW) is permitted


@pytest.mark.parametrize(
    "said",
    [
        Consent(False, 1, "shop"),
        Consent(False, 1, "banner", stated=False),
        Consent(True, 1, "shop", until=2),
    ],
)
def test_any_word_of_the_person_ends_what_a_policy_permits(said: Consent) -> None:
    found = policies(ads(policy="opt_out"))
    assert permits("advertising", found.standing(somebody()), at=NOW)
    assert not permits("advertising", found.standing(somebody({"advertising": said})), at=NOW)


def test_nothing_that_a_policy_permitted_outlives_it() -> None:
    """It is never written into a profile, so there is nothing to take back."""
    profile = somebody()
    assert permits("advertising", policies(ads(policy="opt_out")).standing(profile), at=NOW)
    assert profile.consent == {}
    assert not permits("advertising", policies(ads()).standing(profile), at=NOW)


@pytest.mark.parametrize(
    ("profile", "country"),
    [
        (somebody(place="US", country="FR", address={"country": "DE"}), "DE"),
        (somebody(place="US", country="FR"), "FR"),
        (somebody(place="US"), "US"),
        (somebody(), ""),
        (somebody(place="US", address={"city": "Bonn"}), "US"),
        (somebody(place="US", address="Bonn"), "US"),
        (somebody(place="US", country="Germany"), UNREADABLE),
        (somebody(place="US", country=None), "US"),
        (somebody(country="US", address={"country": "Elbonia"}), UNREADABLE),
    ],
)
def test_an_address_goes_before_a_trait_and_a_trait_before_where_events_came_from(
    profile: Profile, country: str
) -> None:
    assert policies().country_of(profile, NOW) == country


def test_an_event_tells_where_it_came_from_and_where_it_does_not_its_source_does() -> None:
    found = policies(shop="DE")
    assert found.told_by(event(context={"location": {"country": "US", "region": "CA"}}), "shop") == "US-CA"
    assert found.told_by(event(), "shop") == "DE"
    assert found.told_by(event(), "app") == ""


def test_what_an_event_tells_of_the_place_counts_if_nothing_newer_is_known() -> None:
    found, here = policies(), {"location": {"country": "US"}}
    known = somebody()
    known.place = Trait("DE", NOW, b"1")
    later, earlier = event(context=here, time=NOW + 1), event(context=here, time=NOW - 1)
    french = event(traits={"country": "FR"}, time=NOW - 1)
    assert found.places_after(known, later, "shop", own=True) == ("US",)
    assert found.places_after(known, later, "shop", own=False) == ("DE", "US")
    assert found.places_after(known, earlier, "shop", own=True) == ("DE",)
    assert found.places_after(known, french, "shop", own=True) == ("FR", "DE")
    assert found.places_after(somebody(country="IT"), french, "shop", own=True) == ("IT",)
    assert found.places_after(None, later, "shop", own=True) == ("US",)


def test_what_is_permitted_is_permitted_wherever_somebody_is_said_to_be() -> None:
    found = policies(ads(jurisdictions={"US": "opt_out"}))
    for profile, permitted in (
        (somebody(place="US", country="US"), True),
        (somebody(place="DE", country="US"), False),
        (somebody(place="US", country="DE"), False),
        (somebody(place="US", country="FR", address={"country": "US"}), False),
        (somebody(place=UNREADABLE, country="US"), False),
    ):
        assert permits("advertising", found.standing(profile), at=NOW) is permitted


# ------------------------------------------------------------------------------------------------------- for how long


def lasts(found: Policies, purpose: str, at: int, notice: str = "") -> int:
    evidence = {"notice": notice} if notice else {}
    return found.lasts_until(purpose, event(consent={purpose: True}, time=at, evidence=evidence))


def test_a_grant_lasts_as_long_as_its_purpose_says() -> None:
    found = policies(ads(expires_after="30d"))
    assert lasts(found, "advertising", NOW) == NOW + 30 * DAY
    assert lasts(found, "email", NOW) == 0


NOTICES = (
    Notice(version="1", since="2024-01-01"),
    Notice(version="2", since=DATE, asks_again=True),
    Notice(version="3", since="2025-06-12"),
)


@pytest.mark.parametrize(
    ("at", "until"),
    [(DATED - 1, DATED), (DATED, 0), (DATED + 1, 0), (1, DATED)],
)
def test_a_notice_that_asks_again_ends_what_was_granted_before_it(at: int, until: int) -> None:
    found = policies(ads(notices=NOTICES))
    granted = somebody({"advertising": Consent(True, at, "shop")})
    assert found.standing(granted)["advertising"].until == until
    assert granted.consent["advertising"].until == 0


def test_what_ends_sooner_by_itself_ends_then() -> None:
    found = policies(ads(notices=NOTICES))
    for until, ends in ((DATED - 5, DATED - 5), (DATED + 5, DATED)):
        granted = somebody({"advertising": Consent(True, 1, "shop", until=until)})
        assert found.record(granted, "advertising") == Consent(True, 1, "shop", until=ends)


def test_a_notice_ends_no_withdrawal_and_no_sources_basis() -> None:
    found = policies(ads(notices=NOTICES))
    for kept in (Consent(False, 1, "shop"), Consent(True, 0, "shop", stated=False)):
        assert found.standing(somebody({"advertising": kept}))["advertising"] == kept


@pytest.mark.parametrize(
    ("notice", "at", "counts"),
    [("1", DATED - 1, True), ("1", DATED, False), ("1", DATED + 9, False), ("2", DATED, True), ("3", DATED + 9, True)],
)
def test_who_agreed_to_a_notice_that_had_been_replaced_agreed_to_nothing(notice: str, at: int, counts: bool) -> None:
    until = lasts(policies(ads(notices=NOTICES)), "advertising", at, notice)
    assert permits("advertising", {"advertising": Consent(True, at, "shop", until=until)}, at=at) is counts


def test_a_version_that_nobody_defined_says_nothing() -> None:
    assert lasts(policies(ads(notices=NOTICES)), "advertising", DATED, "0.9") == 0
