"""What a batch of the stream does to profiles: the story of a shopper, told to the processor event by event."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from attune.adapters.cached_profiles import CachedProfiles
from attune.adapters.memory import (
    MemoryChampions,
    MemoryDefinitions,
    MemoryLake,
    MemoryProfiles,
    MemoryQuarantine,
    PlainSeal,
)
from attune.domain.definitions.kinds import snapshot
from attune.domain.events import PREFERENCE_UPDATE, Origin, Record, Rejected, encode_record, short_hash
from attune.domain.identifiers import Identifier
from attune.domain.processing.verdicts import MAX_CLEAR
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import compile_segments, members
from attune.ports import Commit, ConflictError, Due
from attune.sources.shopify import read_webhook
from attune.use_cases.collection.receive_webhook import MAX_WEBHOOK
from attune.use_cases.processing.process_events import MAX_ATTEMPTS, ProcessEvents, StreamRecord
from attune.use_cases.processing.wake_profiles import wake
from attune.use_cases.profiles.find_profiles import find
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Pseudonyms,
    consent_event,
    definition_list,
    event,
    identifiers,
    identify,
    key_of,
    record,
    segments_of,
    source,
)

if TYPE_CHECKING:
    from attune.domain.profiles.changes import Change
    from attune.ports import ProfileItem


class Processor:
    """`ProcessEvents` on memory adapters, with a clock the test sets and a stream position that goes up."""

    def __init__(self, *definitions: Any, store: MemoryProfiles | None = None) -> None:
        self.now = NOW
        self.store = store or MemoryProfiles()
        self.lake = MemoryLake()
        self.quarantine = MemoryQuarantine(Pseudonyms().key)
        self.counted: list[tuple[str, int, dict[str, Any]]] = []
        self.delays: list[tuple[str, int]] = []
        self.definitions = MemoryDefinitions(definitions or definition_list())
        self.champions = MemoryChampions()
        self._sequence = itertools.count(10**55)
        self.process = ProcessEvents(
            profiles=CachedProfiles(self.store),
            lake=self.lake,
            quarantine=self.quarantine,
            definitions=self.definitions,
            champions=self.champions,
            pseudonyms=Pseudonyms(),
            seal=PlainSeal(),
            clock=lambda: self.now,
            epoch=1,
            count=lambda name, value, dimensions: self.counted.append((name, value, dict(dimensions))),
            pause=lambda _: None,
            elapsed=lambda name, since: self.delays.append((name, self.now - since)),
        )

    def __call__(self, *records: Record) -> list[StreamRecord]:
        """Deliver records as one batch; answers them as delivered, to deliver them again."""
        delivered = [StreamRecord(r.key, str(next(self._sequence)), encode_record(r)) for r in records]
        assert self.process(delivered) == []
        return delivered

    def send(self, *events: Any, **overrides: Any) -> list[StreamRecord]:
        """One record of these events, received at the clock's time."""
        return self(record(*events, **({"received_at": self.now} | overrides)))

    def item(self, namespace: str, value: str) -> ProfileItem | None:
        return find(self.store, {key_of(namespace, value)}, consistent=True).get(key_of(namespace, value))

    def profile(self, namespace: str = "anonymous_id", value: str = "visitor") -> Profile:
        item = self.item(namespace, value)
        assert item is not None
        return decode_profile(item.state)

    def wake(self, profile_id: str) -> None:
        self(wake(Due(self.now, profile_id), self.now))

    def outbox(self) -> list[Change]:
        """Everything campaigns were told, in order."""
        return [change for item in self.store.images() for change in item.outbox]

    def rows(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(row) for row in self.lake.rows]


@pytest.fixture
def processor() -> Processor:
    return Processor()


def test_the_fourth_view_enters_the_segment_at_its_own_time(processor: Processor) -> None:
    for hours in (3, 2, 1, 0):
        processor.send(event(time=NOW - hours * HOUR))
    assert processor.outbox() == [SegmentEntered("keen", NOW)]
    assert segments_of(processor.profile()) == ["keen"]


