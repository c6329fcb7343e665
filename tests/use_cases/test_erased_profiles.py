"""What `$erase` leaves of a person, whom it refuses from then on, and how somebody comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.domain.identifiers import Identifier
from attune.domain.identity.markers import Marker
from attune.domain.processing.forgetting import digest_of
from attune.domain.processing.verdicts import erased_id
from attune.ports import ProfileItem
from attune.use_cases.profiles.find_profiles import find, markers
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Pseudonyms,
    consent_event,
    event,
    identifiers,
    identify,
    key_of,
    record,
    score_event,
    wake_event,
)
from tests.faults.erasing import erase_event, suppress_event
from tests.use_cases.test_process_events import Processor

DEVICE, USER = identifiers(anonymous_id="visitor"), identifiers(user_id="u1")
KEY = key_of("anonymous_id", "visitor")


@pytest.fixture
def processor() -> Processor:
    return Processor()


def known(processor: Processor) -> str:
    """Somebody with a device, a number, traits, a cart and consent, heard of until a minute ago."""
    processor.now = NOW - MINUTE
    processor.send(identify({"name": "Ada"}, time=NOW - 2 * MINUTE))
    added = event("Product Added", time=NOW - MINUTE, properties={"cart_id": "c-1", "product_id": "p"})
    processor.send(added)
    found = processor.profile().profile_id
    processor.now = NOW
    return found


def erase(processor: Processor, *named: Identifier, at: int = NOW, **options: Any) -> list[Any]:
    processor.now = at
    return processor.send(erase_event(*named, time=at, **options))


def item_of(processor: Processor, profile_id: str) -> ProfileItem:
    return processor.store.items([profile_id], consistent=True)[profile_id]


def marks(processor: Processor, namespace: str, value: str) -> Marker | None:
    key = key_of(namespace, value)
    return markers(processor.store, [key], consistent=True).get(key)


def test_a_grave_holds_nothing_but_that_somebody_was_there(processor: Processor) -> None:
    profile_id = known(processor)
    before, ledger = processor.profile(), processor.store.ledger(profile_id)
    told = len(processor.outbox())
    erase(processor, *USER)
    assert item_of(processor, profile_id) == ProfileItem(
        profile_id=profile_id,
        version=3,
        erased_at=NOW,
        ledger_length=before.ledger_length,
        ledger_head=before.ledger_head,
    )
    assert len(ledger) == before.ledger_length > 0
    assert ledger[-1].digest == before.ledger_head.hex()
    assert processor.item("user_id", "u1") is processor.item("anonymous_id", "visitor") is None
    assert len(processor.outbox()) == told


def test_every_identifier_of_the_person_is_marked_though_one_was_named(processor: Processor) -> None:
    profile_id = known(processor)
    erase(processor, *USER)
    both = processor.store.identities([KEY, key_of("user_id", "u1")], consistent=True)
    assert {(one.profile_id, one.erased_at) for one in both.values()} == {(profile_id, NOW)}
    assert marks(processor, "anonymous_id", "visitor") == Marker(erased_at=NOW)


def test_what_was_received_or_happened_before_is_refused_whatever_it_says(processor: Processor) -> None:
    known(processor)
    erase(processor, *USER)
    rows = len(processor.rows())
    processor.now = NOW + HOUR
    processor.send(event(time=NOW, message_id="late"), received_at=NOW + HOUR)
    processor.send(event(time=NOW - DAY), received_at=NOW - DAY)
    processor.send(consent_event(dict(EVERYTHING), time=NOW, identifiers=USER))
    processor.send(identify({"name": "Ada"}, identifiers=identifiers(user_id="u2", anonymous_id="visitor"), time=NOW))
    assert [(row["verdict"], row["reason"]) for row in processor.rows()[rows:]] == [("dropped", "erased")] * 4
    assert all(item.erased_at == NOW for item in processor.store.all_items())
    assert processor.item("user_id", "u2") is None


def test_a_refused_event_is_known_by_nothing_its_sender_said(processor: Processor) -> None:
    known(processor)
    erase(processor, *USER)
    late = event(time=NOW, message_id="order-of-ada@example.com", properties={"product_id": "p"})
    processor.send(late)
    row = processor.rows()[-1]
    assert row.pop("message_id") == erased_id(Pseudonyms().key, "shop", late.message_id, late.fingerprint)
    assert row == {
        "source": "shop",
        "verdict": "dropped",
        "reason": "erased",
        "version": 3,
        "received_at": NOW,
        "processed_at": NOW,
    }


def test_who_comes_back_is_somebody_new_of_whom_nothing_is_known(processor: Processor) -> None:
    profile_id = known(processor)
    erase(processor, *USER)
    processor.now = NOW + HOUR
    processor.send(event(time=NOW + HOUR, consent=None))
    assert processor.rows()[-1]["reason"] == "consent"
    processor.send(event(time=NOW + HOUR, consent={"analytics": True}))
    new = processor.profile()
    assert (new.events, new.generation >= 1, new.traits, new.carts) == (1, True, {}, {})
    assert new.consent.keys() == {"analytics"}
    assert new.profile_id != profile_id
    assert marks(processor, "anonymous_id", "visitor") == Marker(erased_at=NOW)
    processor.send(event(time=NOW - SECOND, consent={"analytics": True}))
    assert processor.profile().events == 1
    assert item_of(processor, profile_id).erased_at == NOW


def test_a_word_that_is_read_again_forgets_nobody_who_came_after_it(processor: Processor) -> None:
    known(processor)
    delivered = erase(processor, *USER)
    processor.now = NOW + HOUR
    processor.send(identify(time=NOW + HOUR))
    before = processor.store.all_items()
    assert processor.process(delivered) == []
    assert processor.store.all_items() == before


def test_what_an_entrance_received_whose_clock_was_ahead_does_not_come_back(processor: Processor) -> None:
    known(processor)
    ahead = event(time=NOW + 5 * SECOND)
    delivered = processor.send(ahead, received_at=NOW + 5 * SECOND)
    erase(processor, *USER, at=NOW + SECOND)
    assert processor.process(delivered) == []
    assert [item.erased_at for item in processor.store.all_items()] == [NOW + 5 * SECOND]


def test_a_second_word_forgets_the_second_life(processor: Processor) -> None:
    first = known(processor)
    erase(processor, *USER)
    processor.now = NOW + HOUR
    processor.send(event(time=NOW + HOUR))
    second = processor.profile().profile_id
    erase(processor, *DEVICE, at=NOW + 2 * HOUR)
    assert item_of(processor, second).erased_at == NOW + 2 * HOUR
    assert item_of(processor, first).erased_at == NOW
    assert processor.item("anonymous_id", "visitor") is None
    processor.now = NOW + 3 * HOUR
    processor.send(event(time=NOW + 3 * HOUR))
    assert processor.profile().profile_id not in {first, second}


def test_nobody_knows_the_person_and_their_late_events_are_refused_all_the_same(processor: Processor) -> None:
    delivered = erase(processor, *identifiers(email="ada@example.com", user_id="ada"))
    assert processor.store.all_items() == []
    assert marks(processor, "email", "ada@example.com") == marks(processor, "user_id", "ada") == Marker(erased_at=NOW)
    processor.send(event(time=NOW, identifiers=identifiers(email="ada@example.com")))
    assert processor.rows()[-1]["reason"] == "erased"
    processor.now = NOW + HOUR
    processor.send(event(time=NOW + HOUR, identifiers=identifiers(email="ada@example.com")))
    processor.process(delivered)
    assert processor.profile("email", "ada@example.com").events == 1


def test_whoever_was_absorbed_leads_to_the_grave(processor: Processor) -> None:
    processor.send(event(), event(identifiers=DEVICE))
    processor.send(event(identifiers=USER))
    processor.send(identify())
    one, other = processor.store.all_items()
    absorbed, survivor = (one, other) if one.merged_into else (other, one)
    assert (absorbed.ledger_length, bool(absorbed.ledger_head)) == (3, True)
    erase(processor, *DEVICE, at=NOW + HOUR)
    assert item_of(processor, absorbed.profile_id) == absorbed
    assert item_of(processor, survivor.profile_id).erased_at == NOW + HOUR
    keys = [KEY, key_of("user_id", "u1")]
    assert find(processor.store, keys, consistent=True) == {}
    assert {one.erased_at for one in processor.store.identities(keys, consistent=True).values()} == {NOW + HOUR}


def test_several_people_may_be_named(processor: Processor) -> None:
    processor.send(event(identifiers=DEVICE))
    processor.send(event(identifiers=USER))
    processor.send(event(identifiers=identifiers(user_id="u2")))
    erase(processor, *DEVICE, *USER)
    left = [item for item in processor.store.all_items() if item.erased_at is None]
    assert [item.profile_id for item in left] == [processor.profile("user_id", "u2").profile_id]


def test_what_lies_before_it_in_the_batch_is_forgotten_and_what_lies_after_is_refused(processor: Processor) -> None:
    processor(
        record(event(time=NOW, identifiers=USER)),
        record(erase_event(*USER, time=NOW)),
        record(event(time=NOW, identifiers=USER)),
    )
    [item] = processor.store.all_items()
    assert item.erased_at == NOW
    assert [row["verdict"] for row in processor.rows()] == ["applied", "dropped"]


def test_a_word_may_share_its_record_with_others(processor: Processor) -> None:
    said = consent_event({"analytics": True}, identifiers=USER, time=NOW)
    processor.send(said, erase_event(*USER, time=NOW), suppress_event(*USER, time=NOW))
    [item] = processor.store.all_items()
    assert (item.erased_at, item.suppressed_at) == (NOW, NOW)
    assert {row["verdict"] for row in processor.rows()} == {"applied"}


def test_addressed_events_find_nobody(processor: Processor) -> None:
    profile_id = known(processor)
    erase(processor, *USER)
    before, rows = processor.store.all_items(), len(processor.rows())
    processor.send(score_event(profile_id))
    processor.send(wake_event(profile_id))
    assert processor.store.all_items() == before
    assert len(processor.rows()) == rows


def test_a_worker_that_remembers_the_person_takes_nothing_in(processor: Processor) -> None:
    profile_id = known(processor)
    other = Processor(store=processor.store)
    erase(other, *USER)
    processor.now = NOW + 1
    processor.send(event("Product Viewed", time=NOW))
    assert item_of(processor, profile_id).state == b""
    assert processor.rows()[-1]["reason"] == "erased"


def test_a_very_linked_person_is_forgotten_in_parts_the_grave_last(processor: Processor) -> None:
    devices = [Identifier("anonymous_id", f"device-{n}") for n in range(50)]
    carts = [Identifier("cart_token", f"cart-{n}") for n in range(50)]
    for part in (devices[:25], devices[25:], carts[:25], carts[25:]):
        processor.send(event(identifiers=(*USER, *part)))
    [item] = processor.store.all_items()
    erase(processor, *USER)
    [grave] = processor.store.all_items()
    assert (grave.profile_id, grave.erased_at) == (item.profile_id, NOW)
    keys = [key_of(one.namespace, one.value) for one in (*USER, *devices, *carts)]
    known_of = processor.store.identities(keys, consistent=True)
    assert [one.erased_at for one in known_of.values()] == [NOW] * 101


def test_nothing_is_taken_in_of_who_is_suppressed_until_they_are_again(processor: Processor) -> None:
    processor.send(event(identifiers=USER))
    processor.send(suppress_event(*USER, time=NOW))
    processor.now = NOW + HOUR
    processor.send(event(identifiers=USER, time=NOW + HOUR))
    assert processor.profile("user_id", "u1").events == 1
    processor.send(identify({"name": "Ada"}, identifiers=USER, time=NOW + HOUR, consent={"sms": True}))
    assert processor.profile("user_id", "u1").traits == {}
    assert [row["reason"] for row in processor.rows()[1:]] == ["suppressed", "suppressed"]
    processor.send(suppress_event(*USER, on=False, time=NOW + HOUR))
    processor.send(event(identifiers=USER, time=NOW + HOUR))
    assert processor.profile("user_id", "u1").events == 2
    assert marks(processor, "user_id", "u1") is None


def test_a_withdrawal_of_who_is_suppressed_counts_and_a_grant_does_not(processor: Processor) -> None:
    processor.send(event(identifiers=USER))
    processor.send(suppress_event(*USER, time=NOW))
    processor.now = NOW + HOUR
    processor.send(consent_event({"email": False, "sms": True}, identifiers=USER, time=NOW + HOUR))
    processor.send(event(identifiers=USER, time=NOW + HOUR, consent={"personalization": False}))
    consent = processor.profile("user_id", "u1").consent
    assert {purpose for purpose, record in consent.items() if not record.granted} == {"email", "personalization"}
    assert "sms" not in consent
    assert [row["reason"] for row in processor.rows()[1:]] == ["suppressed", "suppressed"]


def test_a_withdrawal_counts_for_whom_it_names_beside_somebody_who_was_erased(processor: Processor) -> None:
    processor.send(event(identifiers=DEVICE))
    erase(processor, *identifiers(user_id="u9"))
    processor.send(event(identifiers=identifiers(user_id="u9", anonymous_id="visitor"), consent={"email": False}))
    assert not processor.profile().consent["email"].granted
    assert processor.profile().events == 1
    assert processor.item("user_id", "u9") is None


def test_what_was_applied_before_a_suppression_is_a_duplicate_when_it_comes_again(processor: Processor) -> None:
    once = event(identifiers=USER)
    processor.send(once)
    processor.send(suppress_event(*USER, time=NOW))
    processor.send(once)
    assert [row["verdict"] for row in processor.rows()] == ["applied", "duplicate"]


def test_what_somebody_asked_for_themselves_is_done_though_they_are_suppressed(processor: Processor) -> None:
    processor.send(event(identifiers=USER))
    processor.send(suppress_event(*USER, time=NOW))
    ours = {"source": "attune", "origin": "internal"}
    processor.send(identify({"name": "Ada"}, identifiers=USER, time=NOW, consent=None), **ours)
    assert processor.profile("user_id", "u1").trait_values() == {"name": "Ada"}
    erase(processor, *USER)
    processor.send(consent_event({"$restriction": False}, identifiers=USER, time=NOW + 1), received_at=NOW + 1, **ours)
    assert processor.item("user_id", "u1") is None


def test_a_worker_that_remembers_who_is_suppressed_takes_nothing_in(processor: Processor) -> None:
    processor.send(event(identifiers=USER))
    other = Processor(store=processor.store)
    other.send(suppress_event(*USER, time=NOW))
    processor.send(event(identifiers=USER, time=NOW))
    assert processor.profile("user_id", "u1").events == 1


def test_an_older_word_about_suppression_changes_nothing_that_was_said_since(processor: Processor) -> None:
    processor.send(suppress_event(*USER, time=NOW))
    processor.send(suppress_event(*USER, on=False, time=NOW + 2), received_at=NOW + 2)
    processor.send(suppress_event(*USER, time=NOW + 1), received_at=NOW + 1)
    assert marks(processor, "user_id", "u1") is None
    processor.send(suppress_event(*USER, time=NOW + 4), received_at=NOW + 4)
    processor.send(suppress_event(*USER, on=False, time=NOW + 3), received_at=NOW + 3)
    assert marks(processor, "user_id", "u1") == Marker(suppressed_at=NOW + 4)


def test_who_was_erased_and_suppressed_is_freed_by_any_of_their_identifiers(processor: Processor) -> None:
    known(processor)
    erase(processor, *USER, suppress=True)
    processor.now = NOW + HOUR
    processor.send(event(identifiers=DEVICE, time=NOW + HOUR))
    assert processor.rows()[-1]["reason"] == "suppressed"
    assert marks(processor, "anonymous_id", "visitor") == Marker(erased_at=NOW, suppressed_at=NOW)
    processor.send(suppress_event(*USER, on=False, time=NOW + HOUR))
    processor.send(event(identifiers=DEVICE, time=NOW + HOUR))
    assert processor.profile().events == 1


def test_a_worker_that_remembers_the_grave_from_before_founds_nobody_on_it(processor: Processor) -> None:
    known(processor)
    erase(processor, *USER)
    processor.send(event(time=NOW))  # and remembers the grave
    other = Processor(store=processor.store)
    other.send(suppress_event(*USER, time=NOW + 1))
    processor.now = NOW + HOUR
    processor.send(event(time=NOW + HOUR))
    assert processor.item("anonymous_id", "visitor") is None


def test_a_weak_identifier_that_is_marked_does_not_lapse(processor: Processor) -> None:
    token = Identifier("cart_token", "t-1")
    processor.send(event(identifiers=(*USER, token)))
    erase(processor, *USER)
    processor.now = NOW + 40 * DAY
    processor.send(event(identifiers=(token,), time=NOW, consent=dict(EVERYTHING)), received_at=processor.now)
    assert processor.rows()[-1]["reason"] == "erased"


def test_a_client_cannot_forget_anybody(processor: Processor) -> None:
    known(processor)
    processor.send(erase_event(*USER, time=NOW), origin="client")
    assert processor.profile().events == 2
    assert processor.rows()[-1]["verdict"] == "quarantined"


def test_somebody_is_forgotten_by_a_token_that_has_lapsed(processor: Processor) -> None:
    token = Identifier("cart_token", "t-1")
    processor.send(event(identifiers=(*USER, token)))
    erase(processor, token, at=NOW + 31 * DAY)
    assert processor.item("user_id", "u1") is None
    assert len(processor.store.all_items()) == 1


def test_a_token_that_is_somebody_elses_by_now_is_left_to_them(processor: Processor) -> None:
    token = Identifier("cart_token", "t-1")
    processor.send(event(identifiers=(*USER, token)))
    processor.now = NOW + 31 * DAY
    processor.send(event(time=processor.now, identifiers=(*DEVICE, token)))
    erase(processor, *USER, at=processor.now)
    assert processor.profile().events == 1
    assert marks(processor, "cart_token", "t-1") is None


@pytest.mark.parametrize("overrides", [{"trusted": False}, {"key": "f" * 32}])
def test_what_would_be_put_aside_is_not_kept_either(processor: Processor, overrides: dict[str, Any]) -> None:
    erase(processor, *identifiers(user_id="u1", shopify_customer_id="77"))
    processor.send(event(identifiers=identifiers(shopify_customer_id="77"), time=NOW), **overrides)
    processor.send(event(identifiers=USER, time=NOW, type="$track"), origin="client")
    assert processor.quarantine.all() == []
    assert [row["reason"] for row in processor.rows()] == ["erased", "erased"]


def test_the_row_of_a_refusal_outweighs_what_a_lost_fold_archived(processor: Processor) -> None:
    profile_id = known(processor)
    erase(processor, *USER)
    processor.send(event(time=NOW))
    assert processor.rows()[-1]["version"] == item_of(processor, profile_id).version


def test_several_words_are_folded_one_by_one(processor: Processor) -> None:
    others = identifiers(user_id="u2")
    processor.send(event(identifiers=others))
    known(processor)
    delivered = processor(record(erase_event(*USER, time=NOW)), record(erase_event(*others, time=NOW)))
    assert [item.erased_at for item in processor.store.all_items()] == [NOW, NOW]
    before = processor.store.all_items()
    assert processor.process(delivered) == []
    assert processor.store.all_items() == before


def test_no_page_of_a_memory_is_left_without_a_name(processor: Processor) -> None:
    processor.send(*(event(identifiers=USER, time=NOW - n) for n in range(200)))
    [item] = processor.store.all_items()
    assert item.pages
    erase(processor, *USER)
    assert processor.store.all_items()[0].pages == item.pages


def test_it_is_counted_what_became_of_a_word(processor: Processor) -> None:
    delivered = erase(processor, *USER)
    processor.process(delivered)
    processor.send(suppress_event(*USER, time=NOW))
    processor.send(event(identifiers=USER, time=NOW))
    told = [(one["outcome"], one["reason"]) for name, _, one in processor.counted if name == "Events"]
    assert told == [("applied", "erase"), ("duplicate", "erase"), ("applied", "suppress"), ("dropped", "suppressed")]


def test_who_became_somebody_else_since_they_were_looked_at_is_not_forgotten_yet(processor: Processor) -> None:
    """What else there is of them was written down of another profile: it is gathered again, and said again."""
    processor.send(event(identifiers=USER))
    seen = {(one := processor.profile("user_id", "u1")).profile_id: digest_of(one)}
    processor.send(event(identifiers=(*USER, Identifier("cart_token", "t-1"))))
    processor.send(identify(identifiers=(*USER, *DEVICE)))
    said = erase_event(*USER, time=NOW)
    for gathered in (seen, {}):
        processor.send(msgspec.structs.replace(said, properties={**said.properties, "gathered": gathered}))
        assert processor.profile("user_id", "u1").events == 3
        assert marks(processor, "user_id", "u1") is None
    now = {(one := processor.profile("user_id", "u1")).profile_id: digest_of(one)}
    processor.send(event(identifiers=(*USER, Identifier("cart_token", "t-2"))))
    processor.send(msgspec.structs.replace(said, properties={**said.properties, "gathered": now}))
    assert processor.item("user_id", "u1") is None
    assert ("dropped", "ungathered") in {
        (one["outcome"], one["reason"]) for name, _, one in processor.counted if name == "Events"
    }


def test_a_word_of_nobody_is_put_aside(processor: Processor) -> None:
    processor.send(erase_event(time=NOW), key="f" * 32)
    assert [kept.reason for kept in processor.quarantine.all()] == ["wrong_partition"]
