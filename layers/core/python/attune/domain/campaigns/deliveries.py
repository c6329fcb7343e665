"""One message to one profile for one cause: the states it passes through and when it is tried again."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.kinds import purposes_of
from attune.domain.events import short_hash
from attune.domain.identifiers import DAY
from attune.domain.profiles.changes import SegmentEntered, change_id

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.definitions.kinds import Campaign, Definitions

#: what passes between a failed attempt and the next, ms: the schedule that Svix publishes, from 5 s to 10 h
DELAYS: Final = (5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000)
MAX_ATTEMPTS: Final = len(DELAYS) + 1
#: up to this share of a delay is added at random, so that what failed together does not return together
JITTER: Final = 0.1
#: how long an attempt that was begun keeps others away, ms: longer than any attempt lasts
LEASE: Final = 60_000
#: what an attempt or a decision changes of a delivery; all else stays as it was claimed
MUTABLE: Final = ("state", "reason", "detail", "body", "cause", "attempts", "next_attempt_at", "holder", "updated_at")
#: why it is not sent: it may have been made of words of somebody who was erased meanwhile
ERASED: Final = "erased"
#: ms that may pass between the reading of a profile and the note of when a message was made of it: run_campaigns ends
#: by then
MAKING: Final = 2 * 60_000
#: how far back lost effects may be looked for, ms. A delivery that is gone by then would be made, and sent, again
REPAIRABLE: Final = 30 * DAY
#: the least for which deliveries are kept, ms. Nothing reaches further back than a repair, which may take a day: what
#: waits on the queue does for 7 days, a dead letter 14, a batch that failed 28, the cause on its stream a day
LEAST_KEPT: Final = REPAIRABLE + DAY
#: for how long they are kept where the purpose of their channel says nothing, ms
KEPT: Final = 90 * DAY

_GONE: Final = 410
_SLOW_DOWN: Final = frozenset({429, 503})


class State(StrEnum):
    """`claimed` → `delivered` | `failed` | `not_sent`; only deliver_messages moves a claimed one on."""

    CLAIMED = "claimed"
    DELIVERED = "delivered"
    FAILED = "failed"
    NOT_SENT = "not_sent"


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As it lies in the `deliveries` table. `body` is the JSON that is sent, the same on every attempt."""

    profile_id: str
    delivery_id: str
    campaign: str
    channel: str
    cause: SegmentEntered
    state: State
    created_at: int
    updated_at: int
    #: epoch seconds, the table's TTL attribute
    expires_at: int
    #: a stable code: why it was not sent, or what the last attempt came to
    reason: str = ""
    #: what the code leaves open, for a person to read; names templates and variables, never values
    detail: str = ""
    body: str = ""
    attempts: int = 0
    next_attempt_at: int = 0
    #: random, of the worker that began the attempt: tells its write from an equal one of another worker
    holder: str = ""


def delivery_id(campaign: Campaign, profile_id: str, cause: SegmentEntered) -> str:
    """The `webhook-id`: the same for every redelivery of the cause; no `.`, Standard Webhooks forbids it."""
    return "msg_" + short_hash("delivery", campaign.id).hex() + change_id(profile_id, cause)


def kept_for(definitions: Definitions, channel: str) -> int:
    """For how long deliveries of a channel are kept, ms: as its purpose says, else `KEPT`."""
    found = definitions.channels.get(channel)
    purpose = purposes_of(definitions).get(found.purpose) if found else None
    said = purpose.retention.messages if purpose else None
    return milliseconds(said) if said else KEPT


def still_kept(found: Collection[Delivery], definitions: Definitions, now: int) -> list[Delivery]:
    """Those that may be shown, newest first: the table takes days to delete what is past its time.

    Of those that were claimed before their purpose's time became shorter, the shorter one counts.
    """
    ends = {channel: kept_for(definitions, channel) for channel in {one.channel for one in found}}
    kept = [one for one in found if now < min(one.expires_at * 1_000, one.created_at + ends[one.channel])]
    return sorted(kept, key=lambda one: (-one.created_at, one.delivery_id))


