from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from attune.domain.campaigns.deliveries import DELAYS, LEASE, MAX_ATTEMPTS, Delivery, State
from attune.domain.profiles.changes import SegmentEntered
from attune.ports import ProfileItem
from attune.ports.deliveries import Answer
from attune.use_cases.campaigns.deliver_messages import Message
from tests.builders import HOUR, MINUTE, NOW, SECOND, channel, key_of, profile_id
from tests.faults.wires import BreakAt, Crash, Fault, Moment, Steady
from tests.use_cases.campaign_story import WHSEC, Story, outbox


def story_with_a_claim(*answers: Answer) -> Story:
    story = Story(answers=answers)
    story.claimed()
    return story


def test_a_claimed_delivery_leaves_once_signed_under_its_id() -> None:
    story = story_with_a_claim()
    assert story.deliver() == []
    delivery = story.one()
    (post,) = story.sender.posts
    assert (delivery.state, delivery.attempts, delivery.reason) == (State.DELIVERED, 1, "")
    assert post.url == channel().url
    assert post.body.decode() == delivery.body
    assert post.headers["webhook-id"] == delivery.delivery_id
    assert post.headers["webhook-timestamp"] == str(story.now // 1_000)
    assert post.headers["content-type"] == "application/json"
    assert post.headers["webhook-signature"].startswith("v1,")


def test_an_attempt_costs_five_reads_and_two_writes_and_nothing_lies_between_the_last_look_and_the_post() -> None:
    wire = Steady()
    story = Story(wire=wire)
    story.claimed()
    wire.calls.clear()
    story.deliver()
    assert wire.calls == [
        "deliveries.get",
        "profiles.items",
        "holds.held",
        "secrets.live",
        "deliveries.settle",
        "profiles.items",
        "holds.held",
        "sender.post",
        "deliveries.settle",
    ]


@pytest.mark.parametrize("after", ["holds.held", "secrets.live", "deliveries.settle"])
def test_what_is_held_while_a_message_is_made_ready_stops_it(after: str) -> None:
    story = story_with_a_claim()
    placed: list[str] = []

    class Meanwhile:
        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            answer = call()
            if name == after and not placed:
                placed.append(name)
                story.holds.place(key_of("email", "ada@example.com"), {"email": story.now}, 0)
            return answer

    story.wire = Meanwhile()
    assert story.deliver() == []
    assert placed == [after]
    assert (story.one().state, story.one().reason, story.sender.posts) == (State.NOT_SENT, "held", [])


def test_a_repeated_message_of_a_settled_delivery_goes_without_a_send() -> None:
    story = story_with_a_claim()
    story.deliver()
    assert story.deliver() == []
    assert len(story.sender.posts) == 1


def test_an_expired_delivery_is_done_with() -> None:
    story = Story()
    body = json.dumps({"profile_id": profile_id(), "delivery_id": "msg_gone"})
    assert story.deliver(Message("m", "r", body)) == []


def test_every_live_secret_signs() -> None:
    story = story_with_a_claim()
    story.secrets.replace("shop_webhook", (WHSEC, "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"))
    story.deliver()
    signatures = story.sender.posts[0].headers["webhook-signature"].split(" ")
    assert len(set(signatures)) == 2
    assert all(signature.startswith("v1,") for signature in signatures)


def test_a_failed_attempt_is_put_back_for_the_next_one_and_keeps_its_id() -> None:
    story = story_with_a_claim(Answer(status=500), Answer(status=200))
    assert story.deliver() == ["m0"]
    waiting = story.one()
    assert (waiting.state, waiting.attempts, waiting.reason) == (State.CLAIMED, 1, "status_500")
    assert story.put_back == {"r0": 5}
    story.now += 5 * SECOND
    assert story.deliver() == []
    first, second = story.sender.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 5
    assert first.body == second.body


def test_a_message_that_comes_too_early_is_put_back_without_a_send() -> None:
    story = story_with_a_claim(Answer(status=500))
    story.deliver()
    story.now += 1
    assert story.deliver() == ["m0"]
    assert story.put_back == {"r0": 5}
    assert len(story.sender.posts) == 1


def test_jitter_and_retry_after_lengthen_the_wait() -> None:
    story = story_with_a_claim(Answer(status=429, retry_after=100))
    story.jitter = 0.5
    story.deliver()
    assert story.put_back == {"r0": 105}


def play_through(story: Story) -> int:
    """Deliver until nothing is left to do but to wait for the dead letter queue; how often it was received."""
    for received in range(1, 20):
        if not story.deliver() or story.one().state is State.FAILED:
            return received
        story.now += story.put_back["r0"] * SECOND
    raise AssertionError


def test_eight_attempts_then_it_failed_and_its_message_is_never_acknowledged() -> None:
    story = story_with_a_claim(*[Answer(status=500)] * 20)
    began = story.now
    assert play_through(story) == MAX_ATTEMPTS
    assert (story.one().state, story.one().reason) == (State.FAILED, "status_500")
    assert story.now - began == sum(DELAYS) > 27 * HOUR
    assert story.deliver() == ["m0"]
    assert story.put_back == {"r0": 1}
    assert len(story.sender.posts) == MAX_ATTEMPTS


def test_410_fails_at_once() -> None:
    story = story_with_a_claim(Answer(status=410))
    assert story.deliver() == ["m0"]
    assert (story.one().state, story.one().reason) == (State.FAILED, "status_410")


def test_an_endpoint_that_cannot_be_reached_is_tried_again_with_its_reason() -> None:
    story = story_with_a_claim(Answer(status=0, reason="timeout"))
    story.deliver()
    assert (story.one().state, story.one().reason) == (State.CLAIMED, "timeout")


def test_without_a_secret_nothing_leaves_until_there_is_one() -> None:
    story = story_with_a_claim()
    story.secrets.replace("shop_webhook", ())
    assert story.deliver() == ["m0"]
    assert (story.one().attempts, story.one().reason, story.sender.posts) == (1, "no_secret", [])
    story.secrets.replace("shop_webhook", (WHSEC,))
    story.now += 5 * SECOND
    assert story.deliver() == []
    assert len(story.sender.posts) == 1


def test_a_secret_that_is_never_set_ends_in_a_dead_letter() -> None:
    story = story_with_a_claim()
    story.secrets.replace("shop_webhook", ())
    assert play_through(story) == MAX_ATTEMPTS
    assert (story.one().state, story.one().reason, story.sender.posts) == (State.FAILED, "no_secret", [])


def test_an_unusable_secret_is_no_secret() -> None:
    story = story_with_a_claim()
    story.secrets.replace("shop_webhook", (WHSEC, "whsec_short"))
    assert story.deliver() == ["m0"]
    assert (story.one().attempts, story.one().reason, story.sender.posts) == (1, "bad_secret", [])


def test_an_order_that_came_meanwhile_cancels() -> None:
    story = story_with_a_claim()
    story.order()
    assert story.deliver() == []
    assert (story.one().state, story.one().reason) == (State.NOT_SENT, "left_segment")
    assert story.sender.posts == []


def test_an_order_between_two_attempts_cancels_too() -> None:
    story = story_with_a_claim(Answer(status=500))
    story.deliver()
    story.now += MINUTE
    story.order()
    assert story.deliver() == []
    assert (story.one().state, len(story.sender.posts)) == (State.NOT_SENT, 1)


def test_a_withdrawal_or_a_hold_that_came_meanwhile_stops_it() -> None:
    withdrawn, held = story_with_a_claim(), story_with_a_claim()
    withdrawn.withdraw("personalization")
    held.holds.place(key_of("email", "ada@example.com"), {"email": held.now}, 0)
    for story, reason in ((withdrawn, "no_consent"), (held, "held")):
        assert story.deliver() == []
        assert (story.one().state, story.one().reason) == (State.NOT_SENT, reason)
        assert story.sender.posts == []


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [("channel", "shop_webhook", "no_channel"), ("campaign", "cart_reminder", "no_campaign")],
)
def test_what_was_deleted_meanwhile_sends_nothing(kind: str, name: str, reason: str) -> None:
    story = story_with_a_claim()
    story.definitions.delete(kind, name, read_version=1)
    assert story.deliver() == []
    assert (story.one().state, story.one().reason, story.sender.posts) == (State.NOT_SENT, reason, [])


