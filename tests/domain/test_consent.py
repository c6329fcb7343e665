"""Consent by purpose: newest word, strictest side, nothing without a word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from attune.domain.consent import Consent, merge_consent, newer, permits
from attune.domain.gate import heard, may_store
from attune.domain.profiles import Profile
from tests.builders import NOW, event, record

records = st.builds(Consent, st.booleans(), st.integers(0, 5), st.sampled_from(["a", "b"]))
states = st.dictionaries(st.sampled_from(["analytics", "email"]), records)


def test_where_nobody_says_anything_nothing_is_permitted() -> None:
    assert not permits("email", [{}])
    assert not permits("email", [])


def test_a_refusal_anywhere_refuses() -> None:
    yes, no = Consent(granted=True, at=2, source="s"), Consent(granted=False, at=1, source="s")
    assert permits("email", [{"email": yes}, {}])
    assert not permits("email", [{"email": yes}, {"email": no}], {"email": True})
    assert not permits("email", [{"email": yes}], {"email": False})


@given(records, records)
def test_the_later_word_counts_whichever_arrives_first_and_at_the_same_time_the_refusal(
    one: Consent, other: Consent
) -> None:
    first, second = newer(newer(None, one), other), newer(newer(None, other), one)
    assert (first.granted, first.at) == (second.granted, second.at)
    assert first.at == max(one.at, other.at)
    if one.at == other.at:
        assert first.granted == (one.granted and other.granted)


@given(states, states, states)
def test_merging_consent_is_commutative_associative_and_idempotent(
    a: dict[str, Consent], b: dict[str, Consent], c: dict[str, Consent]
) -> None:
    assert merge_consent(a, a) == a
    assert {p: r.granted for p, r in merge_consent(a, b).items()} == {
        p: r.granted for p, r in merge_consent(b, a).items()
    }
    left, right = merge_consent(merge_consent(a, b), c), merge_consent(a, merge_consent(b, c))
    assert {p: r.granted for p, r in left.items()} == {p: r.granted for p, r in right.items()}


def test_what_a_source_vouches_for_gives_way_to_any_word_of_the_person() -> None:
    order = event(consent=None, basis={"analytics": True})
    assert may_store("analytics", [], order, record(order))
    refused = Profile(profile_id="p", consent={"analytics": Consent(granted=False, at=1, source="banner")})
    assert not may_store("analytics", [refused], order, record(order))
    withdrawal = event(consent={"analytics": False}, basis={"analytics": True})
    assert not may_store("analytics", [], withdrawal, record(withdrawal))


def test_a_later_grant_of_the_person_ends_a_withdrawal() -> None:
    withdrawn = Profile(profile_id="p", consent={"analytics": Consent(granted=False, at=NOW - 1, source="banner")})
    again, before = event(consent={"analytics": True}), event(consent={"analytics": True}, time=NOW - 2)
    assert may_store("analytics", [withdrawn], again, record(again))
    assert not may_store("analytics", [withdrawn], before, record(before))


def test_repeating_what_is_known_adds_no_record() -> None:
    known = {"analytics": Consent(granted=True, at=1, source="banner")}
    said = event(consent={"analytics": True})
    assert heard(known, said, record(said), grants=True) == {}
