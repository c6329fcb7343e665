"""What Lambda writes to S3 when it gives up on a batch of a stream, read back.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html: a JSON document whose `payload` is the
whole event, as text. Whose batch it was says each record's own kind: function names change when a stack is made
anew, and their batches stay.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

type Reader = Literal["process_events", "run_campaigns"]


class UnreadableBatchError(Exception):
    """It cannot be replayed as it is; `code` is stable and says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code: Final = code


class Batch(msgspec.Struct, frozen=True):
    """Its consumer, how many records it holds, the event as Lambda hands it over, and the stream's (key, data)."""

    reader: Reader
    size: int
    event: bytes
    entries: tuple[tuple[str, bytes], ...] = ()


class _Document(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _OfStream(msgspec.Struct):
    """`data` is base64 in the document."""

    partitionKey: str  # noqa: N815 (Lambda's word)
    data: bytes


class _Record(msgspec.Struct):
    kinesis: _OfStream | None = None
    dynamodb: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    Records: list[_Record]


def read_batch(document: bytes) -> Batch:
    """`UnreadableBatchError` `unreadable_object`, `no_payload`, or `unreadable_records`."""
    event = _payload(document)
    try:
        records = _events.decode(event).Records
    except _UNREADABLE:
        raise UnreadableBatchError("unreadable_records") from None
    entries = tuple((one.kinesis.partitionKey, one.kinesis.data) for one in records if one.kinesis is not None)
    changes = sum(one.dynamodb is not None for one in records)
    if records and len(entries) == len(records):
        return Batch("process_events", len(records), event, entries)
    if records and changes == len(records):
        return Batch("run_campaigns", len(records), event)
    raise UnreadableBatchError("unreadable_records")


def _payload(document: bytes) -> bytes:
    """The event, whether it lies in the document as text or as it is."""
    try:
        raw = bytes(_documents.decode(document).payload)
        payload = msgspec.json.decode(raw, type=str).encode() if raw.startswith(b'"') else raw
    except _UNREADABLE:
        raise UnreadableBatchError("unreadable_object") from None
    if payload in {b"null", b""}:
        raise UnreadableBatchError("no_payload")
    return payload


#: what msgspec raises for bytes that are no such JSON
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_documents: Final = msgspec.json.Decoder(_Document)
_events: Final = msgspec.json.Decoder(_Event)
