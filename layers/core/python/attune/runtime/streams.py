"""Lambda's stream events in and out: what arrived, and which sequence numbers must come again."""

from __future__ import annotations

import base64
import random
import time
from typing import TYPE_CHECKING, Any, Final

from attune.use_cases.process_events import StreamRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 1.0


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


def item_failures(identifiers: Iterable[str]) -> dict[str, Any]:
    """A partial batch response. A stream is read again from the lowest of these; none means that all is done.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def pause(attempt: int) -> None:
    """Wait before the n-th retry: exponential with full jitter, so that rivals for one profile part."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))  # noqa: S311 - not a secret
