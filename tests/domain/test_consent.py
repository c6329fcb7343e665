"""Consent by purpose: newest word, strictest side, nothing without a word."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from attune.domain.consent import Consent, LedgerEntry, chain, in_force, merge_consent, permits, stricter
from attune.domain.gate import PREFERENCE_UPDATE, SILENT, Voice, heard, may_store
from attune.domain.identifiers import Identifier
from attune.domain.profiles import Link, Profile
from tests.builders import NOW, event, record

if TYPE_CHECKING:
    from attune.domain.events import Event


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """A grant, which may have ended a withdrawal, or a withdrawal, which may have been repeated."""
    granted, at = draw(st.booleans()), draw(st.integers(2, 5))
    since = draw(st.integers(0, at - 1) if granted else st.integers(1, at))
    return Consent(granted, at, draw(st.sampled_from(["a", "b"])), not granted or draw(st.booleans()), since)


records = consents()
states = st.dictionaries(st.sampled_from(["analytics", "email"]), records)


def test_where_nobody_says_anything_nothing_is_permitted() -> None:
    assert not permits("email", [{}])
    assert not permits("email", [])


def test_a_refusal_anywhere_refuses() -> None:
    yes, no = Consent(granted=True, at=2, source="s"), Consent(granted=False, at=1, source="s")
    assert permits("email", [{"email": yes}, {}])
    assert not permits("email", [{"email": yes}, {"email": no}], {"email": True})
    assert not permits("email", [{"email": yes}], {"email": False})


def test_who_says_nothing_does_not_hide_what_the_others_say() -> None:
    yes, no = Consent(granted=True, at=2, source="s"), Consent(granted=False, at=1, source="s")
    assert permits("email", [{}, {"email": yes}])
    assert not permits("email", [{}, {"email": no}], {"email": True})


def said(granted: bool, at: int, *, stated: bool = True) -> Consent:
    return Consent(granted, at, "shop", stated=stated)


@pytest.mark.parametrize(
    ("known", "consent", "name", "at", "expected"),
    [
        (None, True, "Product Viewed", 5, said(True, 5, stated=False)),
        (None, True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (None, False, "Product Viewed", 5, said(False, 5)),
        (said(True, 9, stated=False), False, "Product Viewed", 5, said(False, 5)),
        (said(True, 9), False, "Product Viewed", 5, None),
        (said(True, 5), False, "Product Viewed", 5, said(False, 5)),
        (said(True, 3), False, "Product Viewed", 5, said(False, 5)),
        (said(False, 9), False, "Product Viewed", 5, None),
        (said(False, 3), False, "Product Viewed", 5, said(False, 5)),
        (said(False, 3), True, "Product Viewed", 5, None),
        (said(False, 3), True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (said(False, 9), True, PREFERENCE_UPDATE, 5, None),
        (said(True, 3, stated=False), True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (said(True, 3), True, PREFERENCE_UPDATE, 5, None),
        (said(True, 3, stated=False), True, "Product Viewed", 5, None),
    ],
)
def test_what_is_known_after_somebody_spoke(
    known: Consent | None,
    consent: bool,
    name: str,
    at: int,
    expected: Consent | None,
) -> None:
    spoken = event(name, time=at, consent={"email": consent})
    before = {} if known is None else {"email": known}
    added = heard(before, spoken, record(spoken), Voice(grants=True, ends_withdrawal=name == PREFERENCE_UPDATE))
    heard_of = {purpose: msgspec.structs.replace(one, since=0) for purpose, one in added.items()}
    assert heard_of == ({} if expected is None else {"email": expected})


def test_until_a_grant_was_given_what_it_ended_was_in_force() -> None:
    withdrawal, grant = event(consent={"analytics": False}, time=NOW - 10), statement(time=NOW)
    withdrawn = heard({}, withdrawal, record(withdrawal), SILENT)
    ended = shopper(heard(withdrawn, grant, record(grant), Voice(grants=True, ends_withdrawal=True)), "visitor")
    for at, stored in ((NOW - 11, True), (NOW - 10, False), (NOW - 1, False), (NOW, True)):
        riding = event(consent={"analytics": True}, time=at)
        assert may_store("analytics", [ended], riding, record(riding)) is stored


def test_before_a_grant_the_withdrawal_that_it_ended_held_since_it_began() -> None:
    ended = {"email": Consent(True, 9, "shop", since=4), "sms": Consent(True, 9, "shop")}
    assert in_force(ended, 3) == {}
    assert in_force(ended, 4) == in_force(ended, 8) == {"email": Consent(False, 4, "shop")}
    assert in_force(ended, 9) == ended
    withdrawn = {"email": Consent(False, 9, "shop")}
    assert in_force(withdrawn, 1) == withdrawn


@given(states, states, states)
def test_merging_consent_is_commutative_associative_and_idempotent(
    a: dict[str, Consent], b: dict[str, Consent], c: dict[str, Consent]
) -> None:
    assert merge_consent(a, a) == a
    assert merge_consent(a, b) == merge_consent(b, a)
    assert merge_consent(merge_consent(a, b), c) == merge_consent(a, merge_consent(b, c))


@pytest.mark.parametrize(
    ("kept", "other"),
    [
        (Consent(True, 5, "shop", stated=True), Consent(True, 5, "shop", stated=False)),
        (Consent(True, 5, "shop", since=3), Consent(True, 5, "shop")),
        (Consent(True, 5, "shop", since=3), Consent(True, 9, "shop", stated=True)),
        (Consent(True, 5, "shop", since=3), Consent(True, 5, "shop", since=4)),
        (Consent(False, 5, "shop", since=3), Consent(False, 5, "shop", since=5)),
    ],
)
def test_of_two_words_of_one_instant_the_stated_and_what_was_withdrawn_longer_counts(
    kept: Consent, other: Consent
) -> None:
    assert stricter(kept, other) == stricter(other, kept) == kept


@pytest.mark.parametrize(
    ("one", "other", "since"),
    [
        (Consent(False, 5, "app", since=3), Consent(False, 5, "shop", since=4), 3),
        (Consent(False, 5, "app"), Consent(False, 9, "shop", since=7), 5),
        (Consent(True, 5, "app", since=3), Consent(True, 9, "shop", since=7), 3),
    ],
)
def test_of_two_who_had_withdrawn_the_time_since_the_first_counts_whoever_spoke_last(
    one: Consent, other: Consent, since: int
) -> None:
    kept = stricter(one, other)
    assert kept == stricter(other, one) == replace(other, since=since)


def test_what_a_source_vouches_for_gives_way_to_any_word_of_the_person() -> None:
    order = event(consent=None, basis={"analytics": True})
    assert may_store("analytics", [], order, record(order))
    refused = Profile(profile_id="p", consent={"analytics": Consent(granted=False, at=1, source="banner")})
    assert not may_store("analytics", [refused], order, record(order))
    withdrawal = event(consent={"analytics": False}, basis={"analytics": True})
    assert not may_store("analytics", [], withdrawal, record(withdrawal))


WITHDRAWN = {"analytics": Consent(granted=False, at=NOW - 10, source="banner")}


def shopper(consent: dict[str, Consent], *devices: str) -> Profile:
    links = {device: Link(Identifier("anonymous_id", device), 0) for device in devices}
    return Profile(profile_id="p", consent=consent, links=links)


def statement(**overrides: Any) -> Event:
    return event(PREFERENCE_UPDATE, **({"consent": {"analytics": True}} | overrides))


def test_a_banner_that_rides_along_does_not_end_a_withdrawal_but_a_statement_does() -> None:
    riding, before = event(consent={"analytics": True}), statement(time=NOW - 20)
    assert not may_store("analytics", [shopper(WITHDRAWN)], riding, record(riding))
    assert not may_store("analytics", [shopper(WITHDRAWN)], before, record(before))
    assert may_store("analytics", [shopper(WITHDRAWN)], statement(), record(statement()))


def test_a_browser_ends_a_withdrawal_only_on_a_device_that_the_person_holds() -> None:
    said = statement()  # of the device `visitor`
    browser = record(said, trusted=False)
    assert may_store("analytics", [shopper(WITHDRAWN, "visitor")], said, browser)
    assert not may_store("analytics", [shopper(WITHDRAWN)], said, browser)
    assert not may_store("analytics", [shopper(WITHDRAWN, "visitor", "another")], said, browser)


def test_a_repeated_withdrawal_has_the_time_of_its_repetition() -> None:
    said = event(consent={"analytics": False})
    repeated = Consent(granted=False, at=NOW, source="shop", since=NOW - 10)
    assert heard(WITHDRAWN, said, record(said), SILENT) == {"analytics": repeated}
    assert heard(heard(WITHDRAWN, said, record(said), SILENT), said, record(said), SILENT) == {}


def test_a_grant_counts_from_when_it_was_given_not_for_what_happened_before() -> None:
    granted = {"analytics": Consent(granted=True, at=NOW, source="api")}
    silent = event(consent=None, time=NOW - 50)
    later = event(consent=None, time=NOW)
    assert may_store("analytics", [shopper(granted)], later, record(later))
    assert not may_store("analytics", [shopper(granted)], silent, record(silent, received_at=NOW + 50))


def test_repeating_a_grant_adds_no_record() -> None:
    known = {"analytics": Consent(granted=True, at=1, source="banner")}
    said = event(consent={"analytics": True})
    assert heard(known, said, record(said), Voice(grants=True, ends_withdrawal=True)) == {}


# ------------------------------------------------------------------------------------------------------- the ledger


def recorded(number: int, record: Consent, previous: bytes) -> LedgerEntry:
    return chain("p", number, "email", record, recorded_at=NOW + 1, previous=previous)


def test_a_ledger_entry_says_who_said_what_when_and_its_number_sorts_it() -> None:
    entry = recorded(12, Consent(granted=True, at=NOW, source="shop"), b"\x01" * 32)
    assert entry.entry == "consent#00000012"
    assert (entry.profile_id, entry.purpose, entry.granted, entry.source) == ("p", "email", True, "shop")
    assert (entry.effective_at, entry.recorded_at, entry.previous) == (NOW, NOW + 1, "01" * 32)


def test_anybody_can_compute_an_entrys_digest_again_from_what_it_says() -> None:
    """By this form, for ever: an auditor with a copy of the ledger has no code of ours."""
    entry = recorded(1, Consent(granted=False, at=NOW, source="shop"), b"before")
    told = ["p", "1", "email", "False", str(NOW), "shop", str(NOW + 1)]
    assert entry.digest == hashlib.sha256(b"before" + "\x1f".join(told).encode()).hexdigest()
