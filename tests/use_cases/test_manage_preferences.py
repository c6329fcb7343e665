"""A signed link from the making to the last click, on memory adapters and the real processor behind the stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryHolds, MemoryStream
from attune.domain.consent.preference_links import PreferenceLink
from attune.domain.definitions.kinds import purposes_of
from attune.domain.definitions.purposes import Notice, Purpose
from attune.domain.errors import AttuneError
from attune.domain.events import CONSENT, Origin, Record, decode_record
from attune.ports import Key, StreamUnavailableError
from attune.sources.consent_signals import ConsentSignals, hear
from attune.use_cases.consent.link_preferences import LinkPreferences
from attune.use_cases.consent.manage_preferences import ManagePreferences
from attune.use_cases.profiles.manage_profiles import HOLD_LIFETIME
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    SECRET,
    Pseudonyms,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    key_of,
    record,
    source,
)
from tests.faults.erasing import erase_event, suppress_event
from tests.faults.unlinking import unlink_event
from tests.use_cases.test_process_events import Processor

ADA = identifiers(email="ada@example.com")
KEY = Key(key_id="k", source="shop", type="server", digest="", created_at=NOW)


class Desk:
    """Links, the page behind them, and a processor that works off what is decided, when told to."""

    def __init__(self, *more: Any) -> None:
        self.processor = Processor(*definition_list(*more))
        self.stream: Any = MemoryStream()
        self.holds = MemoryHolds()
        self.in_flight: Callable[[], bool] = lambda: False
        shared: dict[str, Any] = {
            "profiles": self.processor.store,
            "definitions": self.processor.definitions,
            "pseudonyms": Pseudonyms(),
            "secret": lambda: SECRET,
            "clock": lambda: self.processor.now,
        }
        self.making = shared
        self.link = LinkPreferences(**shared)
        self.shared = shared | {"in_flight": lambda _: self.in_flight()}
        self.manage = ManagePreferences(**self.shared, holds=self.holds, stream=self.stream)

    def made(self, address: str = "email:ada@example.com", **body: Any) -> PreferenceLink:
        url = self.link(address, json.dumps(body).encode() if body else b"", KEY, "https://events.example")["url"]
        return self.manage.open(url.rpartition("/")[2])

    def shown(self, link: PreferenceLink) -> dict[str, tuple[bool, bool]]:
        stands = self.manage.show(link)
        assert stands is not None
        return {one.purpose: (one.allowed, one.decided) for one in stands.choices}

    def seen(self, link: PreferenceLink) -> str:
        stands = self.manage.show(link)
        assert stands is not None
        return stands.seen

    def save(self, link: PreferenceLink, seen: str | None = None, **answer: bool) -> None:
        self.manage.save(link, answer, self.seen(link) if seen is None else seen)

    def records(self) -> list[Record]:
        return [decode_record(stored.data) for stored in self.stream.records]

    def catch_up(self) -> None:
        """The stream carries what was put on it."""
        self.processor(*self.records())
        self.stream.records.clear()

    def consent(self) -> dict[str, bool]:
        return {name: one.granted for name, one in self.processor.profile("email", "ada@example.com").consent.items()}


@pytest.fixture
def desk() -> Desk:
    """Ada consents to everything but text messages and advertising, of which she said nothing."""
    desk = Desk()
    desk.processor.send(event(identifiers=ADA, time=NOW - HOUR))
    return desk


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code


# -------------------------------------------------------------------------------------------- making a link


def test_a_link_leads_to_its_person_and_tells_nobody_who_that_is(desk: Desk) -> None:
    made = desk.link("email:Ada@Example.com", b"", KEY, "https://events.example")
    assert made["url"].startswith("https://events.example/v1/preferences/")
    assert "ada" not in made["url"].lower()
    assert made["expires_at"] == "2025-09-13T15:06:40.000Z"
    link = desk.manage.open(made["url"].rpartition("/")[2])
    assert (link.identity_key, link.source) == (key_of("email", "ada@example.com"), "shop")


@pytest.mark.parametrize(("lasts", "seconds"), [("1m", 60), ("36h", 129_600), ("400d", 34_560_000)])
def test_a_link_works_for_as_long_as_its_maker_said(desk: Desk, lasts: str, seconds: int) -> None:
    made = desk.link("email:ada@example.com", json.dumps({"expires_in": lasts}).encode(), KEY, "")
    token = made["url"].rpartition("/")[2]
    desk.processor.now += seconds * SECOND - 1
    desk.manage.open(token)
    desk.processor.now += 1
    assert refused(lambda: desk.manage.open(token)) == (410, "link_expired")


@pytest.mark.parametrize("lasts", ["59s", "401d", "0d", "1w", "", 90, None])
def test_links_of_other_lengths_are_not_made(desk: Desk, lasts: Any) -> None:
    body = json.dumps({"expires_in": lasts}).encode()
    assert refused(lambda: desk.link("email:ada@example.com", body, KEY, "")) == (400, "invalid_body")


def test_for_somebody_unknown_no_link_is_made(desk: Desk) -> None:
    assert refused(lambda: desk.link("email:eve@example.com", b"", KEY, "")) == (404, "unknown_profile")
    assert refused(lambda: desk.link("nobody", b"", KEY, "")) == (400, "invalid_identifier")


def test_the_address_is_read_as_the_source_of_the_key_names_people() -> None:
    desk = Desk(msgspec.convert({"kind": "source", "id": "shop", "normalise": {"region": "DE"}}, type(source())))
    desk.processor.send(event(identifiers=identifiers(phone="+491701234567"), time=NOW - HOUR))
    assert desk.made("phone:0170 1234567").identity_key == key_of("phone", "+491701234567")


# ------------------------------------------------------------------------------------------------ the choices


def test_everything_is_shown_as_it_stands(desk: Desk) -> None:
    yes, unsaid = (True, True), (False, False)
    assert desk.shown(desk.made()) == {
        "analytics": yes,
        "personalization": yes,
        "email": yes,
        "sms": unsaid,
        "advertising": unsaid,
    }


def test_looking_changes_nothing_however_often(desk: Desk) -> None:
    link, item = desk.made(), desk.processor.item("email", "ada@example.com")
    for _ in range(3):
        desk.manage.show(link)
    assert desk.stream.records == []
    assert desk.holds.held([key_of("email", "ada@example.com")]) == {}
    assert desk.processor.item("email", "ada@example.com") == item


def test_a_choice_goes_onto_the_stream_and_into_the_profile(desk: Desk) -> None:
    link = desk.made()
    desk.processor.now += SECOND
    desk.save(link, email=False, sms=True, analytics=True)
    [record] = desk.records()
    [said] = record.events
    assert (record.source, record.origin, record.trusted) == ("shop", Origin.INTERNAL, True)
    assert record.key == key_of("email", "ada@example.com")
    assert (said.type, said.time, said.consent) == (CONSENT, NOW + SECOND, {"sms": True, "email": False})
    assert (said.identifiers, said.evidence) == (ADA, {"method": "preference_page"})
    desk.catch_up()
    assert desk.consent() == {"analytics": True, "personalization": True, "email": False, "sms": True}


def test_what_is_refused_is_held_before_the_stream_has_carried_it(desk: Desk) -> None:
    link = desk.made()
    desk.processor.now += SECOND
    desk.save(link, email=False)
    assert desk.holds.held([key_of("email", "ada@example.com")]) == {"email": NOW + SECOND}
    assert desk.holds.expires_at[key_of("email", "ada@example.com")] == (NOW + SECOND) // 1_000 + HOLD_LIFETIME
    assert desk.shown(link)["email"] == (False, True)


class Broken:
    def put(self, _: Any) -> None:
        raise StreamUnavailableError


def test_where_the_stream_is_away_the_refusal_stands_and_the_second_try_completes_it(desk: Desk) -> None:
    link = desk.made()
    away = ManagePreferences(**desk.shared, holds=desk.holds, stream=Broken())
    desk.processor.now += SECOND
    with pytest.raises(StreamUnavailableError):
        away.save(link, {"email": False}, desk.seen(link))
    assert desk.shown(link)["email"] == (False, True)
    desk.processor.now += MINUTE
    desk.save(link, email=False)
    desk.catch_up()
    assert desk.consent()["email"] is False


def test_who_changes_nothing_says_nothing(desk: Desk) -> None:
    link = desk.made()
    desk.save(link, analytics=True, email=True)
    desk.save(link)
    assert desk.stream.records == []


def test_a_refusal_that_stands_is_said_again_so_that_nothing_older_grants(desk: Desk) -> None:
    link = desk.made()
    desk.save(link, email=False)
    desk.catch_up()
    desk.processor.now += HOUR
    opened = desk.seen(link)
    desk.save(link, email=False)
    desk.catch_up()
    late = consent_event({"email": True}, identifiers=ADA, time=desk.processor.now - MINUTE)
    desk.processor.send(late)
    assert desk.consent()["email"] is False
    assert refused(lambda: desk.save(link, seen=opened, email=True)) == (409, "choices_changed")


def test_somebody_may_change_their_mind_and_back(desk: Desk) -> None:
    link = desk.made()
    for allow in (False, True, False, True):
        desk.processor.now += SECOND
        desk.save(link, email=allow)
        desk.catch_up()
        assert desk.consent()["email"] is allow
        assert desk.shown(link)["email"] == (allow, True)


def test_a_form_that_is_sent_again_does_not_undo_what_was_said_in_between(desk: Desk) -> None:
    link = desk.made()
    opened = desk.seen(link)
    desk.processor.now += SECOND
    desk.save(link, seen=opened, sms=True)
    desk.catch_up()
    desk.processor.now += SECOND
    desk.save(link, sms=False)
    for caught_up in (False, True):
        if caught_up:
            desk.catch_up()
        desk.processor.now += SECOND
        assert refused(lambda: desk.save(link, seen=opened, sms=True)) == (409, "choices_changed")
        assert desk.shown(link)["sms"] == (False, True)
    assert desk.consent()["sms"] is False


def test_a_page_left_open_does_not_undo_an_unsubscription(desk: Desk) -> None:
    link = desk.made()
    opened = desk.seen(link)
    desk.processor.now += DAY
    desk.manage.unsubscribe(link)
    desk.catch_up()
    assert refused(lambda: desk.save(link, seen=opened, email=True, analytics=False)) == (409, "choices_changed")
    desk.catch_up()
    assert (desk.consent()["email"], desk.consent()["analytics"]) == (False, False)


@pytest.mark.parametrize("purpose", ["fishing", "$restriction", ""])
def test_a_purpose_that_is_none_is_refused_and_with_it_the_rest(desk: Desk, purpose: str) -> None:
    link = desk.made()
    answer = {purpose: True, "email": False}
    assert refused(lambda: desk.manage.save(link, answer, desk.seen(link))) == (400, "unknown_purpose")
    assert desk.stream.records == []
    assert desk.shown(link)["email"] == (True, True)


def test_purposes_of_the_company_s_own_are_asked_for_as_well() -> None:
    desk = Desk(Purpose(id="research", name="Research", description="To learn what people need."))
    desk.processor.send(event(identifiers=ADA, time=NOW - HOUR))
    link = desk.made()
    assert desk.shown(link)["research"] == (False, False)
    desk.save(link, research=True)
    desk.catch_up()
    assert desk.consent()["research"] is True


def test_what_a_policy_permits_is_shown_as_allowed_and_leaving_it_so_grants_nothing() -> None:
    """Where somebody lives who may opt out, nobody's word is needed; leaving it as it stands gives none."""
    desk = Desk(Purpose(id="email", jurisdictions={"US": "opt_out"}))
    analytics = {"analytics": True, "personalization": True}
    desk.processor.send(identify({"country": "US"}, identifiers=ADA, consent=analytics, time=NOW - HOUR))
    link = desk.made()
    assert desk.shown(link)["email"] == (True, True)
    desk.save(link, email=True)
    assert desk.stream.records == []
    desk.save(link, email=False)
    desk.catch_up()
    assert desk.consent()["email"] is False


