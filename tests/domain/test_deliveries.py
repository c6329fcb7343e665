from __future__ import annotations

import msgspec
import pytest

from attune.domain.campaigns.deliveries import (
    DELAYS,
    ERASED,
    JITTER,
    KEPT,
    LEASE,
    LEAST_KEPT,
    MAKING,
    MAX_ATTEMPTS,
    REPAIRABLE,
    Delivery,
    State,
    answered,
    begun,
    claimed,
    delivery_id,
    is_of_both,
    kept_for,
    not_sent,
    still_kept,
    without_words,
)
from attune.domain.definitions.kinds import Definitions, snapshot
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.profiles.changes import SegmentEntered
from attune.use_cases.repairs.manage_repairs import LONGEST
from tests.builders import DAY, NOW, SECOND, campaign, channel, delivery, profile_id

CAUSE = SegmentEntered("abandoned_cart", NOW, "cart-1")


def tried(attempts: int, **fields: object) -> Delivery:
    return delivery(attempts=attempts, next_attempt_at=NOW + LEASE, body="{}", **fields)


def test_the_same_cause_has_the_same_id_and_every_other_one_another() -> None:
    ids = {
        delivery_id(campaign(), profile_id(1), CAUSE),
        delivery_id(campaign(id="other"), profile_id(1), CAUSE),
        delivery_id(campaign(), profile_id(2), CAUSE),
        delivery_id(campaign(), profile_id(1), SegmentEntered("abandoned_cart", NOW, "cart-2")),
        delivery_id(campaign(), profile_id(1), SegmentEntered("abandoned_cart", NOW + 1, "cart-1")),
    }
    assert len(ids) == 5
    assert delivery_id(campaign(), profile_id(1), CAUSE) in ids
    assert not any("." in webhook_id for webhook_id in ids)


def test_a_claim_is_kept_for_ninety_days() -> None:
    new = claimed(campaign(), profile_id(), CAUSE, now=NOW)
    assert (new.state, new.attempts, new.next_attempt_at) == (State.CLAIMED, 0, 0)
    assert new.expires_at == NOW // 1_000 + 90 * 86_400


def test_a_claim_is_kept_as_long_as_the_purpose_of_its_channel_says() -> None:
    mail = Purpose(id="email", retention=Retention(messages="40d"))
    defined = snapshot((channel(), mail, channel(id="texts", purpose="sms")))
    assert kept_for(defined, "shop_webhook") == 40 * DAY
    assert kept_for(defined, "texts") == kept_for(defined, "gone") == kept_for(Definitions(), "shop_webhook") == KEPT
    assert claimed(campaign(), profile_id(), CAUSE, kept=40 * DAY, now=NOW).expires_at == (NOW + 40 * DAY) // 1_000


