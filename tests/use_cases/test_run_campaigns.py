from __future__ import annotations

import json

import pytest

from attune.domain.campaigns.deliveries import State
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.ports import ProfileItem
from attune.use_cases.campaigns.run_campaigns import OutboxRecord
from tests.builders import DAY, MINUTE, NOW, campaign, key_of, profile_id
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady
from tests.use_cases.campaign_story import ENTERED, MESSAGE, Story, outbox


def test_an_entry_becomes_one_claimed_and_enqueued_delivery_with_its_message() -> None:
    story = Story()
    delivery = story.claimed()
    assert (delivery.state, delivery.campaign, delivery.channel) == (State.CLAIMED, "cart_reminder", "shop_webhook")
    assert json.loads(delivery.body) == {"greeting": "Hello Ada", "products": [{"sku": "tea", "quantity": 2}]}
    assert story.queue.messages == [(delivery.profile_id, delivery.delivery_id)]


def test_a_delivery_is_kept_as_long_as_the_purpose_of_its_channel_says() -> None:
    story = Story()
    story.definitions.put(Purpose(id="email", retention=Retention(messages="40d")), read_version=None)
    assert story.claimed().expires_at == (story.now + 40 * DAY) // 1_000


def test_a_change_that_starts_nothing_reads_nothing() -> None:
    wire = Steady()
    story = Story(wire=wire)
    assert story.run(outbox(SegmentLeft("abandoned_cart", NOW, "cart-1"), SegmentEntered("keen", NOW))) == []
    assert wire.calls == []


def test_a_delivery_costs_two_reads_one_claim_and_one_message() -> None:
    wire = Steady()
    Story(wire=wire).run()
    assert wire.calls == ["profiles.items", "holds.held", "deliveries.claim", "queue.enqueue"]


def test_every_change_of_the_outbox_is_run_in_order() -> None:
    story = Story(campaign(id="second", message=MESSAGE))
    story.run(outbox(SegmentLeft("keen", NOW), ENTERED, SegmentEntered("abandoned_cart", NOW, "cart-2")))
    found = [(delivery.campaign, delivery.cause.key, delivery.state) for delivery in story.deliveries.all()]
    assert found == [
        ("cart_reminder", "cart-1", State.CLAIMED),
        ("second", "cart-1", State.CLAIMED),
        ("cart_reminder", "cart-2", State.NOT_SENT),
        ("second", "cart-2", State.NOT_SENT),
    ]


def test_a_redelivery_finds_the_claim_and_enqueues_it_again() -> None:
    story = Story()
    first = story.claimed()
    story.now += MINUTE
    assert story.claimed() == first
    assert len(story.queue.messages) == 2


def test_a_settled_delivery_is_left_alone() -> None:
    story = Story()
    story.claimed()
    story.deliver()
    story.queue.messages.clear()
    assert story.claimed().state is State.DELIVERED
    assert story.queue.messages == []


def test_without_consent_it_is_recorded_as_not_sent_and_a_redelivery_does_not_turn_that_round() -> None:
    story = Story()
    story.withdraw()
    refused = story.claimed()
    assert (refused.state, refused.reason, refused.detail, refused.body) == (State.NOT_SENT, "no_consent", "email", "")
    story.store(story.shopper())
    assert story.claimed() == refused
    assert story.queue.messages == []


def test_a_claim_whose_reason_went_meanwhile_is_enqueued_all_the_same() -> None:
    story = Story()
    story.claimed()
    story.order()
    assert story.claimed().state is State.CLAIMED
    assert len(story.queue.messages) == 2


def test_an_order_before_the_claim_means_not_sent() -> None:
    story = Story()
    story.order()
    assert story.claimed().reason == "left_segment"


def test_a_hold_stops_it_before_the_stream_has_carried_the_withdrawal() -> None:
    story = Story()
    story.holds.place(key_of("email", "ada@example.com"), {"email": story.now}, 0)
    assert story.claimed().reason == "held"


def test_a_message_that_cannot_be_rendered_says_what_is_missing() -> None:
    story = Story(campaign(message={"greeting": "Hello {{ traits.nick_name }}"}))
    refused = story.claimed()
    assert (refused.state, refused.reason) == (State.NOT_SENT, "missing_value")
    assert refused.detail == "$.message.greeting: `nick_name` is missing"


def test_a_campaign_without_its_channel_is_not_sent() -> None:
    story = Story()
    story.definitions.delete("channel", "shop_webhook", read_version=1)
    assert story.claimed().reason == "no_channel"


def test_a_merge_since_the_change_is_followed_and_the_id_stays() -> None:
    story = Story()
    before = story.claimed().delivery_id
    story.store(story.shopper(2))
    story.commit(ProfileItem(profile_id=profile_id(1), version=1, merged_into=profile_id(2)))
    assert story.claimed().delivery_id == before

    other = Story()
    other.store(other.shopper(2))
    other.commit(ProfileItem(profile_id=profile_id(1), version=1, merged_into=profile_id(2)))
    delivery = other.claimed()
    assert (delivery.state, delivery.profile_id, delivery.delivery_id) == (State.CLAIMED, profile_id(1), before)


def test_of_who_is_no_more_nothing_is_kept_or_sent() -> None:
    story = Story()
    assert story.run(outbox(number=9)) == []
    assert (story.deliveries.all(), story.queue.messages) == ([], [])
    assert ("Deliveries", {"outcome": "not_sent", "reason": "no_profile"}) in story.counted


@pytest.mark.parametrize("text", ["", "[", "{}", "[1]", '[{"change":"Unknown"}]', '[{"change":"SegmentEntered"}]'])
def test_an_unreadable_outbox_holds_nobody_up(text: str) -> None:
    story = Story()
    assert story.run(OutboxRecord(profile_id(1), "1", text), outbox(sequence="2")) == []
    assert story.one().state is State.CLAIMED
    assert ("OutboxesUnreadable", {}) in story.counted


def test_a_failure_stops_its_profiles_later_records_and_no_others() -> None:
    wire = BreakAt(0, Fault.UNAVAILABLE, Moment.BEFORE)
    story = Story(wire=wire)
    story.store(story.shopper(2))
    later = SegmentEntered("abandoned_cart", NOW - 1, "cart-1")
    failed = story.run(outbox(sequence="1"), outbox(number=2, sequence="2"), outbox(later, sequence="3"))
    assert failed == ["1"]
    assert [delivery.profile_id for delivery in story.deliveries.all()] == [profile_id(2)]
    assert ("RecordsFailed", {"reason": "Unavailable"}) in story.counted


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("position", range(6))
def test_whatever_breaks_the_redelivery_neither_loses_nor_doubles(position: int, moment: Moment, fault: Fault) -> None:
    expected = Story(campaign(id="second", message=MESSAGE))
    expected.run()
    story = Story(campaign(id="second", message=MESSAGE), wire=BreakAt(position, fault, moment))
    try:
        failed = story.run()
    except Crash:
        failed = ["1"]
    if failed:
        assert story.run() == []
    assert story.deliveries.all() == expected.deliveries.all()
    assert set(story.queue.messages) == set(expected.queue.messages)
    assert story.deliver() == []
    assert len(story.sender.posts) == 2