def test_the_notice_that_the_page_showed_is_evidence_of_what_was_said_under_it() -> None:
    notice = Notice(version="2025-06", since="2025-06-01T00:00:00Z")
    desk = Desk(Purpose(id="sms", notices=(notice,)), Purpose(id="advertising"))
    desk.processor.send(event(identifiers=ADA, time=NOW - HOUR))
    desk.save(desk.made(), sms=True, advertising=False)
    told = {one.evidence.get("notice"): one.consent for record in desk.records() for one in record.events}
    assert told == {"2025-06": {"sms": True}, None: {"advertising": False}}
    desk.catch_up()
    assert (desk.consent()["sms"], desk.consent()["advertising"]) == (True, False)


def test_who_unsubscribes_gets_no_more_mail_and_keeps_the_rest(desk: Desk) -> None:
    link = desk.made()
    desk.processor.now += SECOND
    for _ in range(2):
        desk.manage.unsubscribe(link)
        assert desk.shown(link)["email"] == (False, True)
    desk.catch_up()
    assert desk.consent() == {"analytics": True, "personalization": True, "email": False}


# ------------------------------------------------------------------------------------------- whom a link leads to


def test_a_link_follows_its_person_through_a_merge(desk: Desk) -> None:
    link = desk.made()
    desk.processor.send(identify(identifiers=identifiers(user_id="u1")))
    desk.processor.send(identify(identifiers=identifiers(user_id="u1", email="ada@example.com")))
    desk.processor.now += SECOND
    desk.save(link, email=False)
    desk.catch_up()
    assert desk.processor.profile("user_id", "u1").consent["email"].granted is False


