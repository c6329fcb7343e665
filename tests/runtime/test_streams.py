"""What Lambda hands over of a stream, and what it is answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from attune.runtime.records import kinesis_records
from attune.runtime.streams import item_failures
from attune.use_cases.processing.process_events import StreamRecord
from tests.faults.simulator import failed_items

#: from Lambda's documentation, shortened: the time of arrival is in seconds
RECORD: dict[str, Any] = {
    "kinesis": {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "1",
        "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "data": base64.b64encode(b"\x00Hello \xff").decode(),
        "approximateArrivalTimestamp": 1545084650.987,
    },
    "eventSource": "aws:kinesis",
    "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
}


def test_records_come_in_order_with_their_bytes_and_the_millisecond_of_their_arrival() -> None:
    later = {**RECORD, "kinesis": {**RECORD["kinesis"], "sequenceNumber": "5"}}
    sequence = RECORD["kinesis"]["sequenceNumber"]
    first = StreamRecord(key="1", sequence=sequence, data=b"\x00Hello \xff", arrived_at=1_545_084_650_987)
    records = kinesis_records({"Records": [RECORD, later]})
    assert records[0] == first
    assert [record.sequence for record in records] == [sequence, "5"]


@pytest.mark.parametrize("failed", [[], ["7"], ["7", "9"]])
def test_what_failed_is_answered_so_that_lambda_understands_it(failed: list[str]) -> None:
    """A key or a value that it does not know would fail the whole batch."""
    assert failed_items(item_failures(failed), ["5", "7", "9"]) == failed
