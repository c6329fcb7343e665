"""From what a profile's commit caused to claimed and enqueued deliveries, each exactly once.

The claim comes first: a conditional put of the delivery's deterministic id. A crash before it repeats the
decision; a crash after it finds the claim and enqueues it. A decision against is claimed too, so that a
redelivery cannot turn it round and "why not sent" has an answer; of who was erased nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

import msgspec

from attune.domain.campaigns import deliveries
from attune.domain.campaigns.deliveries import State
from attune.domain.campaigns.sending import NotSent, Send, message_context, triggered
from attune.domain.campaigns.templates import TemplateError, render
from attune.domain.consent.gate import REFUSALS, Edge
from attune.domain.profiles.changes import decode_outbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.campaigns.deliveries import Delivery
    from attune.domain.campaigns.sending import Decision
    from attune.domain.definitions.kinds import Campaign
    from attune.domain.profiles.changes import Change, SegmentEntered
    from attune.ports import Count, DefinitionReader
    from attune.ports.deliveries import Claims, DeliveryQueue
    from attune.use_cases.campaigns.read_circumstances import Circumstances, ReadCircumstances


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """One record of the profiles table's stream: `outbox` is the attribute's text."""

    profile_id: str
    sequence: str
    outbox: str


class RunCampaigns:
    """Callable with the records of one invocation, in order; answers the sequence numbers to deliver again."""

    def __init__(
        self,
        *,
        circumstances: ReadCircumstances,
        definitions: DefinitionReader,
        store: Claims,
        queue: DeliveryQueue,
        count: Count,
        report: Callable[[BaseException], None] = lambda _: None,
        starts: Callable[[Campaign, SegmentEntered], bool] = lambda _campaign, _entry: True,
    ) -> None:
        """`starts`: whether a campaign may be started by an entry into its segment."""
        self._starts = starts
        self._circumstances = circumstances
        self._definitions = definitions
        self._store = store
        self._queue = queue
        self._count = count
        self._report = report

    def __call__(self, records: Sequence[OutboxRecord]) -> list[str]:
        """Only faults of the infrastructure fail a record; after one, its profile's later records wait for it."""
        failed: dict[str, str] = {}
        for record in records:
            if record.profile_id in failed:
                continue
            try:
                self._run(record)
            except Exception as error:  # noqa: BLE001 - out of reach: this record again, other profiles go on
                failed[record.profile_id] = record.sequence
                self._report(error)
                self._count("RecordsFailed", 1, {"reason": type(error).__name__})
        return list(failed.values())

    def _run(self, record: OutboxRecord) -> None:
        found = triggered(self._definitions.current(), self._changes(record))
        started = [(campaign, cause) for campaign, cause in found if self._starts(campaign, cause)]
        if not started:
            return
        seen = self._circumstances(record.profile_id)
        for campaign, cause in started:
            decision = seen.decide(campaign.id, campaign.channel, cause)
            if isinstance(decision, NotSent) and decision.refused is not None:
                self._count(REFUSALS, 1, decision.refused.counted(Edge.DECIDE))
            wanted = _decided(campaign, cause, record.profile_id, seen, decision)
            # Who was erased stays so: a record of what they are not sent would only outlive their erasure.
            stored = wanted if seen.profile is None else self._store.claim(wanted)
            if stored.state is State.CLAIMED:
                self._queue.enqueue(stored.profile_id, stored.delivery_id)
            self._count("Deliveries", 1, {"outcome": str(stored.state), "reason": stored.reason or "none"})

    def _changes(self, record: OutboxRecord) -> tuple[Change, ...]:
        try:
            return decode_outbox(record.outbox)
        except msgspec.MsgspecError:
            # Nothing will make it readable: it must not hold up the shard. Its campaigns do not start; the count tells.
            self._count("OutboxesUnreadable", 1, {})
            return ()


def _decided(
    campaign: Campaign, cause: SegmentEntered, profile_id: str, seen: Circumstances, decision: Decision
) -> Delivery:
    """The delivery as it is to be stored: with its message, or with the reason why there is none."""
    kept = deliveries.kept_for(seen.definitions, campaign.channel)
    wanted = deliveries.claimed(campaign, profile_id, cause, kept=kept, now=seen.now)
    match decision:
        case NotSent(reason, detail):
            return deliveries.not_sent(wanted, reason=reason, detail=detail, now=seen.now)
        case Send(profile):
            context = message_context(campaign, cause, profile, compiled=seen.compiled, now=seen.now)
            try:
                return msgspec.structs.replace(wanted, body=render(campaign.message, context))
            except TemplateError as error:
                return deliveries.not_sent(wanted, reason=error.reason, detail=str(error), now=seen.now)
        case _:
            assert_never(decision)
