"""`Notices` on SQS: EventBridge's events of objects that were made in the failures bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

    from mypy_boto3_sqs.client import SQSClient

#: messages of one request, SQS's limit
_AT_ONCE: Final = 10
#: requests of one call at the most: whatever is left then is the next call's
_REQUESTS: Final = 200
#: seconds that an empty queue is listened to: without them SQS asks only some of its servers
_LISTEN: Final = 1


class _Object(msgspec.Struct):
    key: str


class _Detail(msgspec.Struct):
    object: _Object


class _Event(msgspec.Struct):
    detail: _Detail


class SqsNotices:
    """Notices that are not removed are shown again at once."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def remove(self, keys: Collection[str]) -> int:
        """Looks at every notice once. One that cannot be read is left."""
        if not keys:
            return 0
        removed, kept = 0, []
        for _ in range(_REQUESTS):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=_LISTEN
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            for message in messages:
                if _key(message["Body"]) in keys:
                    self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
                    removed += 1
                else:
                    kept.append(message["ReceiptHandle"])
        for receipt in kept:
            self._client.change_message_visibility(QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=0)
        return removed


def _key(body: str) -> str | None:
    try:
        return _decoder.decode(body).detail.object.key
    except msgspec.MsgspecError:
        return None


_decoder: Final = msgspec.json.Decoder(_Event)
