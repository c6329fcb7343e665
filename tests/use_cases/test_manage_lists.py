"""Lists from a call of the API to who is in a segment, on memory adapters and the real processor behind the stream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attune.adapters.memory import MemoryStream
from attune.domain.definitions.conditions import AllOf, ListTest, NotOf, Performed
from attune.domain.definitions.kinds import Segment
from attune.domain.events import LIST, Origin, Record
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.ports import StreamUnavailableError
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.manage_lists import MAX_ADDRESSES, ManageLists
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    Pseudonyms,
    consent_event,
    event,
    identifiers,
    identify,
    key_of,
    segments_of,
)
from tests.faults.effort import examples
from tests.faults.test_order import fixed
from tests.use_cases.test_manage_profiles import Desk, refused

GUESTS = Segment(id="guests", when=ListTest(list="fair_2026"))
REST = Segment(
    id="rest", when=AllOf(conditions=(Performed(event="Product Viewed"), NotOf(condition=ListTest(list="fair_2026"))))
)
EVERYBODY = {"analytics": True, "personalization": True}


class ListDesk(Desk):
    """The desk, where lists are kept too."""

    def __init__(self) -> None:
        super().__init__()
        for segment in (GUESTS, REST):
            self.processor.definitions.put(segment, read_version=None)
        self.lists = ManageLists(
            profiles=self.processor.store,
            definitions=self.processor.definitions,
            stream=self.stream,
            pseudonyms=Pseudonyms(),
            clock=lambda: self.processor.now,
        )
        #: identity keys that access records name
        self.recorded: list[str] = []

    def change(self, name: str = "fair_2026", **said: Any) -> dict[str, Any]:
        return self.lists.change(name, json.dumps(said).encode(), self.key, self.recorded.extend)

    def shown(self, address: str) -> tuple[list[str], list[str]]:
        """Lists and segments of a profile, as the API shows them."""
        profile = self.manage.read(address)
        return profile["lists"], profile["segments"]


@pytest.fixture
def desk() -> ListDesk:
    """One person whom everything is known of, since an hour."""
    desk = ListDesk()
    desk.processor.send(identify(time=NOW - HOUR))
    return desk


# ------------------------------------------------------------------------------------------------ who is on a list


def test_who_is_put_on_a_list_enters_its_segment_at_the_calls_instant_and_leaves_it_when_taken_off(
    desk: ListDesk,
) -> None:
    assert desk.shown("user_id:u1") == ([], [])
    assert desk.change(add=["user_id:u1"]) == {"accepted": 1, "unknown": 0, "effective_at": iso(NOW)}
    desk.catch_up()
    assert desk.shown("anonymous_id:visitor") == (["fair_2026"], ["guests"])
    desk.processor.now += MINUTE
    desk.change(remove=["anonymous_id:visitor"])
    desk.catch_up()
    assert desk.shown("user_id:u1") == ([], [])
    assert desk.processor.outbox() == [SegmentEntered("guests", NOW), SegmentLeft("guests", NOW + MINUTE - 1)]


def test_a_list_is_one_condition_among_others(desk: ListDesk) -> None:
    desk.processor.send(event(time=NOW - MINUTE))
    assert desk.shown("user_id:u1") == ([], ["rest"])
    desk.change(add=["user_id:u1"])
    desk.catch_up()
    assert desk.shown("user_id:u1") == (["fair_2026"], ["guests"])


def test_everybody_who_is_named_is_recorded_before_anything_is_said_of_them(desk: ListDesk) -> None:
    desk.change(add=["user_id:u1", "email:Ada@Example.com"], remove=["phone:+49 170 123456"])
    named = {key_of("user_id", "u1"), key_of("email", "ada@example.com"), key_of("phone", "+49170123456")}
    assert set(desk.recorded) == named
    before = len(desk.stream.records)

    def out_of_reach(_: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        desk.lists.change("fair_2026", b'{"add": ["user_id:u1"]}', desk.key, out_of_reach)
    assert len(desk.stream.records) == before


def test_lists_have_nothing_to_do_with_each_other(desk: ListDesk) -> None:
    desk.change("vips", add=["user_id:u1"])
    desk.change(add=["user_id:u1"])
    desk.catch_up()
    assert desk.shown("user_id:u1")[0] == ["fair_2026", "vips"]
    desk.processor.now += MINUTE
    desk.change("vips", remove=["user_id:u1"])
    desk.catch_up()
    assert desk.shown("user_id:u1")[0] == ["fair_2026"]


def test_each_address_is_an_event_of_its_own_where_everything_about_it_is_read_in_order(desk: ListDesk) -> None:
    desk.change(add=["user_id:u1", "email:Ada@Example.com", "email:ada@example.com "], remove=["phone:+49 170 123456"])
    records = desk.records()
    assert {record.key for record in records} == {
        key_of("user_id", "u1"),
        key_of("email", "ada@example.com"),
        key_of("phone", "+49170123456"),
    }
    assert all(record.origin is Origin.INTERNAL and record.trusted and record.source == "shop" for record in records)
    said = {(one.identifiers[0].namespace, one.properties["on"]) for record in records for one in record.events}
    assert said == {("user_id", True), ("email", True), ("phone", False)}
    assert {one.type for record in records for one in record.events} == {LIST}


def test_whom_nobody_knows_is_founded_by_no_list_and_counted(desk: ListDesk) -> None:
    assert desk.change(add=["user_id:u1", "email:nobody@example.com"], remove=["user_id:nobody"])["unknown"] == 2
    desk.catch_up()
    assert desk.processor.item("email", "nobody@example.com") is None
    assert desk.processor.item("user_id", "nobody") is None
    desk.processor.send(event(identifiers=identifiers(email="nobody@example.com"), time=NOW))
    assert desk.shown("email:nobody@example.com")[0] == []


def test_who_refuses_to_be_stored_is_not_listed_and_is_still_taken_off(desk: ListDesk) -> None:
    """Or the next grant would find them on a list that they were taken off."""
    desk.change(add=["user_id:u1"])
    desk.catch_up()
    desk.processor.now += MINUTE
    no = dict.fromkeys(EVERYBODY, False)
    desk.processor.send(consent_event(no, identifiers=identifiers(user_id="u1"), time=desk.processor.now))
    assert desk.shown("user_id:u1") == (["fair_2026"], [])
    desk.processor.now += MINUTE
    desk.change("vips", add=["user_id:u1"])
    desk.change(remove=["user_id:u1"])
    desk.catch_up()
    desk.processor.now += MINUTE
    desk.processor.send(consent_event(EVERYBODY, identifiers=identifiers(user_id="u1"), time=desk.processor.now))
    assert desk.shown("user_id:u1") == ([], [])


def test_nobody_is_in_a_lists_segment_without_consent_to_it(desk: ListDesk) -> None:
    stored = {"analytics": True, "personalization": False}
    desk.processor.send(event(identifiers=identifiers(email="a@b.com"), consent=stored, time=NOW - MINUTE))
    desk.change(add=["email:a@b.com"])
    desk.catch_up()
    assert desk.shown("email:a@b.com") == (["fair_2026"], [])


def test_a_list_links_nobody_who_is_named_in_one_call(desk: ListDesk) -> None:
    desk.processor.send(event(identifiers=identifiers(email="a@b.com"), time=NOW - MINUTE))
    desk.change(add=["user_id:u1", "email:a@b.com"])
    desk.catch_up()
    assert desk.manage.read("user_id:u1")["profile_id"] != desk.manage.read("email:a@b.com")["profile_id"]


# --------------------------------------------------------------------------------------------- the last word counts


def test_who_is_taken_off_by_an_old_address_and_put_on_by_a_new_one_is_on_the_list(desk: ListDesk) -> None:
    """Whatever their addresses' hashes say."""
    for number in range(8):
        name = f"list_{number}"
        desk.change(name, add=["user_id:u1"], effective_at=iso(NOW - MINUTE))
        desk.change(name, add=["user_id:u1"], remove=["anonymous_id:visitor"])
    desk.catch_up()
    assert len(desk.shown("user_id:u1")[0]) == 8


