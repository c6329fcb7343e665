"""`Stored` over one SQS queue that nobody consumes: dead letters, notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.ports.stored import Page, Piece

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: messages that are looked at, and calls without a new one after which there are no more
_MOST: Final = 2_000
_IDLE: Final = 4
_TOGETHER: Final = 10


class SqsStored:
    """All messages as one page. They stay visible, so the same ones come over and over: it goes on until none is new.

    What the queue counts beyond those is told as missed. Never for a queue with a consumer or a dead letter queue of
    its own: every look counts as a receipt.
    """

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def page(self, position: str) -> Page:
        """The position is not used."""
        del position
        found: dict[str, Any] = {}
        idle = 0
        while idle < _IDLE and len(found) < _MOST:
            known = len(found)
            found |= {one["MessageId"]: one for one in self._some()}
            idle = idle + 1 if len(found) == known else 0
        asked = self._client.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        counted = int(asked.get("Attributes", {}).get("ApproximateNumberOfMessages", 0))
        pieces = [Piece(message_id, [_body(one)]) for message_id, one in found.items()]
        return Page(pieces, "", max(0, counted - len(found)))

    def _some(self) -> list[Any]:
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=_TOGETHER,
            VisibilityTimeout=0,
            WaitTimeSeconds=0,
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", ()))


def _body(message: Any) -> bytes:
    attributes = msgspec.json.encode(message.get("MessageAttributes", {}))
    body: str = message["Body"]
    return body.encode("utf-8", "surrogatepass") + b"\n" + attributes
