"""One customer over HTTP, on memory adapters and the real processor behind the stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryDeliveries, MemoryHolds, MemoryKeys, MemoryStream
from attune.adapters.memory_definitions import MemoryDefinitions
from attune.domain.campaigns.deliveries import State
from attune.domain.collection import api_keys
from attune.domain.definitions.computations import Last
from attune.domain.definitions.conditions import TraitTest
from attune.domain.definitions.kinds import ComputedTrait
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.errors import AttuneError
from attune.domain.events import CONSENT, Origin, Record, decode_record
from attune.domain.identifiers import Identifier
from attune.domain.past.takeovers import NOTICE
from attune.ports import Key, StreamUnavailableError
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.manage_profiles import HOLD_LIFETIME, ManageProfiles, read_address
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Pseudonyms,
    consent_event,
    definition_list,
    delivery,
    event,
    identifiers,
    identify,
    key_of,
    score_event,
    views_segment,
)
from tests.faults.erasing import erase_event
from tests.use_cases.test_process_events import Processor


class Desk:
    """`ManageProfiles` beside a processor that works off what it puts on the stream, when told to."""

    def __init__(self) -> None:
        self.loyal = views_segment(id="loyal", when=TraitTest(trait="tier", value="gold"))
        viewed = ComputedTrait(id="bag", compute=Last(event="Bag Viewed", property="size"))
        self.processor = Processor(*definition_list(self.loyal, viewed))
        self.stream = MemoryStream()
        self.holds = MemoryHolds()
        self.deliveries = MemoryDeliveries()
        self.keys = MemoryKeys()
        self.manage = self.management(self.processor.definitions)
        self.key = self.add_key("server")[1]

    def management(self, definitions: MemoryDefinitions) -> ManageProfiles:
        return ManageProfiles(
            profiles=self.processor.store,
            deliveries=self.deliveries,
            holds=self.holds,
            definitions=definitions,
            keys=self.keys,
            stream=self.stream,
            pseudonyms=Pseudonyms(),
            in_flight=lambda _: False,
            clock=lambda: self.processor.now,
        )

    def add_key(self, key_type: Any, source: str = "shop") -> tuple[str, Key]:
        key_id, text = api_keys.new_key(key_type, lambda size: bytes([len(key_type)] * size))
        key = Key(key_id=key_id, source=source, type=key_type, digest=api_keys.digest(text), created_at=NOW)
        self.keys.add(key)
        return text, key

    def set_consent(self, address: str, body: object) -> dict[str, Any]:
        return self.manage.set_consent(address, json.dumps(body).encode(), self.key)

    def records(self) -> list[Record]:
        return [decode_record(stored.data) for stored in self.stream.records]

    def catch_up(self) -> None:
        """The stream carries what was put on it."""
        self.processor(*self.records())
        self.stream.records.clear()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(AttuneError) as caught:
        call()
    return caught.value.status, caught.value.code


def ago(duration: int) -> int:
    return NOW - duration


# ------------------------------------------------------------------------------------------------ who may ask


def test_a_server_key_is_let_in(desk: Desk) -> None:
    text, key = desk.add_key("server", source="shop")
    assert desk.manage.authorise(text) == key


def test_a_browser_key_is_told_that_it_may_not(desk: Desk) -> None:
    text, _ = desk.add_key("browser")
    assert refused(lambda: desk.manage.authorise(text)) == (403, "server_key_required")


@pytest.mark.parametrize("token", [None, "", "nonsense", "atn_s_" + "a" * 12 + "_" + "b" * 52])
def test_an_unknown_key_is_refused(desk: Desk, token: str | None) -> None:
    assert refused(lambda: desk.manage.authorise(token)) == (401, "unknown_server_key")


# ---------------------------------------------------------------------------------------------------- reading


def test_a_profile_is_shown_whole(desk: Desk) -> None:
    desk.processor.send(identify({"first_name": "Ada", "tier": "gold", "gone": None}, time=ago(HOUR)))
    desk.processor.send(*(event(time=ago(n * MINUTE)) for n in range(4)))
    shown = desk.manage.read("user_id:u1")
    consent = {"granted": True, "at": "2025-06-15T14:06:40.000Z", "source": "shop"}
    assert shown == {
        "profile_id": desk.processor.profile().profile_id,
        "traits": {"first_name": "Ada", "tier": "gold"},
        "identifiers": [
            {"namespace": "user_id", "value": "u1"},
            {"namespace": "anonymous_id", "value": "visitor"},
        ],
        "segments": ["keen", "loyal"],
        "lists": [],
        "consent": {"analytics": consent, "email": consent, "personalization": consent},
        "scores": {},
        "deliveries": [],
    }
    assert desk.manage.read("anonymous_id:visitor") == shown


def test_scores_are_shown_with_their_version_and_instant(desk: Desk) -> None:
    desk.processor.send(event(time=ago(HOUR)))
    owner = desk.processor.profile().profile_id
    desk.processor.send(score_event(owner, "vip", version="run-7", at=ago(MINUTE)))
    assert desk.manage.read("anonymous_id:visitor")["scores"] == {
        "shopper_clusters": {"value": "vip", "version": "run-7", "at": "2025-06-15T15:05:40.000Z"}
    }


@pytest.mark.parametrize(("purpose", "shown"), [("personalization", False), ("email", True)])
def test_scores_are_hidden_as_soon_as_a_withdrawal_is_held(desk: Desk, purpose: str, shown: bool) -> None:
    desk.processor.send(event(time=ago(HOUR)))
    desk.processor.send(score_event(desk.processor.profile().profile_id, at=ago(MINUTE)))
    desk.set_consent("anonymous_id:visitor", {"consent": {purpose: False}})
    assert bool(desk.manage.read("anonymous_id:visitor")["scores"]) is shown
    assert desk.processor.profile().scores
    desk.catch_up()
    assert bool(desk.processor.profile().scores) is shown


@pytest.mark.parametrize(("purpose", "shown"), [("personalization", False), ("$restriction", False), ("email", True)])
def test_segments_and_computed_traits_are_hidden_as_soon_as_a_withdrawal_is_held(
    desk: Desk, purpose: str, shown: bool
) -> None:
    desk.processor.send(*(event(time=ago(n * MINUTE)) for n in range(4)), event("Bag Viewed", properties={"size": "L"}))
    desk.holds.place(key_of("anonymous_id", "visitor"), {purpose: NOW}, NOW)
    read = desk.manage.read("anonymous_id:visitor")
    assert read["segments"] == (["keen"] if shown else [])
    assert read["traits"] == ({"bag": "L"} if shown else {})


def test_segments_are_true_at_the_moment_of_reading(desk: Desk) -> None:
    desk.processor.send(*(event(time=ago(n * MINUTE)) for n in range(4)))
    assert desk.manage.read("anonymous_id:visitor")["segments"] == ["keen"]
    desk.processor.now = ago(3 * MINUTE) + DAY - 1
    assert desk.manage.read("anonymous_id:visitor")["segments"] == ["keen"]
    desk.processor.now += 1
    assert desk.manage.read("anonymous_id:visitor")["segments"] == []


def test_a_segment_that_is_redefined_shows_from_the_instant_at_which_it_takes_over(desk: Desk) -> None:
    desk.processor.send(identify({"tier": "gold"}))
    definitions = MemoryDefinitions(definition_list(desk.loyal), clock=lambda: desk.processor.now)
    desk.manage = desk.management(definitions)
    changed = views_segment(id="loyal", when=TraitTest(trait="tier", value="silver"))
    definitions.put(changed, read_version=1)
    desk.processor.now += NOTICE - 1
    assert desk.manage.read("user_id:u1")["segments"] == ["loyal"]
    desk.processor.now += 1
    assert desk.manage.read("user_id:u1")["segments"] == []


@pytest.mark.parametrize(
    ("address", "identifier"),
    [
        ("email:Ada@Example.com ", Identifier("email", "ada@example.com")),
        ("user_id:a:b:c", Identifier("user_id", "a:b:c")),
        ("user_id:100%", Identifier("user_id", "100%")),
        ("user_id:%41", Identifier("user_id", "%41")),
        ("phone:+49 (151) 234", Identifier("phone", "+49151234")),
        ("user_id:ü ñ+1", Identifier("user_id", "ü ñ+1")),
    ],
)
def test_an_address_is_split_at_the_first_colon_and_normalised(address: str, identifier: Identifier) -> None:
    assert read_address(address) == identifier


@pytest.mark.parametrize(
    "address", ["", "user_id", "user_id:", ":u1", "user_id:null", "User Id:u1", "email:nobody", "user_id:" + "x" * 513]
)
def test_an_address_that_identifies_nobody_is_refused(desk: Desk, address: str) -> None:
    assert refused(lambda: desk.manage.read(address)) == (400, "invalid_identifier")
    assert refused(lambda: desk.set_consent(address, {"consent": {"email": True}})) == (400, "invalid_identifier")


def test_an_unknown_person_is_a_404(desk: Desk) -> None:
    assert refused(lambda: desk.manage.read("user_id:nobody")) == (404, "unknown_profile")


def test_a_merge_is_followed_and_the_deliveries_of_both_are_shown(desk: Desk) -> None:
    desk.processor.send(event(identifiers=identifiers(anonymous_id="visitor"), time=ago(2 * HOUR)))
    desk.processor.send(event(identifiers=identifiers(email="ada@example.com"), time=ago(HOUR)))
    founded = [
        desk.processor.profile(*who).profile_id for who in (("anonymous_id", "visitor"), ("email", "ada@example.com"))
    ]
    for number, owner in enumerate(founded):
        sent = delivery(profile_id=owner, delivery_id=f"msg_{number}", created_at=ago(HOUR) + number)
        desk.deliveries.claim(sent)
    desk.processor.send(event(identifiers=identifiers(email="ada@example.com", anonymous_id="visitor")))
    shown = desk.manage.read("anonymous_id:visitor")
    assert shown["profile_id"] in founded
    assert shown == desk.manage.read("email:ada@example.com")
    assert [one["delivery_id"] for one in shown["deliveries"]] == ["msg_1", "msg_0"]


def test_deliveries_are_the_newest_fifty_newest_first(desk: Desk) -> None:
    desk.processor.send(identify())
    owner = desk.processor.profile().profile_id
    for number in range(60):
        state = State.NOT_SENT if number == 59 else State.DELIVERED
        reason = "no_consent" if number == 59 else ""
        desk.deliveries.claim(
            delivery(
                profile_id=owner,
                delivery_id=f"msg_{number:02}",
                created_at=NOW + number,
                state=state,
                reason=reason,
                body="the message itself",
            )
        )
    shown = desk.manage.read("user_id:u1")["deliveries"]
    assert [one["delivery_id"] for one in shown] == [f"msg_{number:02}" for number in range(59, 9, -1)]
    assert shown[0] == {
        "delivery_id": "msg_59",
        "campaign": "cart_reminder",
        "state": "not_sent",
        "reason": "no_consent",
        "created_at": "2025-06-15T15:06:40.059Z",
    }


def test_deliveries_that_are_past_their_time_are_not_shown_and_take_nobody_s_place(desk: Desk) -> None:
    desk.processor.send(identify())
    owner = desk.processor.profile().profile_id
    desk.deliveries.claim(delivery(profile_id=owner, delivery_id="msg_kept", channel="other", created_at=ago(50 * DAY)))
    for number in range(60):
        desk.deliveries.claim(delivery(profile_id=owner, delivery_id=f"msg_{number:02}", created_at=ago(40 * DAY)))
    assert "msg_kept" not in {one["delivery_id"] for one in desk.manage.read("user_id:u1")["deliveries"]}
    desk.processor.definitions.put(Purpose(id="email", retention=Retention(messages="31d")), read_version=None)
    assert [one["delivery_id"] for one in desk.manage.read("user_id:u1")["deliveries"]] == ["msg_kept"]
    desk.processor.now += 90 * DAY
    assert desk.manage.read("user_id:u1")["deliveries"] == []


def test_what_is_shown_is_json(desk: Desk) -> None:
    desk.processor.send(identify({"nested": {"a": [1, 2.5, True, None]}, "text": "ü\u2028"}))
    shown = desk.manage.read("user_id:u1")
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


# ---------------------------------------------------------------------------------------------------- consent


def test_a_consent_change_goes_onto_the_stream_and_into_the_profile(desk: Desk) -> None:
    desk.processor.send(identify())
    desk.processor.now += SECOND
    answer = desk.set_consent("user_id:u1", {"consent": {"sms": True, "email": False}})
    [record] = desk.records()
    [said] = record.events
    assert answer == {"accepted": True, "message_id": said.message_id}
    assert (record.source, record.origin, record.trusted) == ("shop", Origin.INTERNAL, True)
    assert record.key == key_of("user_id", "u1") == desk.stream.records[0].partition_key
    assert (said.type, said.time, said.consent) == (CONSENT, NOW + SECOND, {"sms": True, "email": False})
    desk.catch_up()
    shown = desk.manage.read("user_id:u1")["consent"]
    at = "2025-06-15T15:06:41.000Z"
    assert shown["sms"] == {"granted": True, "at": at, "source": "shop"}
    assert shown["email"] == {"granted": False, "at": at, "source": "shop"}
    assert shown["analytics"]["granted"] is True


def test_a_withdrawal_is_held_before_the_stream_has_carried_it(desk: Desk) -> None:
    desk.processor.send(identify())
    desk.processor.now += SECOND
    desk.set_consent("user_id:u1", {"consent": {"email": False, "sms": True}})
    assert desk.holds.held([key_of("user_id", "u1")]) == {"email": NOW + SECOND}
    assert desk.holds.expires_at[key_of("user_id", "u1")] == (NOW + SECOND) // 1_000 + HOLD_LIFETIME
    shown = desk.manage.read("anonymous_id:visitor")["consent"]
    assert shown["email"] == {"granted": False, "at": "2025-06-15T15:06:41.000Z", "source": "hold"}
    assert "sms" not in shown
    desk.catch_up()
    assert desk.manage.read("user_id:u1")["consent"]["email"]["source"] == "shop"


def test_a_grant_that_has_expired_is_shown_as_none_with_its_end(desk: Desk) -> None:
    desk.processor = Processor(Purpose(id="email", expires_after="1d"))
    desk.manage = desk.management(desk.processor.definitions)
    desk.processor.send(
        consent_event({"analytics": True, "email": True}, identifiers=identifiers(user_id="u1"), time=NOW)
    )
    ends = {"at": iso(NOW), "source": "shop", "until": iso(NOW + DAY)}
    for later, granted in ((DAY - 1, True), (DAY, False)):
        desk.processor.now = NOW + later
        assert desk.manage.read("user_id:u1")["consent"]["email"] == {"granted": granted} | ends


def test_a_grant_after_a_withdrawal_counts_while_the_hold_is_still_there(desk: Desk) -> None:
    desk.processor.send(identify())
    for granted in (False, True):
        desk.processor.now += SECOND
        desk.set_consent("user_id:u1", {"consent": {"email": granted}})
    desk.catch_up()
    assert desk.manage.read("user_id:u1")["consent"]["email"]["granted"] is True


def test_a_grant_places_no_hold(desk: Desk) -> None:
    desk.set_consent("user_id:u1", {"consent": {"email": True}})
    assert desk.holds.expires_at == {}


def test_when_the_stream_is_out_of_reach_the_withdrawal_is_held_all_the_same(desk: Desk) -> None:
    class Down(MemoryStream):
        def put(self, records: Any) -> None:
            raise StreamUnavailableError

    desk.manage._stream = Down()
    with pytest.raises(StreamUnavailableError):
        desk.set_consent("user_id:u1", {"consent": {"email": False}})
    assert desk.holds.held([key_of("user_id", "u1")]) == {"email": NOW}


def test_consent_of_an_unknown_person_makes_a_profile_of_consent_only(desk: Desk) -> None:
    desk.set_consent("email:Ada@Example.com", {"consent": {"email": False}})
    desk.catch_up()
    shown = desk.manage.read("email:ada@example.com")
    assert shown["consent"] == {"email": {"granted": False, "at": "2025-06-15T15:06:40.000Z", "source": "shop"}}
    assert (shown["traits"], shown["segments"]) == ({}, [])


def test_consent_counts_from_when_it_was_given(desk: Desk) -> None:
    desk.processor.send(consent_event({"email": True}, identifiers=identifiers(user_id="u1"), time=ago(HOUR)))
    desk.set_consent("user_id:u1", {"consent": {"email": False}, "effective_at": "2025-06-15T13:00:00Z"})
    desk.catch_up()
    assert desk.manage.read("user_id:u1")["consent"]["email"]["granted"] is True
    desk.set_consent("user_id:u1", {"consent": {"email": False}, "effective_at": "2025-06-15T17:00:00+02:00"})
    shown = desk.manage.read("user_id:u1")["consent"]["email"]
    assert (shown["granted"], shown["at"]) == (False, "2025-06-15T15:00:00.000Z")


def test_a_callers_clock_that_is_a_little_ahead_is_set_to_now(desk: Desk) -> None:
    desk.set_consent("user_id:u1", {"consent": {"email": False}, "effective_at": "2025-06-15T15:11:40Z"})
    assert desk.records()[0].events[0].time == NOW
    assert desk.holds.held([key_of("user_id", "u1")]) == {"email": NOW}


@pytest.mark.parametrize(
    "effective_at", ["2025-06-15T15:11:40.001Z", "1999-12-31T23:59:59Z", "yesterday", "", "-5", "9999999999999"]
)
def test_a_time_that_cannot_be_meant_is_refused_and_nothing_happens(desk: Desk, effective_at: str) -> None:
    body = {"consent": {"email": False}, "effective_at": effective_at}
    assert refused(lambda: desk.set_consent("user_id:u1", body)) == (400, "invalid_time")
    assert (desk.stream.records, desk.holds.expires_at) == ([], {})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"consent": {"emails": True}}, "unknown_purpose"),
        ({"consent": {}}, "invalid_body"),
        ({}, "invalid_body"),
        ([], "invalid_body"),
        ({"consent": {"email": "yes"}}, "invalid_body"),
        ({"consent": {"email": 1}}, "invalid_body"),
        ({"consent": {"email": None}}, "invalid_body"),
        ({"consent": {"email": True}, "source": "me"}, "invalid_body"),
        ({"consent": {"email": True}, "effective_at": 5}, "invalid_body"),
    ],
)
def test_a_change_that_says_nothing_clear_is_refused(desk: Desk, body: object, code: str) -> None:
    assert refused(lambda: desk.set_consent("user_id:u1", body)) == (400, code)
    assert (desk.stream.records, desk.holds.expires_at) == ([], {})


def test_the_same_change_sent_again_is_the_same_message(desk: Desk) -> None:
    body = {"consent": {"email": True}, "effective_at": "2025-06-15T15:00:00Z"}
    first = desk.set_consent("user_id:u1", body)
    desk.processor.now += MINUTE
    assert desk.set_consent("user_id:u1", body) == first
    assert desk.set_consent("user_id:u2", body) != first
    assert desk.set_consent("user_id:u1", body | {"consent": {"email": False}}) != first


def test_who_comes_back_after_an_erasure_is_not_shown_what_was_sent_before(desk: Desk) -> None:
    """Also not what was sent to somebody who had become one with them, and is found by the same identifier."""
    phone, linked = identifiers(anonymous_id="phone"), identifiers(user_id="u1", anonymous_id="phone")
    desk.processor.send(event(identifiers=phone))
    old = desk.processor.profile("anonymous_id", "phone").profile_id
    desk.deliveries.claim(delivery(profile_id=old))
    desk.processor.send(identify({}, identifiers=identifiers(user_id="u1")))
    desk.processor.send(event(identifiers=linked))
    assert len(desk.manage.read("user_id:u1")["deliveries"]) == 1
    desk.processor.send(erase_event(*identifiers(user_id="u1")))
    desk.processor.now += MINUTE
    desk.processor.send(identify({}, identifiers=identifiers(user_id="u1"), time=desk.processor.now))
    desk.processor.send(event(identifiers=phone, time=desk.processor.now))
    desk.processor.send(event(identifiers=linked, time=desk.processor.now))
    assert desk.manage.read("user_id:u1")["deliveries"] == []
