"""What browsers and consent tools say, in their own names: what grants, what withdraws, and that doubt refuses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune.domain.definitions.kinds import Definitions
from attune.domain.definitions.purposes import Purpose
from attune.domain.profiles.consent import METHODS
from attune.sources.consent_signals import KnownSignals, Said, hear, vouched
from attune.sources.payloads import UnreadableError
from tests.builders import source

SOURCE = source(consent_categories={"Marketing": ("email", "advertising"), "Functional": ()})
OWN = Definitions(
    purposes={
        "advertising": Purpose(id="advertising", name="Ads"),
        "research": Purpose(id="research", signals=("gpc", "research_storage", "C0009")),
    }
)


def heard(consent: dict[str, Any], *, gpc: bool = False, definitions: Definitions = Definitions()) -> Said:  # noqa: B008
    return hear(consent, SOURCE, KnownSignals()(definitions), gpc=gpc, method="banner")


def said(consent: dict[str, Any], **more: Any) -> dict[str, bool]:
    return heard(consent, **more).consent


def test_a_category_goes_by_the_source_then_by_the_purpose_s_name_then_by_its_signals() -> None:
    chosen = {"Marketing": True, "Functional": True, "sms": False, "C0002": True}
    told = heard({"categoryPreferences": chosen})
    assert told.consent == {"email": True, "advertising": True, "sms": False, "analytics": True}
    assert told.notes == ()


@pytest.mark.parametrize(
    ("modes", "consent"),
    [
        ({"analytics_storage": "granted"}, {"analytics": True}),
        ({"analytics_storage": "denied"}, {"analytics": False}),
        ({"personalization_storage": "granted"}, {"personalization": True}),
        ({"ad_storage": "granted"}, {"advertising": True}),
        ({"ad_storage": "granted", "ad_user_data": "denied"}, {"advertising": False}),
        ({"ad_personalization": "denied", "ad_storage": "granted"}, {"advertising": False}),
        ({"functionality_storage": "granted", "security_storage": "denied"}, {}),
        # as `gtag("consent", "default", ...)` has it; what is granted for a region may be of people elsewhere
        ({"ad_storage": "denied", "wait_for_update": 500}, {"advertising": False}),
        ({"ad_storage": "granted", "wait_for_update": 500}, {"advertising": True}),
        (
            {"ad_storage": "denied", "analytics_storage": "granted", "region": ["US-CA"], "wait_for_update": 500},
            {"advertising": False},
        ),
        ({"ad_storage": None, "analytics_storage": "granted", "region": None}, {"analytics": True}),
        ({"ad_storage": None, "ad_user_data": "denied"}, {"advertising": False}),
        ({"ad_storage": None, "region": [], "wait_for_update": "soon"}, {}),
        ({}, {}),
    ],
)
def test_google_s_signals_must_all_grant_and_what_is_unset_is_not_denied(
    modes: dict[str, str], consent: dict[str, bool]
) -> None:
    told = heard({"googleConsentMode": modes})
    assert (told.consent, told.notes) == (consent, ())
    assert told.evidence == ({"method": "consent_mode"} if consent else {})


@pytest.mark.parametrize(
    ("groups", "consent"),
    [
        ("C0001:1,C0002:1,C0003:0,C0004:0", {"analytics": True, "personalization": False, "advertising": False}),
        ("C0004:1,C0005:0", {"advertising": False}),
        (" C0002 : 1 , C0004:1 ", {"analytics": True, "advertising": True}),
        ("C0002:1,C0002:0", {"analytics": False}),
        ("C0001%3A1%2CC0002%3A0%2CC0004%3a1", {"analytics": False, "advertising": True}),
        ("C0002:0,", {"analytics": False}),
        (",C0002:1,,C0004:0, ", {"analytics": True, "advertising": False}),
        ("C0002%3A0%2C", {"analytics": False}),
        ("", {}),
    ],
)
def test_onetrust_s_groups_are_read_as_its_cookie_has_them(groups: str, consent: dict[str, bool]) -> None:
    assert said({"oneTrustGroups": groups}) == consent


@pytest.mark.parametrize(
    ("active", "granted", "notes"),
    [
        (",C0001,", set(), ()),
        (",C0001,C0003,", {"personalization"}, ()),
        (",C0002,C0003,C0004,C0005,Marketing,", {"analytics", "personalization", "advertising", "email"}, ()),
        # one of two groups, or of a group and a category, is not enough
        (",C0002,C0004,Marketing,", {"analytics", "email"}, ()),
        (",C0002,C0004,C0005,", {"analytics"}, ()),
        ("%2CC0002%2CV7%2C", {"analytics"}, ("unknown_purpose",)),
    ],
)
def test_of_a_list_of_active_groups_those_that_are_not_in_it_are_refused(
    active: str, granted: set[str], notes: tuple[str, ...]
) -> None:
    told = heard({"oneTrustGroups": active})
    asked = ("analytics", "personalization", "advertising", "email")
    assert told.consent == {purpose: purpose in granted for purpose in asked}
    assert told.notes == notes


def test_a_group_of_our_own_that_is_not_active_is_refused_and_one_that_the_banner_lacks_may_be_mapped_away() -> None:
    own = Definitions(purposes={"research": Purpose(id="research", signals=("gpc", "research_storage", "SPD_BG"))})
    assert said({"oneTrustGroups": ",C0002,"}, definitions=own)["research"] is False
    lacking = source(consent_categories={"C0005": ()})
    told = hear({"oneTrustGroups": ",C0004,"}, lacking, KnownSignals()(Definitions()), gpc=False, method="banner")
    assert told.consent == {"analytics": False, "personalization": False, "advertising": True}


@pytest.mark.parametrize("banner", [{}, {"categoryPreferences": {"advertising": True, "email": True}}])
def test_gpc_withdraws_and_never_grants(banner: dict[str, Any]) -> None:
    told = heard(banner, gpc=True)
    assert told.consent["advertising"] is False
    assert told.evidence.get("advertising", told.evidence["method"]) == "gpc"
    assert set(told.consent.values()) <= {False, *banner.get("categoryPreferences", {}).values()}


def test_without_the_header_nothing_is_said() -> None:
    assert heard({}) == Said()


def test_a_purpose_that_is_described_anew_keeps_its_usual_signals_unless_it_names_others() -> None:
    assert said({}, gpc=True, definitions=OWN) == {"advertising": False, "research": False}
    modes = {"googleConsentMode": {"research_storage": "granted"}}
    assert said(modes, definitions=OWN) == {"research": True}


def test_a_name_that_nobody_knows_is_noted_and_grants_nothing() -> None:
    for consent in (
        {"categoryPreferences": {"Fishing": True}},
        {"oneTrustGroups": "C0042:1"},
        {"googleConsentMode": {"fishing_storage": "granted"}},
        {"categoryPreferences": {"$restriction": True}},
    ):
        told = heard(consent)
        assert (told.consent, told.notes) == ({}, ("unknown_purpose",))


WORDS: dict[str, dict[str, Any]] = {
    "banner": {"categoryPreferences": {"advertising": True}},
    "groups": {"oneTrustGroups": "C0004:1"},
    "modes": {"googleConsentMode": {"ad_storage": "granted"}},
}
REFUSALS: dict[str, dict[str, Any]] = {
    "banner": {"categoryPreferences": {"advertising": False}},
    "groups": {"oneTrustGroups": "C0004:0"},
    "modes": {"googleConsentMode": {"ad_storage": "denied"}},
}


@pytest.mark.parametrize(("granting", "refusing"), [*itertools.permutations(WORDS, 2)])
def test_of_contradicting_signals_the_refusal_counts_and_is_noted(granting: str, refusing: str) -> None:
    told = heard(WORDS[granting] | REFUSALS[refusing])
    assert (told.consent, told.notes) == ({"advertising": False}, ("consent_contradiction",))
    assert heard(REFUSALS[granting] | REFUSALS[refusing]).notes == ()


def test_a_banner_that_contradicts_gpc_is_noted_and_the_rest_of_it_counts() -> None:
    told = heard({"categoryPreferences": {"advertising": True, "email": True}}, gpc=True)
    assert (told.consent, told.notes) == ({"advertising": False, "email": True}, ("consent_contradiction",))
    assert told.evidence == {"method": "banner", "advertising": "gpc"}


@pytest.mark.parametrize(
    "consent",
    [
        {"categoryPreferences": {"email": "yes"}},
        {"categoryPreferences": {"Fishing": 1}},
        {"categoryPreferences": ["email"]},
        {"googleConsentMode": {"ad_storage": True}},
        {"googleConsentMode": {"ad_storage": "maybe"}},
        {"googleConsentMode": {"ad_storage": ["granted"]}},
        {"googleConsentMode": "granted"},
        {"oneTrustGroups": "C0002"},
        {"oneTrustGroups": "C0002:2"},
        {"googleConsentMode": {"ad_storage": 500, "wait_for_update": 500}},
        {"googleConsentMode": {"ad_storag": False, "region": ["US-CA"]}},
        pytest.param({"oneTrustGroups": ","}, id="no group"),
        {"oneTrustGroups": "%2C"},
        {"oneTrustGroups": " "},
        pytest.param({"oneTrustGroups": ",C0001,C0002:1,"}, id="mixed groups"),
        {"oneTrustGroups": "C0001,C0002"},
        {"oneTrustGroups": ",C0001,C0002"},
        {"oneTrustGroups": "C0002%253A1"},
        {"oneTrustGroups": "C0002:%31x"},
        {"oneTrustGroups": "%FF:1"},
        {"oneTrustGroups": ["C0002:1"]},
        {"oneTrustGroups": 1},
    ],
)
@pytest.mark.parametrize("gpc", [False, True])
def test_what_cannot_be_read_is_not_taken_for_silence(consent: dict[str, Any], gpc: bool) -> None:
    with pytest.raises(UnreadableError, match="invalid_consent"):
        heard(consent, gpc=gpc)


def test_the_version_of_the_notice_is_told_where_it_may_be_one() -> None:
    chosen = {"categoryPreferences": {"email": True}}
    assert heard(chosen | {"notice": "2025-06"}).evidence == {"method": "banner", "notice": "2025-06"}
    for odd in ("", "x" * 33, 5, None, ["2025-06"]):
        assert "notice" not in heard(chosen | {"notice": odd}).evidence


TWO = source(
    consent_categories={"A": ("email",), "B": ("email", "sms"), "C": ("advertising",), "D": ()},
    consent={"analytics": True, "email": True, "advertising": True},
)


@pytest.mark.parametrize(
    ("chosen", "consent", "basis"),
    [
        # Segment's own table, row by row; it knows no basis, and a category that is left out is false
        (None, {}, {"analytics", "email", "advertising"}),
        ({}, {"email": False, "sms": False, "advertising": False}, set()),
        ({"A": True, "B": True, "C": True}, {"email": True, "sms": True, "advertising": True}, {"analytics"}),
        ({"A": True, "B": True}, {"email": True, "sms": True}, {"analytics"}),
        ({"A": True}, {}, {"analytics"}),
        ({"B": True}, {"sms": True}, {"analytics"}),
        ({"A": True, "B": False}, {"email": False, "sms": False}, {"analytics"}),
        ({"B": False}, {"email": False, "sms": False}, {"analytics"}),
        ({"D": True}, {}, {"analytics"}),
        # who names the purpose itself leaves nothing out of it
        ({"email": True}, {"email": True}, {"analytics"}),
        ({"email": True, "A": False}, {"email": False}, {"analytics"}),
    ],
)
def test_a_category_that_is_left_out_grants_nothing_and_neither_does_its_source(
    chosen: dict[str, bool] | None, consent: dict[str, bool], basis: set[str]
) -> None:
    said = {"categoryPreferences": chosen}
    assert hear(said, TWO, KnownSignals()(Definitions()), gpc=False, method="banner").consent == consent
    assert vouched(said, TWO).keys() == basis
    assert vouched({}, TWO) == TWO.consent


bits = st.dictionaries(st.sampled_from(["advertising", "email", "C0002", "C0004", "Marketing", "Odd"]), st.booleans())
modes = st.dictionaries(
    st.sampled_from(["ad_storage", "ad_user_data", "analytics_storage", "odd"]), st.sampled_from(["granted", "denied"])
)
NAMES = {
    "advertising": ("advertising",), "email": ("email",), "C0002": ("analytics",), "C0004": ("advertising",),
    "Marketing": ("email", "advertising"), "ad_storage": ("advertising",), "ad_user_data": ("advertising",),
    "analytics_storage": ("analytics",),
}  # fmt: skip


@given(bits, bits, modes, st.booleans())
def test_a_purpose_is_granted_if_all_that_is_said_of_it_grants_it(
    chosen: dict[str, bool], groups: dict[str, bool], google: dict[str, str], gpc: bool
) -> None:
    words = [*chosen.items(), *groups.items(), *((name, word == "granted") for name, word in google.items())]
    expected: dict[str, list[bool]] = {}
    for number, (name, granted) in enumerate(words):
        for purpose in NAMES.get(name, ()):
            # a banner that leaves "Marketing" out does not grant by another category what that stands for
            asked = number < len(chosen) and purpose in NAMES["Marketing"] and "Marketing" not in chosen
            if not (asked and granted and chosen.get(purpose) is not True):
                expected.setdefault(purpose, []).append(granted)
    for purpose in () if chosen else NAMES["Marketing"]:
        expected.setdefault(purpose, []).append(False)
    if gpc:
        expected.setdefault("advertising", []).append(False)
    text = ",".join(f"{name}:{int(granted)}" for name, granted in groups.items())
    told = heard({"categoryPreferences": chosen, "oneTrustGroups": text, "googleConsentMode": google}, gpc=gpc)
    assert told.consent == {purpose: all(said) for purpose, said in expected.items()}
    assert ("unknown_purpose" in told.notes) == any(name.lower() == "odd" for name, _ in words)
    assert {told.evidence.get(purpose, told.evidence["method"]) for purpose in told.consent} <= set(METHODS)
