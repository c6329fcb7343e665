"""What Lambda leaves in the failures bucket, as AWS documents it:
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

ACCOUNT = "arn:aws:lambda:eu-central-1:123456789012:function"


def kinesis_record(key: str, data: bytes, number: int = 1) -> dict[str, Any]:
    """One record of the event that `process_events` gets."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": f"{49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898 + number}",
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1_750_000_000.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/process-events",
        "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/events",
    }


def table_record(profile_id: str, outbox: str, number: int | str = 1) -> dict[str, Any]:
    """One record of the event that `run_campaigns` gets."""
    return {
        "eventID": f"c4ca4238a0b923820dcc509a6f75849{number}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": {"profile_id": {"S": profile_id}},
            "NewImage": {
                "profile_id": {"S": profile_id},
                "version": {"N": "3"},
                "state": {"B": base64.b64encode(b"state").decode()},
                "outbox": {"S": outbox},
            },
            "SequenceNumber": str(number),
            "SizeBytes": 26,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/profiles/stream/2025-06-15T00:00:00.000",
    }


def document(records: Iterable[dict[str, Any]], *, function: str = "process-events", **fields: Any) -> bytes:
    """The whole object; `fields` replace or add to it. The payload is text, as AWS writes it."""
    listed = list(records)
    return json.dumps(
        {
            "requestContext": {
                "requestId": "c9b8fa9f-5a7f-41e2-af9c-0c604cde93a5",
                "functionArn": f"{ACCOUNT}:{function}",
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": 1001,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": "2025-06-15T15:06:40.021Z",
            "KinesisBatchInfo": {"shardId": "shardId-000000000000", "batchSize": len(listed)},
            "payload": json.dumps({"Records": listed}),
        }
        | fields
    ).encode()


def key(name: str, *, hour: int = 15) -> str:
    """As Lambda names an object: mapping, shard, day, second, something random."""
    mapping = "1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d"
    return f"aws/lambda/{mapping}/shardId-000000000000/2025/06/15/2025-06-15T{hour:02}.06.40-{name}"
