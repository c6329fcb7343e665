"""An event source mapping that reads a stream, as Lambda documents it.

Each shard is read in order, one batch at a time, at least once. What an invocation answers moves the shard's
checkpoint: to the end of the batch on success, to the LOWEST failed sequence number where it reports failures
(everything from there comes again, what had succeeded included), nowhere where it raises, crashes or answers nonsense.
With `bisect` a batch that failed as a whole comes again in halves, one that failed from a record on without what lies
before it, and neither uses up a try. After `max_retries` tries, or at an age above `max_age`, the records
themselves go to the on-failure destination and the shard goes on. A shard that was split or merged is read to its end
before its children are. With a parallelization factor a shard is read in as many lanes: the records of one partition
key stay in one and in order, and each lane has batches, tries and a checkpoint of its own.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from typing import Any

from tests.faults.simulator import Batch, Invoke, failed_items

#: partition keys are spread over the shards by their MD5, a number below this
HASH_KEYS = 1 << 128
#: a stream that reshards by itself stays within this many open shards
MOST_SHARDS = 16


def hash_key(partition_key: str) -> int:
    """Where a partition key lies among all."""
    return int(hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest(), 16)


@dataclass(frozen=True)
class GivenUp:
    """What lies in the on-failure destination: the records themselves, and why they are there."""

    reason: str
    records: list[Any]


@dataclass(frozen=True)
class Chunk:
    """Part of a shard's log that is invoked together; `tries` that failed so far."""

    start: int
    end: int
    tries: int = 0


@dataclass
class Shard:
    """Takes the hash keys from `first` up to, not including, `end`; `parents` are the places of those it came from.

    Or a lane of one: several of the same range, side by side.
    """

    first: int
    end: int
    parents: tuple[int, ...] = ()
    closed: bool = False
    busy: bool = False
    #: records, and when each arrived
    log: list[tuple[Any, int]] = field(default_factory=list)
    #: how far the log has been divided into chunks
    read: int = 0
    #: what is in flight or waits to be tried again, in order; everything before the first is done
    chunks: deque[Chunk] = field(default_factory=deque)
    not_before: int = 0

    @property
    def checkpoint(self) -> int:
        """Everything before it is done or given up."""
        return self.chunks[0].start if self.chunks else self.read

    @property
    def drained(self) -> bool:
        """Nothing is left to do."""
        return self.checkpoint == len(self.log)

    def rewind(self, to: int) -> None:
        """Read on from there, in batches of other sizes maybe."""
        self.chunks.clear()
        self.read = to

    def skip(self, to: int) -> None:
        """What lies before is no longer wanted."""
        kept = [replace(chunk, start=max(chunk.start, to)) for chunk in self.chunks if chunk.end > to]
        self.chunks = deque(kept)
        self.read = max(self.read, to)

    def records(self, start: int, end: int) -> list[Any]:
        """Of that part of the log."""
        return [record for record, _ in self.log[start:end]]


