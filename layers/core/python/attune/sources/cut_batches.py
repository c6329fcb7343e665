"""What Lambda wrote of a batch that it gave up on, without some of its records; those that stay, stay byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.sources.failed_batches import UnreadableBatchError

if TYPE_CHECKING:
    from collections.abc import Callable


class BatchRecord(msgspec.Struct, frozen=True):
    """One record: all of its bytes as JSON, and what the stream of events carried (None: it is a change of a table)."""

    raw: bytes
    data: bytes | None


class _OfStream(msgspec.Struct):
    data: bytes


class _Record(msgspec.Struct):
    kinesis: _OfStream | None = None


def cut_batch(document: bytes, is_cut: Callable[[BatchRecord], bool]) -> tuple[bytes, int] | None:
    """The document and how many records it still has; None where none is cut.

    `UnreadableBatchError` `unreadable_records` where it is no such document.
    """
    try:
        fields = _fields.decode(document)
        raw = bytes(fields["payload"])
        as_text = raw.startswith(b'"')
        event = _fields.decode(msgspec.json.decode(raw, type=str) if as_text else raw)
        records = _records.decode(event["Records"])
        kept = [one for one in records if not is_cut(BatchRecord(bytes(one), _data(one)))]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, KeyError):
        raise UnreadableBatchError("unreadable_records") from None
    if len(kept) == len(records):
        return None
    left = msgspec.json.encode(event | {"Records": kept})
    payload: Any = left.decode() if as_text else msgspec.Raw(left)
    return msgspec.json.encode(fields | {"payload": payload}), len(kept)


def records_of(document: bytes) -> list[BatchRecord]:
    """All of them. `UnreadableBatchError` `unreadable_records` where it is no such document."""
    found: list[BatchRecord] = []

    def keep(one: BatchRecord) -> bool:
        found.append(one)
        return False

    cut_batch(document, keep)
    return found


def _data(record: msgspec.Raw) -> bytes | None:
    kinesis = _record.decode(record).kinesis
    return None if kinesis is None else kinesis.data


_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_records: Final = msgspec.json.Decoder(list[msgspec.Raw])
_record: Final = msgspec.json.Decoder(_Record)
