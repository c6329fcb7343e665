"""Two who were unlinked, until a rebuild has folded them apart."""

from __future__ import annotations

import hashlib
import json

import pytest

from attune.domain.events import UNLINK
from attune.domain.identifiers import UNLINKING
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Pseudonyms,
    consent_event,
    event,
    key_of,
)
from tests.use_cases.unlinking import ANN, BEN, Desk, mixed_up, names


@pytest.fixture
def desk() -> Desk:
    return mixed_up()


def test_the_new_profile_has_identifiers_and_consent_and_the_old_one_all_that_was_done(desk: Desk) -> None:
    before = desk.ann()
    desk.unlink()
    desk.carry()
    ann, ben = desk.ann(), desk.ben()
    assert (names(ann), names(ben)) == ({"ann", "tablet"}, {"ben@example.com", "phone"})
    assert (ann.events, ann.trait_values()) == (4, before.trait_values())
    assert (ben.events, ben.trait_values(), ben.activity, ben.memberships) == (0, {}, None, {})
    assert ben.consent == before.consent
    assert ben.data_key != ann.data_key


def test_the_new_profile_is_founded_by_its_strongest_identifier_in_a_raised_generation(desk: Desk) -> None:
    """Whoever founds a profile tries the generations from 0 on: no fold that lost its race may have used this id."""
    desk.unlink()
    desk.carry()
    ben, key = desk.ben(), key_of("email", "ben@example.com")
    assert (ben.first, ben.generation) == (key, UNLINKING)
    assert ben.profile_id == Pseudonyms().profile_id(key, UNLINKING)
    bound = desk.processor.store.identities([key], consistent=True)[key]
    assert (bound.profile_id, bound.generation) == (ben.profile_id, UNLINKING)


def test_versions_of_the_new_profile_go_on_where_the_old_one_was(desk: Desk) -> None:
    """What a worker archived for the old one, and lost its race by the unlinking, must not count in the lake."""
    before = desk.processor.item("user_id", "ann")
    desk.unlink()
    desk.carry()
    after = [desk.processor.item(*who) for who in (("user_id", "ann"), ("email", "ben@example.com"))]
    assert [item.version for item in after if item and before] == [before.version + 1] * 2  # type: ignore[union-attr]


def test_the_founder_of_the_old_profile_may_be_what_leaves_it(desk: Desk) -> None:
    old = desk.ann()
    founder = old.links[old.first].identifier
    desk.unlink("email:ben@example.com", {"identifiers": [f"{founder.namespace}:{founder.value}"], "reason": "why"})
    desk.carry()
    new = desk.processor.profile(founder.namespace, founder.value)
    assert new.profile_id != desk.ben().profile_id == old.profile_id


def test_the_ledger_of_the_new_profile_is_a_chain_of_its_own(desk: Desk) -> None:
    desk.processor.send(consent_event({"email": False}, identifiers=ANN, time=NOW - HOUR))
    desk.unlink()
    desk.carry()
    store, ben = desk.processor.store, desk.ben()
    entries = store.ledger(ben.profile_id)
    assert {entry.purpose: entry.granted for entry in entries} == {p: said.granted for p, said in ben.consent.items()}
    assert not ben.consent["email"].granted  # the stricter word, whoever gave it
    assert [entry.previous for entry in entries] == ["", *(entry.digest for entry in entries[:-1])]
    for number, entry in enumerate(entries, 1):
        parts = [entry.profile_id, number, entry.purpose, entry.granted, entry.effective_at, entry.source]
        body = "\x1f".join(map(str, [*parts, entry.recorded_at])).encode()
        assert entry.digest == hashlib.sha256(bytes.fromhex(entry.previous) + body).hexdigest()
    desk.processor.send(consent_event({"email": True}, identifiers=BEN, time=NOW))
    assert len(store.ledger(ben.profile_id)) == len(entries) + 1
    assert not desk.ann().consent["email"].granted