def test_what_a_commit_caused_is_told_by_that_commit_only(processor: Processor) -> None:
    """The item holds it until the next write: its stream has told it by then."""
    for number in range(4):
        processor.send(event(time=NOW - number * HOUR))
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert item.outbox == (SegmentEntered("keen", NOW),)
    processor.send(event("Page"))
    processor.send(event("Page"))
    assert processor.outbox() == [SegmentEntered("keen", NOW)]


def test_the_segment_is_left_when_the_fourth_newest_view_is_24_hours_old(processor: Processor) -> None:
    processor.send(*(event(time=NOW - hours * HOUR) for hours in (3, 2, 1, 0)))
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert item.due_at == NOW + 21 * HOUR
    processor.now = NOW + 21 * HOUR - 1
    processor.wake(item.profile_id)
    assert segments_of(processor.profile()) == ["keen"]
    processor.now = NOW + 21 * HOUR + 40 * SECOND
    processor.wake(item.profile_id)
    assert segments_of(processor.profile()) == []
    assert processor.outbox()[-1] == SegmentLeft("keen", NOW + 21 * HOUR)


def test_an_abandoned_cart_is_told_once_its_grace_is_over(processor: Processor) -> None:
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p1", "name": "Shirt"}))
    item = processor.item("anonymous_id", "visitor")
    assert item is not None
    assert item.due_at == NOW + 15 * MINUTE
    processor.now = NOW + 15 * MINUTE
    processor.wake(item.profile_id)
    assert segments_of(processor.profile()) == ["abandoned_cart"]
    assert processor.outbox() == []
    processor.now = NOW + 17 * MINUTE
    processor.wake(item.profile_id)
    processor.wake(item.profile_id)
    assert processor.outbox() == [SegmentEntered("abandoned_cart", NOW + 15 * MINUTE, "c1")]


def test_an_order_within_the_grace_cancels_the_reminder_though_it_comes_late(processor: Processor) -> None:
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p1"}))
    profile_id = processor.profile().profile_id
    processor.now = NOW + 16 * MINUTE
    processor.wake(profile_id)
    processor.send(event("Order Completed", time=NOW + 14 * MINUTE, properties={"cart_id": "c1"}))
    processor.now = NOW + 30 * MINUTE
    processor.wake(profile_id)
    assert processor.outbox() == []
    assert segments_of(processor.profile()) == []


def test_a_cart_that_is_touched_again_starts_its_timer_again(processor: Processor) -> None:
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p1"}))
    processor.now = NOW + 10 * MINUTE
    processor.send(event("Product Added", time=processor.now, properties={"cart_id": "c1", "product_id": "p2"}))
    processor.now = NOW + 17 * MINUTE
    processor.wake(processor.profile().profile_id)
    assert segments_of(processor.profile()) == []
    processor.now = NOW + 27 * MINUTE
    processor.wake(processor.profile().profile_id)
    assert processor.outbox() == [SegmentEntered("abandoned_cart", NOW + 25 * MINUTE, "c1")]


def test_the_visitor_who_logs_in_brings_views_and_cart_along(processor: Processor) -> None:
    processor.send(identify({"first_name": "Ada"}, identifiers=identifiers(user_id="u1", email="ada@example.com")))
    processor.send(event(time=NOW), event(time=NOW + 1), event(time=NOW + 2))
    assert processor.profile().profile_id != processor.profile("user_id", "u1").profile_id
    processor.send(event(time=NOW + 3, identifiers=identifiers(user_id="u1", anonymous_id="visitor")))
    merged = processor.profile("user_id", "u1")
    assert processor.profile().profile_id == merged.profile_id
    assert merged.events == 5
    assert segments_of(merged) == ["keen"]
    assert [row["verdict"] for row in processor.rows()].count("merged") == 1