def test_a_withdrawal_from_elsewhere_shows_on_the_page(desk: Desk) -> None:
    link = desk.made()
    desk.processor.send(consent_event({"email": False}, identifiers=ADA, time=NOW))
    assert desk.shown(link)["email"] == (False, True)


def test_where_nothing_is_held_there_is_nothing_to_decide(desk: Desk) -> None:
    link = PreferenceLink(identity_key=key_of("email", "eve@example.com"), expires_at=NOW, made_at=NOW, source="shop")
    assert desk.manage.show(link) is None
    assert desk.manage.save(link, {"email": True}, "") is None
    assert desk.manage.unsubscribe(link) is None
    assert desk.stream.records == []


def test_a_cart_s_link_ends_with_the_cart() -> None:
    desk = Desk()
    desk.processor.send(event(identifiers=identifiers(cart_token="c1"), time=NOW))
    link = desk.made("cart_token:c1")
    assert desk.manage.show(link) is not None
    desk.processor.now += 31 * DAY
    assert desk.manage.show(link) is None


def test_who_is_suppressed_may_still_refuse_and_allows_nothing(desk: Desk) -> None:
    link = desk.made()
    desk.processor(record(suppress_event(*ADA)))
    desk.processor.now += SECOND
    stands = desk.manage.show(link)
    assert stands is not None
    assert stands.suppressed
    assert refused(lambda: desk.save(link, sms=True, email=False)) == (409, "choices_changed")
    assert desk.shown(link)["email"] == (False, True)
    desk.catch_up()
    assert (desk.consent()["email"], "sms" in desk.consent()) == (False, False)