def test_an_erased_profile_receives_nothing() -> None:
    story = story_with_a_claim()
    story.commit(ProfileItem(profile_id=profile_id(), version=1))
    story.deliver()
    assert story.one().reason == "no_profile"


def test_a_merge_meanwhile_is_followed() -> None:
    story = story_with_a_claim()
    story.store(story.shopper(2))
    story.commit(ProfileItem(profile_id=profile_id(1), version=1, merged_into=profile_id(2)))
    assert story.deliver() == []
    assert story.one().state is State.DELIVERED


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"profile_id": 1, "delivery_id": "x"}'])
def test_a_foreign_message_waits_for_the_dead_letter_queue_and_holds_nobody_up(body: str) -> None:
    story = story_with_a_claim()
    assert story.deliver(Message("foreign", "r9", body), *story.messages()) == ["foreign"]
    assert story.put_back == {"r9": 1}
    assert story.one().state is State.DELIVERED


def test_out_of_reach_costs_no_attempt_and_the_others_go_on() -> None:
    story = story_with_a_claim()
    story.run(outbox(SegmentEntered("abandoned_cart", NOW - 1, "cart-1")))
    story.wire = BreakAt(1, Fault.UNAVAILABLE, Moment.BEFORE)
    assert story.deliver() == ["m0"]
    first, second = story.deliveries.all()
    assert (first.state, first.attempts, second.state) == (State.CLAIMED, 0, State.DELIVERED)
    assert story.put_back == {}