def test_a_shared_device_does_not_join_two_customers(processor: Processor) -> None:
    processor.send(identify({"first_name": "Ada"}))
    processor.send(identify({"first_name": "Bob"}, identifiers=identifiers(user_id="u2", anonymous_id="visitor")))
    assert processor.profile("user_id", "u1").trait_values() == {"first_name": "Ada"}
    assert processor.profile("user_id", "u2").trait_values() == {"first_name": "Bob"}
    assert processor.profile().profile_id == processor.profile("user_id", "u1").profile_id


def test_an_anonymous_cart_is_cancelled_by_the_order_under_an_email(processor: Processor) -> None:
    cart = {"cart_id": "t1", "products": [{"product_id": "p1", "name": "Shirt", "quantity": 2}]}
    processor.send(event("Cart Viewed", identifiers=identifiers(cart_token="t1"), properties=cart))
    processor.now = NOW + MINUTE
    processor.send(
        event(
            "Order Completed",
            time=processor.now,
            identifiers=identifiers(email="ada@example.com", cart_token="t1"),
            properties={"cart_id": "t1"},
        )
    )
    processor.now = NOW + 30 * MINUTE
    processor.wake(processor.profile("cart_token", "t1").profile_id)
    assert processor.profile("cart_token", "t1").profile_id == processor.profile("email", "ada@example.com").profile_id
    assert processor.outbox() == []


def test_redelivery_changes_nothing_and_archives_nothing(processor: Processor) -> None:
    delivered = processor.send(event(), event("Product Added", properties={"cart_id": "c1"}))
    before, rows = processor.store.all_items(), len(processor.lake.rows)
    assert processor.process(delivered) == []
    assert processor.store.all_items() == before
    assert len(processor.lake.rows) == rows


def test_a_producer_that_repeats_a_full_batch_changes_nothing_but_how_far_its_records_were_read(
    processor: Processor,
) -> None:
    """Its position must be known when the stream delivers the repetition again, after a day has forgotten the ids."""
    batch = [event(time=NOW + n) for n in range(500)]
    processor.send(*batch)
    before, rows, told = processor.profile(), processor.rows(), processor.outbox()
    processor.send(*batch)
    after = processor.profile()
    assert after.cursors != before.cursors
    after.cursors = before.cursors
    assert after == before
    assert processor.outbox() == told
    counted = processor.rows()[len(rows) :]
    assert {row["verdict"] for row in counted} == {"duplicate"}
    assert {row["message_id"] for row in counted} == {one.message_id for one in batch}
    assert len(processor.store.all_items()) == 1


def test_the_same_id_with_other_content_is_a_conflict_that_is_kept(processor: Processor) -> None:
    processor.send(event(message_id="m", properties={"price": 1}))
    processor.send(event(message_id="m", properties={"price": 2}))
    assert processor.profile().events == 1
    assert [row["verdict"] for row in processor.rows()] == ["applied", "conflict"]


def test_without_consent_nothing_is_linked_or_stored_but_the_verdict(processor: Processor) -> None:
    processor.send(event(consent=None, properties={"product_id": "p1"}))
    processor.send(event(consent={"analytics": False, "personalization": True}))
    assert processor.store.all_items() == []
    assert {row["verdict"] for row in processor.rows()} == {"dropped"}
    assert all("properties" not in row and "profile_id" not in row for row in processor.rows())


def test_consent_for_an_unknown_person_makes_a_profile_that_holds_consent_only(processor: Processor) -> None:
    processor.send(consent_event(EVERYTHING, identifiers=identifiers(email="ada@example.com")))
    profile = processor.profile("email", "ada@example.com")
    assert {purpose: said.granted for purpose, said in profile.consent.items()} == EVERYTHING
    assert profile.events == 0
    assert [entry.purpose for entry in processor.store.ledger(profile.profile_id)] == sorted(EVERYTHING)