@pytest.mark.parametrize(
    ("says", "ends_after"), [(None, 90), ("40d", 40), ("200d", 90)], ids=["nothing", "a shorter time", "a longer time"]
)
def test_what_is_past_its_time_is_kept_no_more_though_the_table_has_it_still(says: str, ends_after: int) -> None:
    """It was claimed when nothing was said: a shorter time counts for it too, a longer one cannot."""
    defined = snapshot((channel(), Purpose(id="email", retention=Retention(messages=says))))
    old = delivery(created_at=NOW, expires_at=(NOW + KEPT) // 1_000)
    end = NOW + ends_after * DAY
    assert still_kept([old], defined, end - 1) == [old]
    assert still_kept([old], defined, end) == []


def test_what_is_kept_is_told_newest_first_whatever_goes_between() -> None:
    defined = snapshot((channel(), Purpose(id="email", retention=Retention(messages="40d"))))
    times = {"shop_webhook": (3, 45, 50), "gone": (2, 60, 44)}
    found = [delivery(channel=name, created_at=NOW - days * DAY) for name, ages in times.items() for days in ages]
    assert [(NOW - one.created_at) // DAY for one in still_kept(found, defined, NOW)] == [2, 3, 44, 60]


def test_no_record_goes_before_what_may_bring_its_cause_again() -> None:
    """A repair looks so far back, and may take a day."""
    assert LEAST_KEPT - DAY == REPAIRABLE == LONGEST < KEPT
    waits = sum(DELAYS) * (1 + JITTER) + MAX_ATTEMPTS * LEASE
    longest = max(waits, 7 * DAY) + 14 * DAY  # until a message is a dead letter, and as such
    assert longest < LEAST_KEPT


def test_what_is_not_sent_keeps_its_reason_and_not_its_message() -> None:
    against = not_sent(delivery(body="{}"), reason="held", detail="email", now=NOW + 1)
    assert (against.state, against.reason, against.detail, against.body) == (State.NOT_SENT, "held", "email", "")


def test_what_was_made_of_two_people_keeps_no_word_of_either() -> None:
    """Its text, and whose cart it was about; what waits does not leave, and what is over stays as it came out."""
    said = delivery(body="{}", detail="d", attempts=2, next_attempt_at=NOW + 1)
    kept = without_words(said, now=NOW + 1)
    assert (kept.state, kept.reason, kept.body, kept.cause.key) == (State.NOT_SENT, ERASED, "", "")
    for state in (State.DELIVERED, State.FAILED, State.NOT_SENT):
        over = delivery(state=state, reason="r", body="{}")
        bare = without_words(over, now=NOW + 1)
        record = delivery(cause=SegmentEntered(CAUSE.segment, CAUSE.at), delivery_id=over.delivery_id)
        assert bare == msgspec.structs.replace(record, state=state, reason="r")
        assert not is_of_both(bare, NOW)


def test_a_message_is_of_both_if_it_was_made_before_they_were_folded_apart_or_may_have_been() -> None:
    """Whoever makes one has read the profile up to a minute before the time that the delivery bears."""
    about_nobody = SegmentEntered("keen", NOW)
    assert is_of_both(delivery(body="{}"), NOW - MAKING)
    assert not is_of_both(delivery(body="{}"), NOW - MAKING - 1)
    assert not is_of_both(delivery(body="{}", created_at=NOW + DAY), NOW)
    assert is_of_both(delivery(created_at=NOW + DAY), NOW)  # no message, of a cart that may be the other's
    assert is_of_both(delivery(body="{}", cause=about_nobody), NOW)
    assert not is_of_both(delivery(cause=about_nobody), NOW)


def test_an_attempt_counts_when_it_begins_and_keeps_others_away() -> None:
    first = begun(delivery(), holder="a", now=NOW)
    assert (first.attempts, first.next_attempt_at, first.holder) == (1, NOW + LEASE, "a")


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    settled = answered(tried(3, reason="status_500"), status=status, jitter=0, now=NOW)
    assert (settled.state, settled.reason) == (State.DELIVERED, "")


@pytest.mark.parametrize("status", [100, 103, 199, 300, 301, 302, 307, 400, 404, 429, 500, 503])
def test_everything_else_is_tried_again(status: int) -> None:
    settled = answered(tried(1), status=status, jitter=0, now=NOW)
    assert (settled.state, settled.reason) == (State.CLAIMED, f"status_{status}")
    assert settled.next_attempt_at == NOW + 5 * SECOND


def test_410_ends_it_at_once() -> None:
    assert answered(tried(1), status=410, jitter=0, now=NOW).state is State.FAILED


def test_the_schedule_is_eight_attempts_over_more_than_a_day() -> None:
    known, now, waits = delivery(), NOW, []
    while known.state is State.CLAIMED:
        known = answered(begun(known, holder="a", now=now), status=500, jitter=0, now=now)
        waits.append(known.next_attempt_at - now)
        now = known.next_attempt_at
    assert (known.state, known.attempts, known.reason) == (State.FAILED, MAX_ATTEMPTS, "status_500")
    assert [wait // 1_000 for wait in waits[:-1]] == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]


def test_jitter_only_ever_lengthens_and_stays_within_what_a_queue_can_hide() -> None:
    for attempts, delay in enumerate(DELAYS, start=1):
        longest = answered(tried(attempts), status=500, jitter=1, now=NOW).next_attempt_at - NOW
        assert delay < longest <= 12 * 3_600 * SECOND


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_lengthens_the_wait(status: int) -> None:
    assert answered(tried(1), status=status, retry_after=90, jitter=0, now=NOW).next_attempt_at == NOW + 90 * SECOND


def test_retry_after_never_shortens_the_wait_and_has_a_bound() -> None:
    assert answered(tried(2), status=429, retry_after=1, jitter=0, now=NOW).next_attempt_at == NOW + DELAYS[1]
    assert answered(tried(1), status=429, retry_after=10**9, jitter=0, now=NOW).next_attempt_at == NOW + DELAYS[-1]
    assert answered(tried(1), status=500, retry_after=90, jitter=0, now=NOW).next_attempt_at == NOW + DELAYS[0]