def test_who_was_taken_off_may_come_back(desk: ListDesk) -> None:
    me = ["user_id:u1"]
    for add, remove in ((me, []), ([], me), (me, [])):
        desk.processor.now += MINUTE
        desk.change(add=add, remove=remove)
        desk.catch_up()
    assert desk.shown("user_id:u1") == (["fair_2026"], ["guests"])


def test_what_was_said_of_an_earlier_instant_changes_nothing_that_was_said_of_a_later_one(desk: ListDesk) -> None:
    desk.change(remove=["user_id:u1"])
    desk.change(add=["user_id:u1"], effective_at="2025-06-15T14:30:00Z")
    desk.catch_up()
    assert desk.shown("user_id:u1") == ([], [])


def test_the_same_call_sent_again_is_the_same_messages_and_changes_nothing(desk: ListDesk) -> None:
    said = {"add": ["user_id:u1"], "effective_at": desk.change(add=["user_id:u1"])["effective_at"]}
    desk.processor.now += MINUTE
    assert desk.change(**said)["accepted"] == 1
    first, second = desk.records()
    assert first.events == second.events
    desk.catch_up()
    counts = [counted for counted in desk.processor.counted if counted[0] == "Events"][-2:]
    assert ("Events", 1, {"outcome": "duplicate", "reason": "event"}) in counts
    assert len([row for row in desk.processor.rows() if row.get("type") == LIST]) == 1


