"""`DeliveryStore` and `DeliveryQueue`: a delivery is claimed once, moved on once per attempt, and enqueued at
least once.
"""

from __future__ import annotations

import pytest

from attune.domain.campaigns.deliveries import LEASE, Delivery, State, answered, begun, without_words
from attune.domain.profiles.changes import SegmentEntered
from attune.ports import ConflictError
from attune.ports.deliveries import DeliveryStore
from tests.adapters.cloud import Cloud
from tests.adapters.stores import delivery_queue, delivery_store
from tests.builders import NOW, delivery, profile_id


@pytest.fixture
def store(backend: Cloud | None) -> DeliveryStore:
    return delivery_store(backend)


def changed(known: Delivery, **fields: object) -> Delivery:
    values = {name: getattr(known, name) for name in known.__struct_fields__}
    return Delivery(**(values | fields))


def caused(number: int, **fields: object) -> Delivery:
    """A delivery of its own cause, `number` ms after NOW."""
    cause = SegmentEntered("abandoned_cart", NOW + number, f"cart-{number}")
    return delivery(cause=cause, created_at=NOW + number, **fields)


def test_an_unknown_delivery_is_none(store: DeliveryStore) -> None:
    assert store.get(profile_id(), "msg_unknown") is None
    assert store.of_profile(profile_id()) == []


def test_the_first_claim_is_stored_as_it_is(store: DeliveryStore) -> None:
    new = delivery(body='{"a": "ü"}', reason="", next_attempt_at=NOW + 5)
    assert store.claim(new) == new
    assert store.get(new.profile_id, new.delivery_id) == new


def test_a_second_claim_answers_what_it_found_and_changes_nothing(store: DeliveryStore) -> None:
    first = delivery(body="first")
    store.claim(first)
    assert store.claim(changed(first, body="second", created_at=NOW + 9)) == first
    assert store.get(first.profile_id, first.delivery_id) == first


def test_what_is_over_may_lose_what_it_said_and_goes_on_keeping_others_away(store: DeliveryStore) -> None:
    claimed = delivery(body="{}")
    store.claim(claimed)
    over = answered(begun(claimed, holder="a", now=NOW), status=200, jitter=0, now=NOW)
    store.settle(over, read_state=State.CLAIMED, read_attempts=0)
    bare = without_words(over, now=NOW + 1)
    store.settle(bare, read_state=State.DELIVERED, read_attempts=1)
    assert store.of_profile(claimed.profile_id) == [bare]
    assert store.claim(claimed) == bare


def test_a_claim_of_a_settled_delivery_answers_the_settled_one(store: DeliveryStore) -> None:
    claimed = delivery()
    store.claim(claimed)
    settled = changed(claimed, state=State.DELIVERED, attempts=1, updated_at=NOW + 1)
    store.settle(settled, read_state=State.CLAIMED, read_attempts=0)
    assert store.claim(claimed) == settled


def test_the_same_delivery_id_of_another_profile_is_another_delivery(store: DeliveryStore) -> None:
    mine = delivery(profile_id=profile_id(1), delivery_id="msg_1")
    other = delivery(profile_id=profile_id(2), delivery_id="msg_1", body="other")
    assert (store.claim(mine), store.claim(other)) == (mine, other)


def test_settling_writes_what_the_attempt_came_to(store: DeliveryStore) -> None:
    claimed = delivery(body="{}")
    store.claim(claimed)
    tried = changed(claimed, attempts=1, reason="status_503", next_attempt_at=NOW + 5_000, updated_at=NOW + 10)
    store.settle(tried, read_state=State.CLAIMED, read_attempts=0)
    assert store.get(claimed.profile_id, claimed.delivery_id) == tried
    failed = changed(tried, state=State.FAILED, attempts=2, reason="status_410", updated_at=NOW + 6_000)
    store.settle(failed, read_state=State.CLAIMED, read_attempts=1)
    assert store.get(claimed.profile_id, claimed.delivery_id) == failed


def test_settling_conflicts_when_the_attempts_moved_on(store: DeliveryStore) -> None:
    claimed = delivery()
    store.claim(claimed)
    tried = changed(claimed, attempts=1)
    store.settle(tried, read_state=State.CLAIMED, read_attempts=0)
    with pytest.raises(ConflictError):
        store.settle(changed(claimed, attempts=1, reason="late"), read_state=State.CLAIMED, read_attempts=0)
    assert store.get(claimed.profile_id, claimed.delivery_id) == tried


def test_settling_conflicts_when_the_state_moved_on(store: DeliveryStore) -> None:
    claimed = delivery()
    store.claim(claimed)
    stopped = changed(claimed, state=State.NOT_SENT, reason="consent")
    store.settle(stopped, read_state=State.CLAIMED, read_attempts=0)
    with pytest.raises(ConflictError):
        store.settle(changed(claimed, state=State.DELIVERED), read_state=State.CLAIMED, read_attempts=0)
    assert store.get(claimed.profile_id, claimed.delivery_id) == stopped


def test_what_is_settled_already_just_so_is_settled(store: DeliveryStore) -> None:
    """The answer to the first write was lost; the same of another worker has another holder."""
    claimed = delivery()
    store.claim(claimed)
    begun = changed(claimed, attempts=1, holder="one")
    for _ in range(2):
        store.settle(begun, read_state=State.CLAIMED, read_attempts=0)
    with pytest.raises(ConflictError):
        store.settle(changed(begun, holder="two"), read_state=State.CLAIMED, read_attempts=0)
    assert store.get(claimed.profile_id, claimed.delivery_id) == begun


def test_what_was_never_claimed_cannot_be_settled(store: DeliveryStore) -> None:
    with pytest.raises(ConflictError):
        store.settle(delivery(state=State.DELIVERED), read_state=State.CLAIMED, read_attempts=0)
    assert store.of_profile(profile_id()) == []


def test_a_profile_lists_all_of_its_own(store: DeliveryStore) -> None:
    for number in (2, 5, 1, 4, 3):
        store.claim(caused(number))
    store.claim(caused(9, profile_id=profile_id(2)))
    listed = sorted(store.of_profile(profile_id()), key=lambda one: one.created_at)
    assert [found.created_at - NOW for found in listed] == [1, 2, 3, 4, 5]
    assert listed[4] == caused(5)


def test_what_is_enqueued_is_received(backend: Cloud | None) -> None:
    queue, received = delivery_queue(backend)
    queue.enqueue(profile_id(1), "msg_1")
    queue.enqueue(profile_id(2), "msg_2")
    assert set(received()) == {(profile_id(1), "msg_1"), (profile_id(2), "msg_2")}


def test_what_is_under_way_is_told_until_its_lease_is_over(store: DeliveryStore) -> None:
    read = caused(1)
    store.claim(read)
    assert not store.under_way(read.profile_id, NOW)
    for attempt in range(2):
        leaving = begun(read, holder=f"h{attempt}", now=NOW)
        store.settle(leaving, read_state=read.state, read_attempts=read.attempts)
        assert store.under_way(read.profile_id, NOW)
        assert store.under_way(read.profile_id, NOW + LEASE - 1)
        assert not store.under_way(read.profile_id, NOW + LEASE)
        assert not store.under_way(profile_id(2), NOW)
        read = answered(leaving, status=503, retry_after=LEASE // 1_000, jitter=0, now=NOW)
        store.settle(read, read_state=leaving.state, read_attempts=leaving.attempts)
        assert not store.under_way(read.profile_id, NOW)