def test_who_may_be_whose_is_told_in_the_lake(desk: Desk) -> None:
    answer = desk.unlink()
    desk.carry()
    [row] = [row for row in desk.processor.rows() if row["message_id"] == answer["message_id"]]
    assert (row["type"], row["verdict"], row["profile_id"]) == (UNLINK, "applied", desk.ann().profile_id)
    assert "rang" not in json.dumps(row)  # sealed


def test_a_redelivery_applies_to_neither(desk: Desk) -> None:
    sent = [
        *desk.processor.send(event("Order Completed", identifiers=BEN, message_id="b")),
        *desk.processor.send(event("Order Completed", identifiers=ANN, message_id="a")),
    ]
    desk.unlink()
    desk.carry()
    before = [desk.ann(), desk.ben()]
    desk.processor.now += 3 * DAY  # nobody remembers the ids any more
    rows = len(desk.processor.lake.rows)
    assert desk.processor.process(sent) == []
    assert [desk.ann(), desk.ben()] == before
    assert len(desk.processor.lake.rows) == rows


def test_what_a_producer_repeats_is_known_to_both_also_from_pages_and_as_whole_requests(desk: Desk) -> None:
    by_ben = [event(identifiers=BEN, message_id=f"b{n}", time=NOW + n) for n in range(40)]
    by_ann = [event(identifiers=ANN, message_id=f"a{n}", time=NOW + n) for n in range(40)]
    desk.processor.now += MINUTE
    for one in by_ben[:35] + by_ann[:35]:
        desk.processor.send(one)
    desk.processor.send(*by_ben[35:])
    desk.processor.send(*by_ann[35:])
    assert desk.processor.item("user_id", "ann").pages  # type: ignore[union-attr]
    desk.unlink()
    desk.carry()
    before = desk.ann().events, desk.ben().events
    for one in by_ben[:35] + by_ann[:35]:
        desk.processor.send(one)
    desk.processor.send(*by_ben[35:])
    desk.processor.send(*by_ann[35:])
    assert (desk.ann().events, desk.ben().events) == before


def test_nobody_is_scored_or_announced_before_both_are_folded_apart(desk: Desk) -> None:
    added = event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=NOW)
    desk.processor.now = NOW + SECOND
    desk.processor.send(added)
    desk.unlink()
    desk.carry()
    desk.processor.now = NOW + HOUR
    desk.wake_all()
    assert desk.told() == []
    due = [item.due_at for item in desk.processor.store.all_items() if item.due_at is not None]
    assert min(due) >= desk.processor.now + 15 * MINUTE  # and nobody is woken each minute until then
    assert desk.rebuild(*ANN)["rebuilt"] == 2
    for _ in range(2):
        desk.processor.now += MINUTE
        desk.wake_all()
    assert desk.told() == [(desk.ben().profile_id, "c")]


def test_a_cart_that_was_told_is_not_told_again_by_the_other(desk: Desk) -> None:
    desk.processor.send(event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=NOW))
    for _ in range(3):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert desk.told() == [(desk.ann().profile_id, "c")]
    # touched and left again, without an order, and unlinked in between
    touched = desk.processor.now
    desk.processor.send(event("Product Added", identifiers=BEN, properties={"cart_id": "c"}, time=touched))
    desk.unlink()
    desk.carry()
    assert desk.rebuild(*BEN)["rebuilt"] == 2
    for _ in range(4):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert len(desk.told()) == 1
    # ordered, and left again
    for name, pause in (("Order Completed", MINUTE), ("Product Added", 2 * MINUTE)):
        at = desk.processor.now + pause
        desk.processor.now = at
        desk.processor.send(event(name, identifiers=BEN, properties={"cart_id": "c"}, time=at))
    for _ in range(4):
        desk.processor.now += 18 * MINUTE
        desk.wake_all()
    assert desk.told()[1:] == [(desk.ben().profile_id, "c")]