def test_an_unsubscription_of_who_is_suppressed_is_not_lost(desk: Desk) -> None:
    link = desk.made()
    desk.processor(record(suppress_event(*ADA)))
    desk.processor.now += SECOND
    desk.manage.unsubscribe(link)
    desk.catch_up()
    assert desk.consent()["email"] is False


def erase(desk: Desk) -> None:
    desk.processor.now += SECOND
    desk.processor(record(erase_event(*ADA, time=desk.processor.now), received_at=desk.processor.now))


def come_back(desk: Desk, **consent: bool) -> None:
    """Somebody of the same address, whoever that is."""
    desk.processor.now += SECOND
    desk.processor.send(event(identifiers=ADA, consent={"analytics": True, **consent}, time=desk.processor.now))


def nothing_is_held(desk: Desk, link: PreferenceLink) -> None:
    before = desk.holds.held([link.identity_key])
    assert desk.manage.show(link) is None
    assert desk.manage.save(link, {"email": True, "analytics": False}, "") is None
    assert desk.manage.unsubscribe(link) is None
    assert desk.stream.records == []
    assert desk.holds.held([link.identity_key]) == before


def test_a_link_ends_with_the_life_in_which_it_was_made_and_a_new_life_has_its_own(desk: Desk) -> None:
    """Over several lives; and as an erasure lies in the past, the link of its very instant is the old life's."""
    links = []
    for _ in range(3):
        links.append(desk.made())
        desk.processor.now += SECOND
        links.append(desk.made())
        erase(desk)
        links.append(msgspec.structs.replace(links[-1], made_at=desk.processor.now))
        for old in links:
            nothing_is_held(desk, old)
        come_back(desk, email=True)
        for old in links:
            nothing_is_held(desk, old)
    link = desk.made()
    assert desk.shown(link)["email"] == (True, True)
    desk.save(link, email=False)
    desk.catch_up()
    assert desk.consent() == {"analytics": True, "email": False}


