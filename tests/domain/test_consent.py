"""Consent by purpose: newest word, strictest side, nothing without a word."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from attune.domain.consent.gate import ALLOWED, Refusal, Refused, may_store
from attune.domain.consent.hearing import SILENT, Voice, evidence_of, heard
from attune.domain.consent.policies import policies_of
from attune.domain.definitions.kinds import snapshot
from attune.domain.definitions.purposes import Notice, Purpose
from attune.domain.events import PREFERENCE_UPDATE, Origin
from attune.domain.identifiers import Identifier
from attune.domain.profiles.consent import (
    MAX_EARLIER,
    NEVER,
    RESTRICTION,
    Consent,
    Evidence,
    LedgerEntry,
    chain,
    digest_of,
    in_force,
    latest,
    merge_consent,
    outlasts,
    permits,
    stricter,
)
from attune.domain.profiles.profile import Link, Profile
from tests.builders import DAY, NOW, consent_event, event, record

if TYPE_CHECKING:
    from attune.domain.events import Event


LOUD = Voice(grants=True, ends_withdrawal=True)


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """A grant, which may have ended a withdrawal, or a withdrawal, which may have been repeated."""
    granted, at = draw(st.booleans()), draw(st.integers(2, 8))
    since = draw(st.integers(0, at - 1) if granted else st.integers(1, at))
    until = draw(st.integers(0, 7)) if granted else 0
    again = draw(st.sampled_from([0, at + 1, at + 3])) if granted else 0
    source, stated = draw(st.sampled_from(["a", "b"])), not granted or draw(st.booleans())
    earlier = draw(st.sampled_from([(), ((1, 2),), ((1, 2), (3, 4))])) if since > 4 else ()
    return Consent(granted, at, source, stated, since, until, again, earlier)


records = consents()
states = st.dictionaries(st.sampled_from(["analytics", "email"]), records)


def of(**said: bool) -> Profile:
    known = {purpose: Consent(granted=granted, at=1, source="s") for purpose, granted in said.items()}
    return Profile(profile_id="p", consent=known)


def test_where_nobody_says_anything_nothing_is_permitted() -> None:
    assert not permits("email", {})
    silent = event(consent=None)
    assert not may_store([], silent, record(silent))
    assert not may_store([of(email=True)], silent, record(silent))


def test_a_refusal_anywhere_refuses() -> None:
    granting, refusing, silent = (event(consent=said) for said in ({"analytics": True}, {"analytics": False}, None))
    assert may_store([of(analytics=True), of()], silent, record(silent))
    assert not may_store([of(analytics=True), of(analytics=False)], granting, record(granting))
    assert not may_store([of(analytics=True)], refusing, record(refusing))


def test_who_says_nothing_does_not_hide_what_the_others_say() -> None:
    granting, silent = event(consent={"analytics": True}), event(consent=None)
    assert may_store([of(), of(analytics=True)], silent, record(silent))
    assert not may_store([of(), of(analytics=False)], granting, record(granting))


def said(granted: bool, at: int, *, stated: bool = True) -> Consent:
    return Consent(granted, at, "shop", stated=stated)


@pytest.mark.parametrize(
    ("known", "consent", "name", "at", "expected"),
    [
        (None, True, "Product Viewed", 5, said(True, 5, stated=False)),
        (None, True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (None, False, "Product Viewed", 5, said(False, 5)),
        (said(True, 9, stated=False), False, "Product Viewed", 5, said(False, 5)),
        (said(True, 9), False, "Product Viewed", 5, said(True, 9)),
        (said(True, 5), False, "Product Viewed", 5, said(False, 5)),
        (said(True, 3), False, "Product Viewed", 5, said(False, 5)),
        (said(False, 9), False, "Product Viewed", 5, said(False, 9)),
        (said(False, 3), False, "Product Viewed", 5, said(False, 5)),
        (said(False, 3), True, "Product Viewed", 5, None),
        (said(False, 3), True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (said(False, 9), True, PREFERENCE_UPDATE, 5, None),
        (said(True, 3, stated=False), True, PREFERENCE_UPDATE, 5, said(True, 5)),
        (said(True, 3), True, PREFERENCE_UPDATE, 5, said(True, 3)),
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
    heard_of = {purpose: msgspec.structs.replace(one, since=0, again=0) for purpose, one in added.items()}
    assert heard_of == ({} if expected is None else {"email": expected})


def test_until_a_grant_was_given_what_it_ended_was_in_force() -> None:
    withdrawal, grant = event(consent={"analytics": False}, time=NOW - 10), statement(time=NOW)
    withdrawn = heard({}, withdrawal, record(withdrawal), SILENT)
    ended = shopper(heard(withdrawn, grant, record(grant), Voice(grants=True, ends_withdrawal=True)), "visitor")
    for at, stored in ((NOW - 11, True), (NOW - 10, False), (NOW - 1, False), (NOW, True)):
        riding = event(consent={"analytics": True}, time=at)
        assert bool(may_store([ended], riding, record(riding))) is stored


@given(st.permutations(range(1, 10)), st.lists(st.booleans(), min_size=1, max_size=9))
def test_in_whatever_order_words_arrive_the_last_that_was_said_counts_and_no_withdrawal_before_it_is_forgotten(
    times: list[int], words: list[bool]
) -> None:
    known: dict[str, Consent] = {}
    for at, granted in zip(times, words, strict=False):
        spoken = statement(consent={"email": granted}, time=at)
        known |= heard(known, spoken, record(spoken), LOUD)
    told = dict(sorted(zip(times, words, strict=False)))
    assert known["email"].granted is told[max(told)]
    for at in range(max(told)):
        said = [granted for time, granted in told.items() if time <= at]
        if said and not said[-1]:
            assert not permits("email", in_force(known, at))


@pytest.mark.parametrize("order", [(1, 2, 3, 4), (2, 1, 4, 3), (2, 4, 1, 3)])
def test_somebody_who_withdraws_and_grants_twice_had_withdrawn_twice(order: tuple[int, ...]) -> None:
    known: dict[str, Consent] = {}
    for at in order:
        spoken = statement(consent={"email": at % 2 == 0}, time=at * 10)
        known |= heard(known, spoken, record(spoken), LOUD)
    assert known["email"].withdrawals() == ((10, 20), (30, 40))


@pytest.mark.parametrize("more", [0, 1, 30])
def test_of_more_withdrawals_than_are_kept_apart_the_oldest_are_as_if_one(more: int) -> None:
    known: dict[str, Consent] = {}
    times = MAX_EARLIER + 1 + more
    for at in range(1, 2 * times + 1):
        spoken = statement(consent={"email": at % 2 == 0}, time=at)
        known |= heard(known, spoken, record(spoken), LOUD)
    newest = [(at, at + 1) for at in range(2 * more + 3, 2 * times, 2)]
    assert known["email"].withdrawals() == ((1, 2 * more + 2), *newest)


def test_of_a_grant_that_was_said_again_what_a_late_withdrawal_leaves_is_the_last_word() -> None:
    known = {"email": Consent(True, 1, "shop")}
    for at, granted in ((3, True), (2, False)):
        spoken = statement(consent={"email": granted}, time=at)
        known |= heard(known, spoken, record(spoken), LOUD)
    assert known == {"email": Consent(True, 3, "shop", since=2)}


def test_who_withdrew_last_is_who_is_named_though_somebody_withdrew_before() -> None:
    spoken = statement(consent={"email": False}, time=5)
    known = {"email": Consent(False, 9, "app", since=9)}
    assert heard(known, spoken, record(spoken), SILENT) == {"email": Consent(False, 9, "app", since=5)}


@pytest.mark.parametrize(
    ("known", "withdrawn_at", "stands"),
    [
        (Consent(True, 5, "shop"), 4, True),
        (Consent(True, 5, "shop"), 5, False),
        (Consent(True, 5, "shop", again=9), 8, True),
        (Consent(True, 5, "shop", again=9), 9, False),
        (Consent(True, 5, "shop", stated=False), 4, False),
        (Consent(False, 5, "shop"), 4, False),
    ],
)
def test_a_grant_stands_in_the_face_of_what_was_withdrawn_before_it_was_last_stated(
    known: Consent, withdrawn_at: int, *, stands: bool
) -> None:
    assert outlasts(known, withdrawn_at) is stands


def test_of_holds_the_latest_of_each_purpose_counts() -> None:
    assert latest([{"email": 3, "sms": 9}, {"email": 5}, {}, {"sms": 4}]) == {"email": 5, "sms": 9}
    assert latest([]) == {}


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
        (Consent(True, 5, "shop", since=3), Consent(True, 5, "shop", since=4)),
        (Consent(False, 5, "shop", since=3), Consent(False, 5, "shop", since=5)),
    ],
)
def test_of_two_words_of_one_instant_the_stated_and_what_was_withdrawn_longer_counts(
    kept: Consent, other: Consent
) -> None:
    assert stricter(kept, other) == stricter(other, kept) == kept


@given(states, states, st.integers(0, 9))
def test_a_merge_permits_nothing_that_was_refused_on_either_side_and_nothing_that_neither_permitted(
    one: dict[str, Consent], other: dict[str, Consent], at: int
) -> None:
    for purpose in ("analytics", "email"):
        sides = [side for side in (one, other) if purpose in side]
        merged = permits(purpose, merge_consent(one, other), at=at)
        if any(not side[purpose].granted for side in sides):
            assert not merged
        if merged:
            assert any(permits(purpose, side, at=at) for side in sides)


def test_of_two_grants_of_one_instant_the_one_that_ends_sooner_counts() -> None:
    lasting, ending = Consent(True, 5, "shop"), Consent(True, 5, "shop", until=9)
    assert stricter(lasting, ending) == stricter(ending, lasting) == ending
    assert stricter(ending, replace(ending, until=7)) == replace(ending, until=7)


@pytest.mark.parametrize(
    ("one", "other", "since"),
    [
        (Consent(False, 5, "app", since=3), Consent(False, 5, "shop", since=4), 3),
        (Consent(False, 5, "app"), Consent(False, 9, "shop", since=7), 5),
        (Consent(True, 8, "app", since=3), Consent(True, 9, "shop", since=7), 3),
        (Consent(True, 7, "app", since=3), Consent(True, 9, "shop", since=7), 3),
    ],
)
def test_of_two_who_had_withdrawn_the_time_since_the_first_counts_whoever_spoke_last(
    one: Consent, other: Consent, since: int
) -> None:
    kept = stricter(one, other)
    assert kept == stricter(other, one) == replace(other, since=since)


@pytest.mark.parametrize(("at", "ends"), [(6, False), (23, False), (24, True)])
def test_a_merge_forgets_no_withdrawal_that_had_ended_on_the_other_side(at: int, *, ends: bool) -> None:
    both = stricter(Consent(True, 23, "shop", since=10), Consent(False, 3, "app", since=3))
    assert both is not None
    spoken = statement(consent={"email": True}, time=at)
    after = ({"email": both} | heard({"email": both}, spoken, record(spoken), LOUD))["email"]
    assert (after.granted, after.withdrawals()) == ((True, ((3, 24),)) if ends else (False, ((3, NEVER),)))


def test_of_two_grants_a_statement_goes_before_what_rode_along_later() -> None:
    stated, riding = Consent(True, 16, "shop", since=11), Consent(True, 22, "shop", stated=False)
    assert stricter(stated, riding) == stricter(riding, stated) == stated


def test_what_a_source_vouches_for_gives_way_to_any_word_of_the_person() -> None:
    order = event(consent=None, basis={"analytics": True})
    assert may_store([], order, record(order))
    refused = Profile(profile_id="p", consent={"analytics": Consent(granted=False, at=1, source="banner")})
    assert not may_store([refused], order, record(order))
    withdrawal = event(consent={"analytics": False}, basis={"analytics": True})
    assert not may_store([], withdrawal, record(withdrawal))


WITHDRAWN = {"analytics": Consent(granted=False, at=NOW - 10, source="banner")}


def shopper(consent: dict[str, Consent], *devices: str) -> Profile:
    links = {device: Link(Identifier("anonymous_id", device), 0) for device in devices}
    return Profile(profile_id="p", consent=consent, links=links)


def statement(**overrides: Any) -> Event:
    return event(PREFERENCE_UPDATE, **({"consent": {"analytics": True}} | overrides))


def test_a_banner_that_rides_along_does_not_end_a_withdrawal_but_a_statement_does() -> None:
    riding, before = event(consent={"analytics": True}), statement(time=NOW - 20)
    assert not may_store([shopper(WITHDRAWN)], riding, record(riding))
    assert not may_store([shopper(WITHDRAWN)], before, record(before))
    assert may_store([shopper(WITHDRAWN)], statement(), record(statement()))


def test_a_browser_ends_a_withdrawal_only_on_a_device_that_the_person_holds() -> None:
    said = statement()  # of the device `visitor`
    browser = record(said, trusted=False)
    assert may_store([shopper(WITHDRAWN, "visitor")], said, browser)
    assert not may_store([shopper(WITHDRAWN)], said, browser)
    assert not may_store([shopper(WITHDRAWN, "visitor", "another")], said, browser)


def test_a_repeated_withdrawal_has_the_time_of_its_repetition() -> None:
    said = event(consent={"analytics": False})
    repeated = Consent(granted=False, at=NOW, source="shop", since=NOW - 10)
    assert heard(WITHDRAWN, said, record(said), SILENT) == {"analytics": repeated}
    assert heard(heard(WITHDRAWN, said, record(said), SILENT), said, record(said), SILENT) == {}


def test_a_grant_counts_from_when_it_was_given_not_for_what_happened_before() -> None:
    granted = {"analytics": Consent(granted=True, at=NOW, source="api")}
    silent = event(consent=None, time=NOW - 50)
    later = event(consent=None, time=NOW)
    assert may_store([shopper(granted)], later, record(later))
    assert not may_store([shopper(granted)], silent, record(silent, received_at=NOW + 50))


def test_repeating_a_grant_adds_no_record() -> None:
    known = {"analytics": Consent(granted=True, at=1, source="banner")}
    said = event(consent={"analytics": True})
    assert heard(known, said, record(said), Voice(grants=True, ends_withdrawal=True)) == {}


# ----------------------------------------------------------------------------------------------------------- expiry

YEARLY = policies_of(snapshot((Purpose(id="email", expires_after="365d"),)))
YEAR = 365 * DAY


def told(known: dict[str, Consent], spoken: Event, speaks: Voice = LOUD, **overrides: Any) -> Consent | None:
    """What is known of e-mail after an event was heard."""
    return (known | heard(known, spoken, record(spoken, **overrides), speaks, YEARLY)).get("email")


def asked(at: int, *, granted: bool = True, **overrides: Any) -> Event:
    return statement(consent={"email": granted}, time=at, **overrides)


def test_a_grant_is_heard_with_its_end_and_a_withdrawal_without() -> None:
    assert told({}, asked(NOW)) == Consent(True, NOW, "shop", until=NOW + YEAR)
    assert told({}, asked(NOW, granted=False)) == Consent(False, NOW, "shop", since=NOW)


def test_what_is_said_again_in_time_goes_on_and_what_is_said_too_late_begins_anew() -> None:
    known = {"email": Consent(True, NOW, "shop", until=NOW + YEAR)}
    for at in (NOW + 1, NOW + YEAR - 1):
        assert told(known, asked(at)) == Consent(True, NOW, "shop", until=at + YEAR, again=at)
    for at in (NOW + YEAR, NOW + YEAR + 1):
        anew = told(known, asked(at))
        assert anew == Consent(True, at, "shop", since=NOW + YEAR, until=at + YEAR)
        assert not permits("email", in_force({"email": anew}, at - 1), at=at - 1)


def test_what_only_rode_along_and_had_ended_is_begun_anew_by_a_statement_too() -> None:
    known = {"email": Consent(True, NOW, "shop", stated=False, until=NOW + YEAR)}
    at = NOW + YEAR + 5
    assert told(known, asked(NOW + 1)) == Consent(True, NOW + 1, "shop", until=NOW + 1 + YEAR)
    assert told(known, asked(at)) == Consent(True, at, "shop", since=NOW + YEAR, until=at + YEAR)
    assert told(known, asked(at, granted=False)) == Consent(False, at, "shop", since=at)


@pytest.mark.parametrize("expires_after", [None, "365d"])
def test_who_agrees_again_after_a_notice_that_asks_again_has_agreed(expires_after: str | None) -> None:
    notices = (Notice(version="1", since="2024-01-01"), Notice(version="2", since="2025-06-16", asks_again=True))
    asking = policies_of(snapshot((Purpose(id="email", expires_after=expires_after, notices=notices),)))
    asks_at = 1_750_032_000_000
    known: dict[str, Consent] = {}
    for at in (NOW, asks_at + 1):
        spoken = asked(at)
        known |= heard(known, spoken, record(spoken), LOUD, asking)
    after = Profile(profile_id="p", consent=known)
    assert permits("email", asking.standing(after), at=asks_at + 2)
    assert known["email"].at == asks_at + 1
    assert not permits("email", in_force(known, asks_at), at=asks_at)


def test_a_banner_that_rides_along_renews_nothing() -> None:
    known = {"email": Consent(True, NOW, "shop", until=NOW + YEAR)}
    riding = event(consent={"email": True}, time=NOW + DAY)
    assert told(known, riding, Voice(grants=True, ends_withdrawal=False)) == known["email"]
    assert told(known, asked(NOW + DAY), Voice(grants=True, ends_withdrawal=False)) == known["email"]


def test_what_arrives_late_neither_shortens_nor_renews() -> None:
    known = {"email": Consent(True, NOW, "shop", until=NOW + YEAR)}
    assert told(known, asked(NOW - DAY)) == known["email"]
    assert told(known, asked(NOW)) == known["email"]


def test_an_expired_grant_gives_way_to_a_withdrawal_and_a_withdrawal_to_no_older_grant() -> None:
    expired = {"email": Consent(True, NOW - 2 * YEAR, "shop", until=NOW - YEAR)}
    withdrawn = told(expired, asked(NOW, granted=False))
    assert withdrawn is not None
    assert not withdrawn.granted
    assert told({"email": withdrawn}, asked(NOW - 1)) == withdrawn


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=6, unique_by=lambda one: one[0]))
def test_a_withdrawal_beats_every_older_grant_in_whatever_order_they_arrive(said: list[tuple[int, bool]]) -> None:
    """In days, of a purpose that expires after ten."""
    decimal = policies_of(snapshot((Purpose(id="email", expires_after="10d"),)))
    known: dict[str, Consent] = {}
    for at, granted in said:
        spoken = asked(NOW + at * DAY, granted=granted)
        known |= heard(known, spoken, record(spoken), LOUD, decimal)
    last_withdrawal = max((at for at, granted in said if not granted), default=-1)
    newest = max((at for at, granted in said if granted and at > last_withdrawal), default=None)
    at = NOW + 60 * DAY
    assert not permits("email", known, at=at)
    for day in range(60):
        if permits("email", known, at=NOW + day * DAY):
            assert newest is not None
            assert day < newest + 10


def test_may_store_asks_whether_the_grant_lasts_beyond_the_receipt() -> None:
    yearly = policies_of(snapshot((Purpose(id="analytics", expires_after="365d"),)))
    granted = shopper({"analytics": Consent(True, NOW - YEAR, "shop", until=NOW)})
    for received_at, stored in ((NOW - 1, True), (NOW, False), (NOW + 1, False)):
        silent = event(consent=None, time=NOW - DAY)
        answer = may_store([granted], silent, record(silent, received_at=received_at), yearly)
        assert answer == (ALLOWED if stored else Refused("analytics", Refusal.EXPIRED))


def test_where_a_policy_permits_it_an_event_of_who_said_nothing_is_stored() -> None:
    american = policies_of(snapshot((Purpose(id="analytics", jurisdictions={"US": "opt_out"}),)))
    for country, stored in (("US", True), ("DE", False), ("Elbonia", False)):
        silent = event(consent=None, context={"location": {"country": country}})
        assert bool(may_store([], silent, record(silent), american)) is stored
        assert bool(may_store([shopper({})], silent, record(silent), american)) is stored
        assert not may_store([shopper(WITHDRAWN)], silent, record(silent), american)
        refusing = event(consent={"analytics": False}, context={"location": {"country": country}})
        assert not may_store([], refusing, record(refusing), american)


def test_nobody_but_ourselves_restricts_anybody() -> None:
    word = {RESTRICTION: False}
    for spoken, origin, is_heard in (
        (event(consent=word), Origin.CLIENT, False),
        (statement(consent=word), Origin.WEBHOOK, False),
        (event(consent=word), Origin.INTERNAL, False),
        (consent_event(word), Origin.CLIENT, False),
        (consent_event(word), Origin.INTERNAL, True),
    ):
        assert (RESTRICTION in heard({}, spoken, record(spoken, origin=origin), LOUD)) is is_heard


def test_evidence_is_what_we_know_of_and_never_text_of_a_client() -> None:
    noticed = policies_of(snapshot((Purpose(id="email", notices=(Notice(version="7", since="2025-01-01"),)),)))
    said = {"email": True, "sms": True}
    own = event(consent=said, evidence={"method": "banner", "sms": "gpc", "notice": "7"})
    foreign = event(consent=said, evidence={"method": "call me Ada", "notice": "ada@example.com"})
    for spoken, purpose, expected in (
        (own, "email", ("banner", "7")),
        (own, "sms", ("gpc", "")),
        (foreign, "email", ("", "")),
        (event(consent=None, basis={"email": True}), "email", ("basis", "")),
    ):
        found = evidence_of(spoken, purpose, "an id's pseudonym", noticed)
        assert (found.method, found.notice) == expected
        assert found.message == "an id's pseudonym"


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
    assert entry.form == 1


def test_the_digest_of_an_entry_with_evidence_covers_the_evidence() -> None:
    record = Consent(granted=True, at=NOW, source="shop", until=NOW + 9)
    evidence = Evidence(method="form", notice="7", message="00ff")
    entry = chain("p", 1, "email", record, recorded_at=NOW + 1, previous=b"before", evidence=evidence)
    told = ["p", "1", "email", "True", str(NOW), "shop", str(NOW + 1), "2", str(NOW + 9), "form", "7", "00ff"]
    assert entry.digest == hashlib.sha256(b"before" + "\x1f".join(told).encode()).hexdigest()
    for field, other in (("method", "api"), ("notice", "6"), ("message", ""), ("expires_at", NOW), ("form", 1)):
        assert digest_of(replace(entry, **{field: other}), 1) != entry.digest
