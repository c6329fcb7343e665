"""`Lake` through Firehose: few, large records, because delivery makes at best one object per record."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mypy_boto3_firehose import FirehoseClient

#: PutRecordBatch: 1,000 KiB a record, 4 MiB and 500 records a call
MAX_RECORD_BYTES: Final = 1_000 * 1_024
_MAX_CALL_BYTES: Final = 4 * 1_024 * 1_024
_MAX_CALL_RECORDS: Final = 500
_TRIES: Final = 4
_FIRST_PAUSE: Final = 0.05


class LakeUnavailableError(Exception):
    """Firehose kept refusing some of the rows. Those it took will stand there twice, which readers expect."""


class FirehoseLake:
    """Retries only what was refused, a few times; the caller's own retry takes over after that."""

    def __init__(self, client: FirehoseClient, stream: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._stream = stream
        self._pause = pause

    def append(self, rows: Sequence[bytes]) -> None:
        """JSON rows without newlines; raises `LakeUnavailableError` where some stay refused."""
        for call in _grouped(_joined(rows), _MAX_CALL_BYTES, _MAX_CALL_RECORDS):
            self._put(call)

    def _put(self, records: list[bytes]) -> None:
        for attempt in range(_TRIES):
            if attempt:
                self._pause(_FIRST_PAUSE * 2**attempt)
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._stream, Records=[{"Data": record} for record in records]
            )
            if not answer["FailedPutCount"]:
                return
            answers = zip(records, answer["RequestResponses"], strict=True)
            records = [record for record, entry in answers if entry.get("ErrorCode")]
        raise LakeUnavailableError(f"{len(records)} records refused {_TRIES} times")


def _joined(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Newline-delimited records of up to 1,000 KiB."""
    lines = [row + b"\n" for row in rows]
    for group in _grouped(lines, MAX_RECORD_BYTES, len(lines)):
        yield b"".join(group)


def _grouped(parts: Iterator[bytes] | list[bytes], max_bytes: int, max_parts: int) -> Iterator[list[bytes]]:
    """Consecutive parts, as many as fit; a part that is too large alone stands alone."""
    group: list[bytes] = []
    size = 0
    for part in parts:
        if group and (size + len(part) > max_bytes or len(group) == max_parts):
            yield group
            group, size = [], 0
        group.append(part)
        size += len(part)
    if group:
        yield group
