"""From a claimed delivery to one signed webhook: checked again right before it leaves, tried again on a schedule.

Two writes an attempt. The first counts it and keeps other workers away while it lasts; the second says what
it came to. A worker that dies between them costs an attempt: the message is sent again, under the same
`webhook-id`, when the lease is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

import msgspec

from attune.domain.campaigns import deliveries
from attune.domain.campaigns.deliveries import LEASE, MAX_ATTEMPTS, State
from attune.domain.campaigns.sending import NotSent, Send
from attune.domain.consent.gate import REFUSALS, Edge
from attune.ports import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune.domain.campaigns.deliveries import Delivery
    from attune.domain.definitions.kinds import Channel
    from attune.ports import Clock, Count, Secrets
    from attune.ports.deliveries import DeliveryStore, WebhookSender
    from attune.use_cases.campaigns.read_circumstances import ReadCircumstances

    #: (secrets, webhook id, epoch seconds, body) → the headers of Standard Webhooks; ValueError without a usable secret
    type Sign = Callable[[Sequence[str], str, int, str], Mapping[str, str]]

#: how soon what is to become a dead letter is received again, until the queue's redrive policy takes it, s
_DEAD_LETTER_PAUSE: Final = 1
#: the longest SQS hides a message, s
_LONGEST_PAUSE: Final = 43_200
_USER_AGENT: Final = "Attune-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the delivery queue. `receipt` is what it is put back with."""

    message_id: str
    receipt: str
    body: str


class Work(msgspec.Struct, frozen=True):
    """The body of a message."""

    profile_id: str
    delivery_id: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """Nothing more to do: the message goes."""


class PutBack(msgspec.Struct, frozen=True, tag=True):
    """The message is wanted again at this instant (ms)."""

    at: int


class DeadLetter(msgspec.Struct, frozen=True, tag=True):
    """Somebody has to look at it: the message is never acknowledged, so the queue's redrive policy moves it."""


type Outcome = Done | PutBack | DeadLetter


class DeliverMessages:
    """Callable with the messages of one invocation; answers the ids of those that stay on the queue."""

    def __init__(  # noqa: PLR0913 (constructor arguments are the injection)
        self,
        *,
        circumstances: ReadCircumstances,
        store: DeliveryStore,
        secrets: Secrets,
        sign: Sign,
        sender: WebhookSender,
        put_back: Callable[[str, int], None],
        clock: Clock,
        jitter: Callable[[], float],
        holder: Callable[[], str],
        count: Count,
        report: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`put_back` hides a message (by receipt) for some seconds; `jitter` is random from 0 to 1, `holder` unique."""
        self._circumstances = circumstances
        self._store = store
        self._secrets = secrets
        self._sign = sign
        self._sender = sender
        self._put_back = put_back
        self._clock = clock
        self._jitter = jitter
        self._holder = holder
        self._count = count
        self._report = report

    def __call__(self, messages: Sequence[Message]) -> list[str]:
        """A fault of the infrastructure leaves a message to the queue's visibility timeout and costs no attempt."""
        staying = []
        for message in messages:
            try:
                handled = self._handle(message)
            except Exception as error:  # noqa: BLE001 - out of reach: this message again, the others go on
                self._report(error)
                self._count("RecordsFailed", 1, {"reason": type(error).__name__})
                handled = False
            if not handled:
                staying.append(message.message_id)
        return staying

    def _handle(self, message: Message) -> bool:
        outcome = self._outcome(message)
        match outcome:
            case Done():
                return True
            case PutBack(at):
                seconds = -(-(at - self._clock()) // 1_000)
                self._put_back(message.receipt, min(max(seconds, 1), _LONGEST_PAUSE))
            case DeadLetter():
                self._put_back(message.receipt, _DEAD_LETTER_PAUSE)
            case _:
                assert_never(outcome)
        return False

    def _outcome(self, message: Message) -> Outcome:
        try:
            work = _decoder.decode(message.body)
        except msgspec.MsgspecError:
            self._count("MessagesUnreadable", 1, {})
            return DeadLetter()
        delivery = self._store.get(work.profile_id, work.delivery_id)
        if delivery is None or delivery.state in {State.DELIVERED, State.NOT_SENT}:
            return Done()
        if delivery.state is State.FAILED:
            return DeadLetter()
        if delivery.next_attempt_at > self._clock():
            return PutBack(delivery.next_attempt_at)
        try:
            return self._attempt(delivery)
        except ConflictError:
            # Another worker has it: what that comes to is looked up when its lease is over.
            return PutBack(self._clock() + LEASE)

    def _attempt(self, delivery: Delivery) -> Outcome:
        if delivery.attempts >= MAX_ATTEMPTS:
            # The last attempt was begun, and its worker did not live to say what it came to.
            return self._settle(self._answered(delivery, reason="interrupted"), delivery)
        seen = self._circumstances(delivery.profile_id)
        decision = seen.decide(delivery.campaign, delivery.channel, delivery.cause)
        match decision:
            case NotSent():
                return self._refuse(delivery, decision)
            case Send(channel=channel):
                return self._send(delivery, channel)
            case _:
                assert_never(decision)

    def _refuse(self, delivery: Delivery, against: NotSent) -> Outcome:
        if against.refused is not None:
            self._count(REFUSALS, 1, against.refused.counted(Edge.SEND))
        decided = deliveries.not_sent(delivery, reason=against.reason, detail=against.detail, now=self._clock())
        return self._settle(decided, delivery)

    def _send(self, delivery: Delivery, channel: Channel) -> Outcome:
        secrets = self._secrets.live(channel.id)
        begun = deliveries.begun(delivery, holder=self._holder(), now=self._clock())
        try:
            signature = self._sign(secrets, delivery.delivery_id, self._clock() // 1_000, delivery.body)
        except ValueError:
            # Never unsigned. It counts as an attempt, so that a secret that is never set ends in a dead letter.
            return self._settle(self._answered(begun, reason="bad_secret" if secrets else "no_secret"), delivery)
        self._store.settle(begun, read_state=delivery.state, read_attempts=delivery.attempts)
        # From here on whoever withdraws sees this under way and waits for it; what they said before is read now.
        decision = self._circumstances(begun.profile_id).decide(begun.campaign, begun.channel, begun.cause)
        if isinstance(decision, NotSent):
            return self._refuse(begun, decision)
        headers = {"content-type": "application/json", "user-agent": _USER_AGENT, **signature}
        answer = self._sender.post(channel.url, headers, delivery.body.encode())
        return self._settle(self._answered(begun, answer.status, answer.reason, answer.retry_after), begun)

    def _answered(
        self, delivery: Delivery, status: int = 0, reason: str = "", retry_after: int | None = None
    ) -> Delivery:
        return deliveries.answered(
            delivery,
            status=status,
            reason=reason,
            retry_after=retry_after,
            jitter=self._jitter(),
            now=self._clock(),
        )

    def _settle(self, delivery: Delivery, read: Delivery) -> Outcome:
        self._store.settle(delivery, read_state=read.state, read_attempts=read.attempts)
        self._count("DeliveryAttempts", 1, {"outcome": str(delivery.state), "reason": delivery.reason or "none"})
        match delivery.state:
            case State.CLAIMED:
                return PutBack(delivery.next_attempt_at)
            case State.FAILED:
                return DeadLetter()
            case State.DELIVERED | State.NOT_SENT:
                return Done()
            case _:
                assert_never(delivery.state)


_decoder: Final = msgspec.json.Decoder(Work)
