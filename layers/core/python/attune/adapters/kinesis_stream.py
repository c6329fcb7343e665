"""The event stream on Kinesis: PutRecords in chunks, in order for each partition key, with bounded tries."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from botocore import exceptions
from botocore.config import Config
from botocore.exceptions import ClientError

from attune.adapters.aws_outages import is_outage
from attune.ports import StreamUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

#: of one PutRecords call
MAX_RECORDS: Final = 500
MAX_BYTES: Final = 5 * 1024 * 1024
#: tries of one chunk, and seconds that the pauses between them grow from and to: about 3 s in the worst case
ATTEMPTS: Final = 6
#: how often one `put` waits for an answer in vain before it gives up: the caller's own time is running out
UNANSWERED: Final = 1
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0

type Entry = tuple[str, bytes]


class KinesisStream:
    """`EventStream`. A record may be stored twice: after a lost answer, and when an earlier one of its key failed."""

    def __init__(
        self,
        client: KinesisClient,
        name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep
        self._jitter = jitter
        self._unanswered = 0

    def put(self, records: Sequence[Entry]) -> None:
        """Chunk after chunk, so that no record overtakes an earlier one of its key."""
        self._unanswered = 0
        for chunk in _chunks(records):
            self._put_chunk(chunk)

    def _put_chunk(self, chunk: list[Entry]) -> None:
        remaining = chunk
        for attempt in range(ATTEMPTS):
            if attempt:
                ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**attempt)
                self._sleep(ceiling * (0.5 + self._jitter() / 2))
            remaining = self._try(remaining)
            if not remaining:
                return
        raise StreamUnavailableError(f"{len(remaining)} of {len(chunk)} records were not stored")

    def _try(self, entries: list[Entry]) -> list[Entry]:
        """What has to be sent again: the failed ones and, to keep the order, all that follow under the same key."""
        described: list[PutRecordsRequestEntryTypeDef] = [{"PartitionKey": key, "Data": data} for key, data in entries]
        try:
            answer = self._client.put_records(StreamName=self._name, Records=described)
        except (exceptions.ConnectionError, exceptions.HTTPClientError):
            # Nobody knows whether it was stored; stored twice is harmless, lost is not.
            self._unanswered += 1
            if self._unanswered > UNANSWERED:
                raise StreamUnavailableError("the stream does not answer") from None
            return entries
        except ClientError as error:
            if is_outage(error):
                return entries
            raise
        failed: set[str] = set()
        again: list[Entry] = []
        for entry, result in zip(entries, answer["Records"], strict=True):
            if result.get("ErrorCode"):
                failed.add(entry[0])
            if entry[0] in failed:
                again.append(entry)
        return again


def kinesis_config() -> Config:
    """For callers who must answer within seconds; retries are this module's, which knows about order."""
    return Config(connect_timeout=1, read_timeout=4, retries={"total_max_attempts": 1})


def _chunks(records: Sequence[Entry]) -> Iterator[list[Entry]]:
    chunk: list[Entry] = []
    size = 0
    for key, data in records:
        weight = len(key.encode()) + len(data)
        if chunk and (len(chunk) == MAX_RECORDS or size + weight > MAX_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((key, data))
        size += weight
    if chunk:
        yield chunk