def test_withdrawing_personalization_leaves_every_segment_at_that_time(processor: Processor) -> None:
    processor.send(*(event(time=NOW - n) for n in range(4)))
    processor.now = NOW + MINUTE
    processor.send(consent_event({"personalization": False}, time=NOW + MINUTE))
    assert segments_of(processor.profile()) == []
    assert processor.outbox()[-1] == SegmentLeft("keen", NOW + MINUTE)


def test_a_browser_cannot_grant_consent_for_a_person_of_another_device(processor: Processor) -> None:
    processor.send(identify(consent={"analytics": True}), trusted=False)
    grab = identifiers(user_id="u1", anonymous_id="attacker")
    processor.send(event(identifiers=grab, consent={"analytics": True, "email": True}), trusted=False)
    assert "email" not in processor.profile("user_id", "u1").consent


def test_views_of_long_ago_are_recorded_and_fire_nothing(processor: Processor) -> None:
    processor.send(*(event(time=NOW - 72 * HOUR + n) for n in range(4)))
    stay = processor.profile().memberships["keen"]
    assert (stay.entered_at, stay.left_at) == (NOW - 72 * HOUR + 3, NOW - 48 * HOUR)
    assert processor.outbox() == []


def test_rejected_input_lies_in_quarantine_byte_for_byte_and_its_neighbours_go_on(processor: Processor) -> None:
    bad = Rejected(reason="reserved_name", raw=b'{"event":"$wake"}')
    processor(record(event(), rejected=(bad,)))
    assert [(kept.reason, kept.raw) for kept in processor.quarantine.all()] == [("reserved_name", b'{"event":"$wake"}')]
    assert processor.profile().events == 1


def test_bytes_that_are_no_record_go_to_quarantine(processor: Processor) -> None:
    assert processor.process([StreamRecord("k", "1", b"\xff\x00")]) == []
    assert [kept.reason for kept in processor.quarantine.all()] == ["invalid_record"]


def test_definitions_are_used_as_they_stand() -> None:
    processor = Processor(*definition_list())
    processor.send(*(event(time=NOW + n) for n in range(4)))
    compiled = compile_segments(snapshot(definition_list()))
    assert members(compiled, processor.profile(), NOW + 24 * HOUR - 1) == ["keen"]
    assert members(compiled, processor.profile(), NOW + 24 * HOUR) == []


def test_a_batch_too_large_for_one_transaction_is_folded_in_pieces(processor: Processor) -> None:
    linked = [
        event(identifiers=(Identifier("anonymous_id", "visitor"), Identifier("cart_token", f"t{n}")), time=NOW + n)
        for n in range(150)
    ]
    processor.send(*linked)
    assert processor.profile().events == 150
    assert processor.profile().profile_id == processor.profile("cart_token", "t149").profile_id


def test_a_profile_that_would_outgrow_its_item_keeps_what_fits_and_the_rest_is_kept_aside(processor: Processor) -> None:
    huge = [event("", type="identify", traits={f"essay_{n}": "x" * 30_000}, time=NOW + n) for n in range(15)]
    processor.send(*huge)
    assert len(processor.profile().traits) == 9
    assert [kept.reason for kept in processor.quarantine.all()] == ["profile_too_large"] * 6


def test_an_event_that_cannot_be_folded_does_not_hold_up_the_others(processor: Processor) -> None:
    unforeseen = event(properties={"n": 1}, fingerprint="not hexadecimal")
    processor(
        record(event(), unforeseen, event()),
        record(event(identifiers=identifiers(anonymous_id="somebody else"))),
    )
    assert processor.profile().events == 2
    assert processor.profile("anonymous_id", "somebody else").events == 1
    assert [kept.reason for kept in processor.quarantine.all()] == ["unprocessable"]


def test_a_withdrawal_on_a_refused_event_counts_for_everybody_it_names(processor: Processor) -> None:
    processor.send(identify(identifiers=identifiers(user_id="u1")))
    processor.send(event())
    processor.send(event(identifiers=identifiers(user_id="u1", anonymous_id="visitor"), consent={"analytics": False}))
    for namespace, value in (("user_id", "u1"), ("anonymous_id", "visitor")):
        assert processor.profile(namespace, value).consent["analytics"].granted is False
    assert processor.profile("user_id", "u1").profile_id != processor.profile().profile_id


