"""Lambda's SQS events as the messages that `deliver_messages` takes."""

from __future__ import annotations

from typing import Any

from attune.use_cases.campaigns.deliver_messages import Message


def queue_messages(event: dict[str, Any]) -> list[Message]:
    """The messages of one invocation; the queue knows no order."""
    return [
        Message(message_id=record["messageId"], receipt=record["receiptHandle"], body=record["body"])
        for record in event["Records"]
    ]
