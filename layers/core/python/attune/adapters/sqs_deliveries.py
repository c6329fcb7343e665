"""The delivery queue in SQS: what is to be sent, and when it is wanted again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class SqsDeliveries:
    """`DeliveryQueue`, and the way back onto it."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def enqueue(self, profile_id: str, delivery_id: str) -> None:
        """At least once: a repeated message finds the delivery begun or settled."""
        body = msgspec.json.encode({"profile_id": profile_id, "delivery_id": delivery_id}).decode()
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)

    def put_back(self, receipt: str, seconds: int) -> None:
        """Hides a received message for `seconds` from now, at most 12 hours."""
        self._client.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=seconds
        )