def claimed(campaign: Campaign, profile_id: str, cause: SegmentEntered, *, kept: int = KEPT, now: int) -> Delivery:
    """A delivery to be sent. `profile_id`: the one the cause was recorded under, whatever it merges into.

    `kept`: for how long, ms.
    """
    return Delivery(
        profile_id=profile_id,
        delivery_id=delivery_id(campaign, profile_id, cause),
        campaign=campaign.id,
        channel=campaign.channel,
        cause=cause,
        state=State.CLAIMED,
        created_at=now,
        updated_at=now,
        expires_at=(now + kept) // 1_000,
    )


def not_sent(delivery: Delivery, *, reason: str, detail: str = "", now: int) -> Delivery:
    """Decided against, for good; the message itself is not kept."""
    return msgspec.structs.replace(
        delivery, state=State.NOT_SENT, reason=reason, detail=detail, body="", updated_at=now
    )


def is_of_both(delivery: Delivery, until: int) -> bool:
    """Whether it says anything, and may say it of two people who were one profile `until` then (ms).

    What is told of later is sent of the own cart only; that nothing is sent may be noted of the other's.
    """
    if delivery.body:
        return delivery.created_at <= until + MAKING
    return bool(delivery.cause.key) and delivery.cause.at <= until + MAKING


def without_words(delivery: Delivery, *, now: int) -> Delivery:
    """The record alone, under its id: that it was made, when, and what became of it. One that waits is not sent."""
    bare = msgspec.structs.replace(delivery, body="", cause=msgspec.structs.replace(delivery.cause, key=""))
    return not_sent(bare, reason=ERASED, now=now) if delivery.state is State.CLAIMED else bare


def begun(delivery: Delivery, *, holder: str, now: int) -> Delivery:
    """An attempt counts before it is made: a worker that dies in it costs an attempt, never the delivery.

    It has no reason while nobody knows what it comes to; what has failed always has one.
    """
    return msgspec.structs.replace(
        delivery,
        reason="",
        attempts=delivery.attempts + 1,
        next_attempt_at=now + LEASE,
        holder=holder,
        updated_at=now,
    )


def is_under_way(delivery: Delivery, now: int) -> bool:
    """Whether its message may be leaving at `now`: an attempt was begun, nothing is known of it, its lease lasts."""
    begun_and_open = delivery.state is State.CLAIMED and delivery.attempts > 0 and not delivery.reason
    return begun_and_open and delivery.next_attempt_at > now


def answered(
    delivery: Delivery,
    *,
    status: int,
    reason: str = "",
    retry_after: int | None = None,
    jitter: float,
    now: int,
) -> Delivery:
    """What follows from the endpoint's answer to the last attempt begun.

    Only 2xx is success; 410 ends it, and so does the last attempt. `retry_after` (seconds) may lengthen the
    delay after a 429 or 503, up to the longest of the schedule. `jitter` is from 0 to 1. Status 0 stands
    for no answer, with its `reason`.
    """
    if 200 <= status < 300:  # noqa: PLR2004 (the class of HTTP status codes that means success)
        return msgspec.structs.replace(delivery, state=State.DELIVERED, reason="", updated_at=now)
    reason = reason or f"status_{status}"
    if status == _GONE or delivery.attempts >= MAX_ATTEMPTS:
        return msgspec.structs.replace(delivery, state=State.FAILED, reason=reason, updated_at=now)
    delay = DELAYS[max(delivery.attempts, 1) - 1]
    if retry_after is not None and status in _SLOW_DOWN:
        delay = max(delay, min(retry_after * 1_000, DELAYS[-1]))
    delay += int(delay * JITTER * jitter)
    return msgspec.structs.replace(delivery, reason=reason, next_attempt_at=now + delay, updated_at=now)