def test_a_withdrawal_that_comes_after_the_grant_that_ended_it_still_refuses_what_was_done_in_between(
    processor: Processor,
) -> None:
    processor.send(consent_event(EVERYTHING, time=NOW - HOUR))
    processor.send(consent_event({"analytics": True}, time=NOW - MINUTE))
    processor.send(consent_event({"analytics": False}, time=NOW - 30 * MINUTE))
    for at, stored in ((NOW - 30 * MINUTE, 0), (NOW - MINUTE - 1, 0), (NOW - MINUTE, 1)):
        processor.send(event(consent={"analytics": True}, time=at))
        assert processor.profile().events == stored
    said = [one for one in processor.store.ledger(processor.profile().profile_id) if one.purpose == "analytics"]
    assert [(one.granted, one.effective_at) for one in said] == [
        (True, NOW - HOUR),
        (True, NOW - MINUTE),
        (False, NOW - 30 * MINUTE),
    ]


@pytest.mark.parametrize("more", [{}, {"analytics": True}])
@pytest.mark.parametrize("name", [PREFERENCE_UPDATE, "Product Viewed"])
def test_a_browser_may_refuse_for_a_customer_whom_it_may_not_claim(
    processor: Processor, name: str, more: dict[str, bool]
) -> None:
    processor.send(identify(identifiers=identifiers(user_id="u1", anonymous_id="at home")))
    elsewhere = identifiers(user_id="u1", anonymous_id="elsewhere")
    processor.send(event(name, identifiers=elsewhere, consent={"email": False, "sms": True} | more), trusted=False)
    known = processor.profile("user_id", "u1").consent
    assert (known["email"].granted, "sms" in known) == (False, False)
    assert {*processor.profile("user_id", "u1").devices()} == {"at home"}


@pytest.mark.parametrize("trusted", [True, False])
def test_whoever_states_first_that_they_refuse_has_refused_whatever_older_word_arrives(
    processor: Processor, *, trusted: bool
) -> None:
    processor.send(event(PREFERENCE_UPDATE, consent={"analytics": False, "email": False, "sms": True}), trusted=trusted)
    assert {name: one.granted for name, one in processor.profile().consent.items()} == dict.fromkeys(
        ("analytics", "email"), False
    )
    processor.send(consent_event(EVERYTHING, time=NOW - HOUR))
    processor.send(event(consent=None, basis={"analytics": True, "email": True}, time=NOW + 1))
    known = processor.profile()
    assert (known.events, known.consent["analytics"].granted, known.consent["email"].granted) == (0, False, False)


def test_what_we_make_of_a_browser_s_blocked_word_grants_nothing_for_a_customer_whom_it_may_not_claim(
    processor: Processor,
) -> None:
    ada = identifiers(email="ada@example.com")
    processor.send(event(identifiers=ada, consent=None, basis={"analytics": True}))
    made = consent_event({"email": True, "analytics": False}, identifiers=ada)
    processor.send(made, trusted=False, origin=Origin.INTERNAL)
    known = processor.profile("email", "ada@example.com").consent
    assert {name: one.granted for name, one in known.items()} == {"analytics": False}


@pytest.mark.parametrize(("kind", "origin"), [("call", Origin.CLIENT), ("made", Origin.INTERNAL)])
def test_a_browser_founds_nobody_under_a_number_that_is_given_out(
    processor: Processor, kind: str, origin: Origin
) -> None:
    whom = identifiers(stripe_customer_id="cus_1")
    called = event(PREFERENCE_UPDATE, consent={"email": False}, identifiers=whom)
    made = consent_event({"email": False}, identifiers=whom)
    processor.send(called if kind == "call" else made, trusted=False, origin=origin)
    assert processor.store.all_items() == []