@dataclass
class StreamMapping:
    """Feeds `invoke` from a growing sequence of records.

    `records` gives all records from a position on; `key` and `sequence` of one decide its shard and its identifier.
    `lanes`: the parallelization factor. `max_retries` and `max_age` (ms) None: for ever. `pause`: ms before a failed
    batch is tried again. `restless`: the chance that the stream is resharded before a batch is taken.
    """

    invoke: Invoke
    records: Callable[[int], Sequence[Any]]
    key: Callable[[Any], str]
    sequence: Callable[[Any], str]
    shards: int = 1
    lanes: int = 1
    batch_size: int = 10
    bisect: bool = False
    max_retries: int | None = None
    max_age: int | None = None
    pause: int = 0
    restless: float = 0.0
    clock: Callable[[], int] = lambda: 0
    #: the on-failure destination
    given_up: list[GivenUp] = field(default_factory=list)

    _read: int = 0
    _shards: list[Shard] = field(default_factory=list)
    #: places of those that will never be read again
    _over: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        bounds = [-(-(HASH_KEYS * n) // self.shards) for n in range(self.shards + 1)]
        self._shards, self._over = [], set()
        self._open((), list(pairwise(bounds)))

    # ------------------------------------------------------------------------------------------------- invocations

    def take(self, rng: Random) -> Batch | None:
        """The next batch of a shard that is not busy, whose pause is over and whose parents have nothing left."""
        if self.restless and rng.random() < self.restless:
            self.reshard(rng)
        self._poll()
        self._discard_old()
        free = [place for place in self._waiting() if self._shards[place].not_before <= self.clock()]
        if not free:
            return None
        place = rng.choice(free)
        shard = self._shards[place]
        if not shard.chunks:
            end = min(shard.read + rng.randint(1, self.batch_size), len(shard.log))
            shard.chunks.append(Chunk(shard.read, end))
            shard.read = end
        shard.busy = True
        return Batch(place, shard.records(shard.chunks[0].start, shard.chunks[0].end))

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        """`again`: the poller lost its place after success, and begins once more where the batch began."""
        shard = self._shards[batch.place]
        shard.busy = False
        chunk = shard.chunks.popleft()
        sequences = [self.sequence(record) for record in batch.records]
        reported = None if failed else failed_items(answer, sequences)
        done = 0 if reported is None else min((sequences.index(one) for one in reported), default=len(sequences))
        if done < len(sequences):
            self._retry(shard, replace(chunk, start=chunk.start + done), whole=reported is None, progressed=done > 0)
        elif again:
            shard.rewind(chunk.start)

    def next_try(self) -> int | None:
        """When the next batch that waits out its pause is tried again."""
        return min((self._shards[place].not_before for place in self._waiting()), default=None)

    def hold(self, partition_key: str, until: int) -> None:
        """What lies where that key does is not read before then: it lags."""
        self._shards[self.place_of(partition_key)].not_before = until

    def _waiting(self) -> list[int]:
        return [
            place
            for place, shard in enumerate(self._shards)
            if not shard.busy and not shard.drained and all(map(self._is_over, shard.parents))
        ]

    def _is_over(self, place: int) -> bool:
        """Nothing is left of the shard, nor of those it came from: an empty one may stand between two that are not."""
        if place not in self._over:
            shard = self._shards[place]
            if not shard.closed or not shard.drained or not all(map(self._is_over, shard.parents)):
                return False
            self._over.add(place)
        return True

    def _retry(self, shard: Shard, rest: Chunk, *, whole: bool, progressed: bool) -> None:
        if self.pause:
            shard.not_before = self.clock() + self.pause
        if self.max_retries is None and not self.bisect:
            # Nothing is counted or divided: the poller begins where it stopped.
            shard.rewind(rest.start)
        elif self.bisect and whole and rest.end - rest.start > 1:
            middle = (rest.start + rest.end) // 2
            shard.chunks.extendleft([replace(rest, start=middle), replace(rest, end=middle)])
        elif self.bisect and progressed:
            shard.chunks.appendleft(rest)
        elif self.max_retries is not None and rest.tries >= self.max_retries:
            self._give_up(shard, rest.start, rest.end, "RetryAttemptsExhausted")
        else:
            shard.chunks.appendleft(replace(rest, tries=rest.tries + 1))

    def _discard_old(self) -> None:
        if self.max_age is None:
            return
        oldest = self.clock() - self.max_age
        for shard in (shard for shard in self._shards if not shard.busy):
            start = end = shard.checkpoint
            while end < len(shard.log) and shard.log[end][1] < oldest:
                end += 1
            if end > start:
                self._give_up(shard, start, end, "RecordAgeExceeded")
                shard.skip(end)

    def _give_up(self, shard: Shard, start: int, end: int, reason: str) -> None:
        self.given_up.append(GivenUp(reason, shard.records(start, end)))

    # ---------------------------------------------------------------------------------------------------- the stream

    def _poll(self) -> None:
        new = self.records(self._read)
        self._read += len(new)
        now = self.clock()
        for record in new:
            self._shards[self.place_of(self.key(record))].log.append((record, now))

    def place_of(self, partition_key: str) -> int:
        """The lane of the open shard that takes the key."""
        at = hash_key(partition_key)
        shard = next(n for n in self.open_shards() if self._shards[n].first <= at < self._shards[n].end)
        return shard + at % self.lanes

    def open_shards(self) -> list[int]:
        """Places of the shards that take records, by their hash keys; of several lanes the first."""
        places = range(0, len(self._shards), self.lanes)
        return sorted((n for n in places if not self._shards[n].closed), key=lambda n: self._shards[n].first)

    def split(self, place: int) -> None:
        """Two children take the halves of a shard's hash keys."""
        shard = self._shards[place]
        middle = (shard.first + shard.end) // 2
        self._replace((place,), [(shard.first, middle), (middle, shard.end)])

    def merge(self, place: int, neighbour: int) -> None:
        """One child takes the hash keys of two shards that lie side by side."""
        one, other = self._shards[place], self._shards[neighbour]
        assert one.end == other.first, "only neighbours can be merged"
        self._replace((place, neighbour), [(one.first, other.end)])

    def reshard(self, rng: Random) -> None:
        """A split or a merge somewhere."""
        places = self.open_shards()
        if len(places) > 1 and (len(places) == MOST_SHARDS or rng.random() < 0.5):
            left = rng.randrange(len(places) - 1)
            self.merge(places[left], places[left + 1])
        else:
            self.split(rng.choice(places))

    def recreate(self) -> list[Any]:
        """Another stream is in its place, read from its beginning. Answers what was not done of the old one."""
        self._poll()
        left = [record for shard in self._shards for record in shard.records(shard.checkpoint, len(shard.log))]
        self._read = 0
        self.__post_init__()
        return left

    def _replace(self, parents: tuple[int, ...], ranges: list[tuple[int, int]]) -> None:
        self._poll()  # what was put before lies with the parents
        lanes = tuple(place + lane for place in parents for lane in range(self.lanes))
        for place in lanes:
            assert not self._shards[place].closed, "a closed shard cannot be divided again"
            self._shards[place].closed = True
        self._open(lanes, ranges)

    def _open(self, parents: tuple[int, ...], ranges: list[tuple[int, int]]) -> None:
        self._shards += [Shard(first, end, parents) for first, end in ranges for _ in range(self.lanes)]
