"""Lambda's Kinesis events as the records that `process_events` takes."""

from __future__ import annotations

import base64
from typing import Any

from attune.use_cases.processing.process_events import StreamRecord


def kinesis_records(event: dict[str, Any]) -> list[StreamRecord]:
    """The records of one invocation, in the order of the shard."""
    return [
        StreamRecord(
            key=record["kinesis"]["partitionKey"],
            sequence=record["kinesis"]["sequenceNumber"],
            data=base64.b64decode(record["kinesis"]["data"]),
            arrived_at=int(record["kinesis"]["approximateArrivalTimestamp"] * 1_000),
        )
        for record in event["Records"]
    ]