def test_of_somebody_unknown_a_refusal_that_only_rides_along_leaves_nothing(processor: Processor) -> None:
    processor.send(event(consent={"analytics": False}))
    assert processor.store.all_items() == []


def test_what_a_conflicting_event_refuses_is_heard(processor: Processor) -> None:
    processor.send(event(PREFERENCE_UPDATE, message_id="m"))
    processor.send(event(PREFERENCE_UPDATE, message_id="m", properties={"page": 2}, consent={"email": False}))
    assert [row["verdict"] for row in processor.rows()] == ["applied", "conflict"]
    assert processor.profile().consent["email"].granted is False


def test_a_ledger_tells_of_no_address_that_somebody_guesses(processor: Processor) -> None:
    derived = "derived-" + short_hash("email", "ada@example.com").hex()
    ada = identifiers(email="ada@example.com")
    processor.send(consent_event(EVERYTHING, identifiers=ada, message_id=derived))
    told = processor.store.ledger(processor.profile("email", "ada@example.com").profile_id)
    guesses = {short_hash("shop", derived).hex(), derived}
    assert {len(entry.message) for entry in told} == {32}
    assert guesses.isdisjoint(entry.message for entry in told)


def test_a_conflict_that_may_not_be_stored_leaves_no_content(processor: Processor) -> None:
    processor.send(event(message_id="m"))
    processor.send(event(message_id="m", properties={"product_id": "p"}, consent={"analytics": False}))
    assert [row["verdict"] for row in processor.rows()] == ["applied", "dropped"]
    assert "properties" not in processor.rows()[-1]


def test_consent_that_comes_later_does_not_let_a_redelivered_event_in(processor: Processor) -> None:
    processor.send(consent_event({"personalization": True}))
    dropped = processor.send(event(consent=None))
    processor.now += MINUTE
    processor.send(consent_event({"analytics": True}, time=processor.now))
    assert processor.process(dropped) == []
    assert processor.profile().events == 0


def test_a_browser_cannot_claim_a_customer_whom_the_shop_vouches_for(processor: Processor) -> None:
    vouched = identifiers(shopify_customer_id="1001", email="ada@example.com")
    processor.send(identify({"email": "ada@example.com"}, identifiers=vouched))
    grab = identifiers(shopify_customer_id="1001", anonymous_id="attacker")
    processor.send(identify({"email": "evil@example.com"}, identifiers=grab), trusted=False)
    weaker = identifiers(user_id="attacker", email="ada@example.com")
    processor.send(identify({"email": "evil@example.com"}, identifiers=weaker), trusted=False)
    victim = processor.profile("shopify_customer_id", "1001")
    assert victim.trait_values() == {"email": "ada@example.com"}
    assert processor.profile("user_id", "attacker").profile_id != victim.profile_id
    assert [kept.reason for kept in processor.quarantine.all()] == ["unverified_claim"]


def test_on_a_device_that_the_shop_has_bound_the_browser_speaks_for_the_customer(processor: Processor) -> None:
    processor.send(identify({"first_name": "Ada"}))
    processor.send(event(identifiers=identifiers(user_id="u1", anonymous_id="visitor")), trusted=False)
    assert processor.profile("user_id", "u1").events == 2


def test_a_profile_that_was_founded_and_absorbed_at_once_keeps_its_id_for_good(processor: Processor) -> None:
    basis = {"analytics": True, "personalization": True}
    cart = event("Cart Viewed", consent=None, basis=basis, identifiers=identifiers(cart_token="t1"))
    order = event(
        "Order Completed", consent=None, basis=basis, identifiers=identifiers(email="ada@example.com", cart_token="t1")
    )
    processor(record(cart), record(order))
    processor.now += 40 * DAY
    processor.send(event("Cart Viewed", consent=None, basis=basis, time=processor.now, identifiers=cart.identifiers))
    again = processor.profile("cart_token", "t1")
    assert again.profile_id != processor.profile("email", "ada@example.com").profile_id
    assert again.generation == 1