@settings(fixed, max_examples=examples(25))
@given(st.data())
def test_the_last_word_counts_in_any_order_repeated_and_over_a_merge(data: st.DataObject) -> None:
    """Two who turn out to be one at some time; of either it is said when they are on lists, in any order."""
    desk = ListDesk()
    for person in ({"anonymous_id": "visitor"}, {"user_id": "u1"}):
        desk.processor.send(event(identifiers=identifiers(**person), time=NOW - HOUR))
    words = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["fair_2026", "vips"]),
                st.booleans(),
                st.sampled_from(["anonymous_id:visitor", "user_id:u1"]),
                st.integers(1, 500),
            ),
            min_size=1,
            max_size=8,
            unique_by=lambda word: word[3],
        )
    )
    for name, on, address, minutes in words:
        # ten seconds apart at least: being taken off counts a millisecond earlier
        at = iso(NOW - HOUR + 1_000 + minutes * 5_000)
        desk.change(name, **{"add" if on else "remove": [address]}, effective_at=at)
    merge = Record(source="shop", origin=Origin.CLIENT, received_at=NOW, key=key_of("user_id", "u1"), trusted=True)
    merge = msgspec.structs.replace(merge, events=(identify(message_id="merge", time=NOW - HOUR),))
    told = data.draw(st.permutations([*desk.records(), merge]))
    repeated = data.draw(st.lists(st.sampled_from(told), max_size=4))
    for record in (*told, *repeated):
        desk.processor(record)
    last = {name: on for _, name, on in sorted((minutes, name, on) for name, on, _, minutes in words)}
    assert desk.manage.read("user_id:u1")["lists"] == sorted(name for name, on in last.items() if on)
    assert ("guests" in segments_of(desk.processor.profile())) == last.get("fair_2026", False)


# -------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("name", ["", "VIPs", "a list", "1st", "-", "a" * 65, "ümlaut", "a/b", "vips\n"])
def test_a_list_has_a_name_like_any_definition(desk: ListDesk, name: str) -> None:
    assert refused(lambda: desk.change(name, add=["user_id:u1"])) == (400, "invalid_list")
    assert desk.stream.records == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "invalid_body"),
        ({"add": [], "remove": []}, "invalid_body"),
        ({"add": "user_id:u1"}, "invalid_body"),
        ({"add": [{"user_id": "u1"}]}, "invalid_body"),
        ({"add": ["user_id:u1"], "list": "vips"}, "invalid_body"),
        ({"add": ["user_id:u1", "email:A@b.com"], "remove": ["email:a@b.com"]}, "invalid_body"),
        ({"add": [f"user_id:u{number}" for number in range(MAX_ADDRESSES + 1)]}, "invalid_body"),
        ({"add": ["user_id:u1", "u2"]}, "invalid_identifier"),
        ({"add": ["user_id:u1", "email:null"]}, "invalid_identifier"),
        ({"add": ["user_id:u1"], "effective_at": "2025-06-15T15:11:40.001Z"}, "invalid_time"),
        ({"add": ["user_id:u1"], "effective_at": "soon"}, "invalid_time"),
    ],
)
def test_a_call_that_says_nothing_clear_is_refused_and_nobody_of_it_is_listed(
    desk: ListDesk, said: dict[str, Any], code: str
) -> None:
    assert refused(lambda: desk.change(**said)) == (400, code)
    assert desk.stream.records == []


def test_a_whole_call_fits_the_stream_at_once(desk: ListDesk) -> None:
    addresses = [f"user_id:u{number}" for number in range(MAX_ADDRESSES)]
    assert desk.change(add=addresses)["accepted"] == len(desk.records()) == MAX_ADDRESSES


def test_what_the_stream_does_not_take_is_not_accepted_and_may_be_sent_again(desk: ListDesk) -> None:
    class Full(MemoryStream):
        def put(self, records: Sequence[tuple[str, bytes]]) -> None:
            raise StreamUnavailableError

    asked = json.dumps({"add": ["user_id:u1"]}).encode()
    refusing = ManageLists(
        profiles=desk.processor.store,
        definitions=desk.processor.definitions,
        stream=Full(),
        pseudonyms=Pseudonyms(),
        clock=lambda: desk.processor.now,
    )
    with pytest.raises(StreamUnavailableError):
        refusing.change("fair_2026", asked, desk.key, desk.recorded.extend)
    assert desk.lists.change("fair_2026", asked, desk.key, desk.recorded.extend)["accepted"] == 1


def test_a_client_puts_nobody_on_a_list(desk: ListDesk) -> None:
    forged = event("", type=LIST, properties={"list": "fair_2026", "on": True}, identifiers=identifiers(user_id="u1"))
    record = Record(
        source="shop",
        origin=Origin.CLIENT,
        received_at=NOW,
        key=key_of("user_id", "u1"),
        trusted=True,
        events=(forged,),
    )
    desk.processor(record)
    assert desk.shown("user_id:u1") == ([], [])
    assert ("Events", 1, {"outcome": "quarantined", "reason": "reserved_name"}) in desk.processor.counted
