"""An operator says that two are not one: what the API takes and refuses, and what races with it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryStream
from attune.domain.events import UNLINK, Origin, decode_record
from attune.domain.identifiers import Identifier
from attune.ports import StreamUnavailableError
from attune.use_cases.profiles.unlink_profiles import MAX_LEAVING, MAX_REASON
from tests.builders import (
    HOUR,
    NOW,
    event,
    identifiers,
    key_of,
    record,
)
from tests.faults.unlinking import unlink_event
from tests.use_cases.test_process_events import Processor
from tests.use_cases.unlinking import ADMIN, ANN, BEN, BODY, PHONE, TABLET, Desk, mixed_up, names, refused


@pytest.fixture
def desk() -> Desk:
    return mixed_up()


def test_what_is_accepted_goes_to_the_stream_under_the_profile(desk: Desk) -> None:
    answer = desk.unlink()
    [stored] = desk.stream.records
    sent = decode_record(stored.data)
    [said] = sent.events
    profile_id = desk.ann().profile_id
    assert answer == {
        "accepted": True,
        "message_id": said.message_id,
        "profile_id": profile_id,
        "unlinked": False,
    }
    assert (stored.partition_key, sent.origin, said.type) == (profile_id, Origin.INTERNAL, UNLINK)
    assert said.identifiers == BEN + PHONE
    assert said.properties["reason"] == BODY["reason"]
    assert desk.ann() == desk.ben()  # nothing has happened yet


def test_whoever_is_named_is_recorded_first(desk: Desk) -> None:
    desk.unlink()
    assert set(desk.recorded) == {key_of(one.namespace, one.value) for one in (*ANN, *BEN, *PHONE)}
    desk.stream.records.clear()

    def out_of_reach(_: object) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        desk.unlink_profiles("user_id:ann", json.dumps(BODY).encode(), out_of_reach)
    assert desk.stream.records == []


def test_any_identifier_of_the_profile_addresses_it_also_one_that_leaves(desk: Desk) -> None:
    desk.unlink("anonymous_id:phone")
    desk.carry()
    assert names(desk.ben()) == {"ben@example.com", "phone"}
    assert names(desk.ann()) == {"ann", "tablet"}


def test_only_the_admin_key_is_let_in(desk: Desk) -> None:
    desk.unlink_profiles.authorise(ADMIN)
    for token in (None, "", "another"):
        assert refused(lambda token=token: desk.unlink_profiles.authorise(token)) == (401, "unknown_admin_key")  # type: ignore[misc] # mypy: lambdas with defaults


@pytest.mark.parametrize(
    ("address", "named", "answer"),
    [
        ("user_id:nobody", ["email:ben@example.com"], (404, "unknown_profile")),
        ("nobody", ["email:ben@example.com"], (400, "invalid_identifier")),
        ("user_id:ann", ["ben@example.com"], (400, "invalid_identifier")),
        ("user_id:ann", ["email:nobody@example.com"], (409, "not_linked")),
        ("user_id:ann", ["email:ben@example.com", "user_id:dee"], (409, "not_linked")),
        (
            "user_id:ann",
            ["email:ben@example.com", "anonymous_id:phone", "user_id:ann", "anonymous_id:tablet"],
            (409, "nothing_left"),
        ),
        ("user_id:ann", [], (400, "invalid_body")),
        ("user_id:ann", ["email:ben@example.com"] * (MAX_LEAVING + 1), (400, "invalid_body")),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_sent(
    desk: Desk, address: str, named: list[str], answer: tuple[int, str]
) -> None:
    desk.processor.send(event(identifiers=identifiers(user_id="dee")))
    assert refused(lambda: desk.unlink(address, {"identifiers": named, "reason": "why"})) == answer
    assert desk.stream.records == []


@pytest.mark.parametrize(
    "body",
    [
        {"identifiers": BODY["identifiers"]},
        BODY | {"reason": "  "},
        BODY | {"reason": "x" * (MAX_REASON + 1)},
        BODY | {"reason": 1},
        BODY | {"identifiers": "email:ben@example.com"},
        BODY | {"more": 1},
    ],
)
def test_a_body_of_another_shape_is_refused(desk: Desk, body: Any) -> None:
    assert refused(lambda: desk.unlink(body=body)) == (400, "invalid_body")


def test_the_same_request_again_changes_nothing(desk: Desk) -> None:
    first, second = desk.unlink(), desk.unlink()
    assert second["message_id"] == first["message_id"]
    desk.carry()
    after = [desk.ann(), desk.ben()]
    again = desk.unlink()
    assert again == first | {"unlinked": True}
    assert desk.stream.records == []
    assert [desk.ann(), desk.ben()] == after
    assert len(desk.processor.store.all_items()) == 3  # Ann with what she absorbed, and Ben


def test_where_the_stream_is_out_of_reach_nothing_has_happened(desk: Desk) -> None:
    class Away(MemoryStream):
        def put(self, records: Any) -> None:
            raise StreamUnavailableError

    desk.unlink_profiles._stream = Away()
    with pytest.raises(StreamUnavailableError):
        desk.unlink()
    assert desk.ann() == desk.ben()


# ---------------------------------------------------------------------------------------------- races and bad input


@pytest.mark.parametrize("leaving", [PHONE, identifiers(cart_token="t")])
def test_an_identifier_that_another_worker_still_takes_for_the_old_ones_is_read_again(
    desk: Desk, leaving: tuple[Identifier, ...]
) -> None:
    """It has met the profile since, by another name; who the identifier belongs to it remembers from before."""
    desk.processor.send(event(identifiers=BEN + identifiers(cart_token="t")))
    other = Processor(store=desk.processor.store)
    other.send(event(identifiers=leaving))
    named = [f"{one.namespace}:{one.value}" for one in BEN + leaving]
    desk.unlink(body=BODY | {"identifiers": named})
    desk.carry()
    other.send(event(identifiers=ANN, message_id="another name"))
    before = desk.ann().events
    other.send(event(identifiers=leaving, message_id="after"))
    assert (desk.ann().events, desk.ben().events) == (before, 1)
    assert names(desk.ann()).isdisjoint({leaving[0].value})


def test_nothing_is_archived_for_whom_an_identifier_has_left(desk: Desk) -> None:
    other = Processor(store=desk.processor.store)
    other.send(event(identifiers=PHONE))
    desk.unlink()
    desk.carry()
    other.send(event(identifiers=ANN))
    other.send(event(identifiers=PHONE, message_id="after"))
    assert {row["profile_id"] for row in other.rows() if row["message_id"] == "after"} == {desk.ben().profile_id}


def test_in_one_batch_what_comes_before_is_the_old_ones_and_what_comes_after_the_new(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    desk.processor(
        record(event(identifiers=BEN, message_id="before", time=NOW)),
        record(event(identifiers=ANN, message_id="hers", time=NOW)),
        record(unlink_event(profile_id, *BEN, *PHONE, time=NOW)),
        record(event(identifiers=BEN, message_id="after", time=NOW)),
        record(unlink_event(profile_id, *TABLET, time=NOW)),
        record(event(identifiers=TABLET, message_id="alone", time=NOW)),
    )
    tablet = desk.processor.profile("anonymous_id", "tablet")
    assert (desk.ann().events, desk.ben().events, tablet.events) == (6, 1, 1)
    assert desk.rebuild()["incomplete"] == 0
    assert (desk.ann().events, desk.ben().events) == (3, 4)


def test_in_one_batch_the_old_one_may_merge_with_somebody_else_after_it(desk: Desk) -> None:
    """Whose rows its own then are, of a version that is not of the unlinking."""
    shop = identifiers(shopify_customer_id="7")
    desk.processor.send(event(identifiers=shop, time=NOW - 9 * HOUR))
    profile_id = desk.ann().profile_id
    desk.processor(
        record(event(identifiers=ANN, message_id="before", time=NOW)),
        record(unlink_event(profile_id, *ANN, *TABLET, time=NOW)),
        record(event(identifiers=shop + BEN, message_id="after", time=NOW)),
    )
    assert desk.rebuild()["incomplete"] == 0
    assert (desk.ann().events, desk.ben().events) == (3, 4)


def test_what_was_not_linked_any_more_when_it_was_read_changes_nothing(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    rows = len(desk.processor.lake.rows)
    before = desk.ann()
    for leaving in (BEN + identifiers(user_id="dee"), ANN + BEN + PHONE + TABLET, ()):
        desk.processor(record(unlink_event(profile_id, *leaving, time=NOW), key=profile_id))
    desk.processor(record(unlink_event("0" * 32, *BEN, time=NOW), key="0" * 32))
    assert desk.ann() == before
    assert len(desk.processor.lake.rows) == rows
    dropped = [told for name, _, told in desk.processor.counted if name == "Events" and told["outcome"] == "dropped"]
    assert [told["reason"] for told in dropped] == ["not_linked"] * 3 + ["unknown_profile"]


def test_a_client_cannot_unlink_anybody(desk: Desk) -> None:
    profile_id = desk.ann().profile_id
    sent = record(
        unlink_event(profile_id, *BEN, time=NOW), origin=Origin.CLIENT, key=key_of("email", "ben@example.com")
    )
    desk.processor(sent)
    assert desk.ann() == desk.ben()
    assert [kept.reason for kept in desk.processor.quarantine.all()] == ["reserved_name"]


def test_an_empty_mark_weighs_nothing() -> None:
    desk = Desk()
    desk.processor.send(event(identifiers=PHONE))
    item = desk.processor.item("anonymous_id", "phone")
    assert item is not None
    assert b"sp" not in msgspec.msgpack.decode(item.state)
    assert "sp" not in msgspec.msgpack.decode(item.state)