def test_a_cart_of_long_ago_that_is_only_now_reported_is_applied_once(processor: Processor) -> None:
    old = event("Cart Viewed", time=NOW - 31 * DAY, identifiers=identifiers(cart_token="t1"))
    delivered = processor.send(old)
    assert processor.process(delivered) == []
    processor.send(event("Cart Viewed", time=NOW - 31 * DAY, identifiers=identifiers(cart_token="t1")))
    assert len(processor.store.all_items()) == 1
    assert processor.profile("cart_token", "t1").events == 2


def test_a_very_large_batch_that_is_sent_again_changes_nothing(processor: Processor) -> None:
    batch = [event(time=NOW + n) for n in range(2_500)]
    processor.send(*batch)
    processor.send(*batch)
    assert processor.profile().events == 2_500


def test_a_full_profile_still_takes_a_withdrawal_and_wakes_up(processor: Processor) -> None:
    processor.send(event("Product Added", properties={"cart_id": "c1", "product_id": "p"}))
    for n in range(12):
        processor.send(event("", type="identify", traits={f"essay_{n}": "x" * 30_000}, time=NOW + n))
    processor.send(consent_event({"email": False}))
    assert processor.profile().consent["email"].granted is False
    processor.now = NOW + 20 * MINUTE
    processor.wake(processor.profile().profile_id)
    assert processor.outbox() == [SegmentEntered("abandoned_cart", NOW + 15 * MINUTE, "c1")]


@pytest.mark.parametrize("fields", [("title", "vendor"), ("product_id", "sku"), ("title", "variant_title", "vendor")])
@pytest.mark.parametrize("topic", ["carts/create", "orders/create"])
def test_the_largest_webhook_leaves_a_row_that_the_lake_takes(topic: str, fields: tuple[str, ...]) -> None:
    line = dict.fromkeys(fields, "\u00e9" * (990 // len(fields)))
    order = {"id": 1, "token": "t1", "email": "ada@example.com", "line_items": [line] * 250}
    body = msgspec.json.encode(order)
    assert 0.95 * MAX_WEBHOOK < len(body) <= MAX_WEBHOOK
    shop = source(consent=EVERYTHING)
    processor = Processor(*definition_list(shop))
    processor(record(read_webhook(topic, body, shop, NOW).event, origin=Origin.WEBHOOK))
    [row] = processor.rows()
    assert row["verdict"] == "applied"
    assert len(msgspec.json.encode(row["properties"])) <= MAX_CLEAR


@pytest.mark.parametrize("count", [300, 500])
def test_one_request_that_outgrows_a_profile_does_not_hold_up_its_shard(processor: Processor, count: int) -> None:
    events = [event("", type="identify", traits={f"t{n}": "x" * 1_000}, time=NOW + n) for n in range(count)]
    processor.send(*events)
    kept = len(processor.quarantine.all())
    assert kept > 0
    assert processor.profile().events == count - kept


def test_what_is_too_large_at_the_end_of_a_batch_is_put_aside_alone(processor: Processor) -> None:
    small = [record(event(time=NOW + n)) for n in range(400)]
    processor(*small, record(event("", type="identify", traits={"t": "x" * 400_000}, time=NOW + 1_000)))
    assert [kept.reason for kept in processor.quarantine.all()] == ["profile_too_large"]
    assert processor.profile().events == 400


def test_what_is_committed_at_the_last_attempt_has_not_failed() -> None:
    class Contended(MemoryProfiles):
        """Somebody else is faster, time and again."""

        left = MAX_ATTEMPTS - 1

        def commit(self, commit: Commit) -> None:
            if self.left:
                self.left -= 1
                raise ConflictError
            super().commit(commit)

    processor = Processor(store=Contended())
    processor.send(event())
    assert processor.profile().events == 1
    assert "RecordsFailed" not in {name for name, _, _ in processor.counted}