def test_a_link_of_another_identifier_of_who_was_erased_ends_with_them_as_well(desk: Desk) -> None:
    """The erasure named the address only, and the number is somebody's again who never had that address."""
    desk.processor.send(identify(identifiers=identifiers(user_id="u1") + ADA, time=NOW - MINUTE))
    link = desk.made("user_id:u1")
    erase(desk)
    desk.processor.now += SECOND
    desk.processor.send(event(identifiers=identifiers(user_id="u1"), time=desk.processor.now))
    nothing_is_held(desk, link)
    desk.processor.now += SECOND
    assert desk.shown(desk.made("user_id:u1"))["email"] == (True, True)


class Meanwhile:
    """Profiles; something happens when they have been read."""

    def __init__(self, profiles: Any, happens: Callable[[], None]) -> None:
        self._profiles = profiles
        self._happens = [happens]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._profiles, name)

    def items(self, *args: Any, **options: Any) -> Any:
        found = self._profiles.items(*args, **options)
        while self._happens:
            self._happens.pop()()
        return found


def test_a_link_that_is_made_while_its_person_is_erased_is_not_the_next_life_s(desk: Desk) -> None:
    def erased_and_back() -> None:
        erase(desk)
        come_back(desk)

    desk.link = LinkPreferences(**desk.making | {"profiles": Meanwhile(desk.processor.store, erased_and_back)})
    nothing_is_held(desk, desk.made())


def test_a_link_stays_with_its_identifier_when_that_turns_out_to_be_somebody_else_s(desk: Desk) -> None:
    """The message went to the address: whoever reads it there decides for that address, and for nobody else."""
    ben = identifiers(user_id="ben")
    desk.processor.send(identify(identifiers=ben + ADA, time=NOW - MINUTE))
    links = desk.made("user_id:ben"), desk.made()
    whole = desk.processor.profile("user_id", "ben")
    desk.processor.now += SECOND
    desk.processor.send(unlink_event(whole.profile_id, *ben, time=desk.processor.now))
    assert desk.processor.profile("user_id", "ben").profile_id != whole.profile_id
    desk.processor.now += SECOND
    desk.save(links[0], email=False)
    desk.catch_up()
    assert [desk.shown(link)["email"] for link in links] == [(False, True), (True, True)]
    assert desk.processor.profile("user_id", "ben").consent["email"].granted is False
    assert desk.consent()["email"] is True


OTHERS = ("ad_storage", "C0004")


@pytest.mark.parametrize(
    ("defined", "heeded"),
    [
        ((), True),
        ((Purpose(id="advertising"),), True),  # described anew, it keeps its usual signals
        ((Purpose(id="advertising", signals=OTHERS),), False),
        ((Purpose(id="advertising", signals=OTHERS), Purpose(id="sharing", signals=("gpc",))), True),
    ],
)
def test_it_is_published_that_gpc_is_heeded_only_where_it_withdraws_something(
    defined: tuple[Purpose, ...], heeded: bool
) -> None:
    desk = Desk(*defined)
    signals = ConsentSignals(purposes_of(desk.processor.definitions.current()))
    assert desk.manage.heeds_gpc() is heeded
    assert (False in hear({}, source(), signals, gpc=True, method="banner").consent.values()) is heeded
