"""Failed batches, run again: what a stream's consumer gave up on, once that which stood in its way is mended.

Records of `process_events` go back onto the stream, each under its partition key and with its bytes, in their order.
Not into the function: later records of their key have moved its cursor, and it would take them for redeliveries.
Batches of `run_campaigns` go into the function itself: its decisions are made anew, its claims have deterministic ids.

A batch is done when all of it was taken, and only then gets its receipt. So a crash repeats a batch, and a repeat is
harmless: the stream's duplicates are recognised by what the profile remembers of the last 24 hours, the claims by
their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.ports.batches import RefusedError
from attune.sources.failed_batches import UnreadableBatchError, read_batch

if TYPE_CHECKING:
    from attune.ports import Count, EventStream
    from attune.ports.batches import Consumer, FailedBatch, FailedBatches, Notices
    from attune.sources.failed_batches import Batch

#: of what a shard takes in a second, the part that a replay uses: a fifth, the rest is for those whose events come now
RECORDS: Final = 200
BYTES: Final = 200_000
#: bytes; Lambda hands over 6 MB at the most, so more than twice that is none of its documents
MAX_OBJECT: Final = 16_000_000
#: how many of the batches that are left are named
NAMED: Final = 20
_SECOND: Final = 1.0

type Entry = tuple[str, bytes]


class Left(msgspec.Struct, frozen=True):
    """A batch that stays, and why: a code of `read_batch`, `too_large`, or `refused` by its function."""

    object: str
    code: str


class Tally(msgspec.Struct):
    """Of one consumer: what was replayed, or would be."""

    batches: int = 0
    records: int = 0


class Replay(msgspec.Struct):
    """How far a run has come; handed on to the next invocation as it is.

    `position`: age (ms) and key of the last batch looked at. `oldest`: age of the oldest one (ms).
    """

    done: bool = False
    position: tuple[int, str] | None = None
    oldest: int | None = None
    process_events: Tally = msgspec.field(default_factory=Tally)
    run_campaigns: Tally = msgspec.field(default_factory=Tally)
    left: int = 0
    named: list[Left] = []


class ReplayBatches:
    """Callable until done. `sleep` takes seconds."""

    def __init__(
        self,
        *,
        batches: FailedBatches,
        notices: Notices,
        stream: EventStream,
        consumer: Consumer,
        stream_shards: int,
        sleep: Callable[[float], None],
        count: Count,
    ) -> None:
        """`consumer`: `run_campaigns`."""
        self._batches = batches
        self._notices = notices
        self._stream = stream
        self._consumer = consumer
        self._records, self._bytes = RECORDS * stream_shards, BYTES * stream_shards
        self._sleep = sleep
        self._count = count
        #: records and bytes put since the last pause
        self._spent = (0, 0)

    def __call__(
        self, run: str, started_at: int, so_far: Replay, *, dry_run: bool, has_time: Callable[[], bool]
    ) -> Replay:
        """Oldest first, up to those that were left when the run began; at least one, others as long as `has_time`.

        A batch whose turn comes when the stream or the function is out of reach ends the invocation: without an error
        if others were replayed before it, so that what was done is told.
        """
        replay = msgspec.convert(msgspec.to_builtins(so_far), Replay)
        for number, one in enumerate(self._waiting(started_at, replay.position)):
            if number and not has_time():
                break
            try:
                self._look_at(one, replay, run, dry_run=dry_run)
            except Exception:
                if not number:
                    raise
                break
            replay.position = (one.at, one.key)
        else:
            replay.done = True
        if not dry_run:
            # those of an earlier run too, which may have ended between a receipt and its notice
            self._notices.remove(self._batches.receipts())
        return replay

    def _waiting(self, until: int, position: tuple[int, str] | None) -> list[FailedBatch]:
        waiting = self._batches.waiting(until)
        return [one for one in waiting if position is None or (one.at, one.key) > tuple(position)]

    def _look_at(self, one: FailedBatch, replay: Replay, run: str, *, dry_run: bool) -> None:
        try:
            batch = self._read(one)
            if not dry_run:
                self._take(batch)
                self._batches.keep_receipt(one.key, _receipt(run, batch))
                self._count("BatchesReplayed", 1, {"consumer": batch.reader})
        except UnreadableBatchError as error:
            self._leave(replay, one, error.code, dry_run=dry_run)
        except RefusedError:
            self._leave(replay, one, "refused", dry_run=dry_run)
        else:
            tally = replay.process_events if batch.reader == "process_events" else replay.run_campaigns
            tally.batches += 1
            tally.records += batch.size
            replay.oldest = one.at if replay.oldest is None else min(replay.oldest, one.at)

    def _read(self, one: FailedBatch) -> Batch:
        if one.size > MAX_OBJECT:
            raise UnreadableBatchError("too_large")
        return read_batch(self._batches.read(one.key))

    def _take(self, batch: Batch) -> None:
        """Returns when all of it is stored or was taken."""
        if batch.reader == "run_campaigns":
            if self._consumer.take(batch.event):
                raise RefusedError
            return
        for slice_ in _slices(batch.entries, self._records, self._bytes):
            self._pace(len(slice_), sum(map(_weight, slice_)))
            self._stream.put(slice_)

    def _pace(self, records: int, size: int) -> None:
        """No second takes more than its share, of however many batches that is."""
        spent_records, spent_bytes = self._spent
        if spent_records and (spent_records + records > self._records or spent_bytes + size > self._bytes):
            self._sleep(_SECOND)
            spent_records, spent_bytes = 0, 0
        self._spent = (spent_records + records, spent_bytes + size)

    def _leave(self, replay: Replay, one: FailedBatch, code: str, *, dry_run: bool) -> None:
        """It stands in nobody's way, and is told."""
        replay.left += 1
        if len(replay.named) < NAMED:
            replay.named.append(Left(one.key, code))
        if not dry_run:
            self._count("BatchesLeft", 1, {"reason": code})


def _slices(entries: Sequence[Entry], records: int, size: int) -> Iterator[list[Entry]]:
    """What goes out at once, in order."""
    part: list[Entry] = []
    weight = 0
    for entry in entries:
        heavy = _weight(entry)
        if part and (len(part) == records or weight + heavy > size):
            yield part
            part, weight = [], 0
        part.append(entry)
        weight += heavy
    if part:
        yield part


def _weight(entry: Entry) -> int:
    return len(entry[0]) + len(entry[1])


def _receipt(run: str, batch: Batch) -> bytes:
    """By which run, of which consumer, how many records: nothing of what they hold."""
    said: dict[str, Any] = {"run": run, "consumer": batch.reader, "records": batch.size}
    return msgspec.json.encode(said)