def test_two_workers_with_the_same_message_send_it_once() -> None:
    story = story_with_a_claim()
    seen: list[list[str]] = []

    class Slow:
        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            if name == "sender.post" and not seen:
                seen.append(story.deliver())
            return call()

    story.wire = Slow()
    assert story.deliver() == []
    assert seen == [["m0"]]
    assert len(story.sender.posts) == 1


def test_a_worker_that_lost_the_race_for_the_attempt_waits_for_its_outcome() -> None:
    story = story_with_a_claim()
    raced: list[list[str]] = []

    class Late:
        def carry(self, name: str, call: Callable[[], Any]) -> Any:
            if name == "secrets.live" and not raced:
                raced.append([])
                raced[0] = story.deliver()
            return call()

    story.wire = Late()
    assert story.deliver() == ["m0"]
    assert story.put_back == {"r0": LEASE // SECOND}
    assert raced == [[]]
    assert len(story.sender.posts) == 1


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("position", range(9))
def test_whatever_breaks_the_message_arrives_under_one_id(position: int, moment: Moment, fault: Fault) -> None:
    story = story_with_a_claim()
    story.wire = BreakAt(position, fault, moment)
    received = 0
    while True:
        try:
            if not story.deliver():
                break
        except Crash:
            pass
        story.now += LEASE
        received += 1
        assert received < 4
    assert story.one().state is State.DELIVERED
    assert len({post.headers["webhook-id"] for post in story.sender.posts}) == 1
    # Only a worker lost between the post and its record makes the endpoint see it twice, under one id.
    assert len(story.sender.posts) == (2 if (position, moment) in {(7, Moment.APPLIED), (8, Moment.BEFORE)} else 1)


def test_a_worker_lost_in_every_attempt_ends_in_a_failed_delivery() -> None:
    story = story_with_a_claim()
    for _ in range(MAX_ATTEMPTS):
        story.wire = BreakAt(5, Fault.CRASH, Moment.BEFORE)
        with pytest.raises(Crash):
            story.deliver()
        story.now += LEASE
    story.wire = Steady()
    assert story.deliver() == ["m0"]
    failed: Delivery = story.one()
    assert (failed.state, failed.reason, failed.attempts) == (State.FAILED, "interrupted", MAX_ATTEMPTS)
    assert story.sender.posts == []
