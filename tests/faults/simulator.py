"""The contracts by which AWS feeds functions, as a simulation that any seed repeats exactly.

A stream mapping reads each shard in order, one batch at a time, at least once. What an invocation answers
moves the shard's checkpoint: to the end of the batch on success, to the LOWEST failed sequence number where
it reports failures (everything from there comes again, what had succeeded included), nowhere where it raises,
crashes or answers nonsense. A batch may come again after success. An invocation may time out while it goes on
in the background as a zombie. A queue mapping gives messages in any order, at least once, each on its own.

Invocations of different shards and mappings interleave at every call of a port.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Protocol

from tests.faults.wires import Crash, Task, Turns

#: what a handler gets: a batch of records
Invoke = Callable[[list[Any]], Any]


class Stuck(AssertionError):  # noqa: N818 (it is what a test wants to say)
    """Work was still left after more steps than any schedule needs: something is retried for ever."""


@dataclass(frozen=True)
class Batch:
    """Records handed to one invocation, and where they came from."""

    place: int
    records: list[Any]


class Mapping(Protocol):
    """An event source mapping."""

    @property
    def invoke(self) -> Invoke: ...

    def take(self, rng: Random) -> Batch | None:
        """The next batch of a place that is not busy; the place is busy until `settle`."""
        ...

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        """The invocation ended: `failed` by raising, or with `answer`; `again`: deliver once more after
        success.
        """
        ...


def failed_items(answer: Any, known: Sequence[str]) -> list[str] | None:
    """Identifiers that the answer reports; None where the answer is malformed, which fails the whole batch."""
    if answer is None or answer == {}:
        return []
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return None
    entries = answer["batchItemFailures"]
    if entries is None:
        return []
    identifiers = [str(entry.get("itemIdentifier")) if isinstance(entry, dict) else "" for entry in entries]
    return None if any(one not in known for one in identifiers) else identifiers


def shard_of(partition_key: str, shards: int) -> int:
    """Kinesis spreads partition keys over the shards by their MD5."""
    return int(hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest(), 16) * shards >> 128


@dataclass
class StreamMapping:
    """Feeds `invoke` from a growing sequence of records.

    `records` gives all records from a position on; `key` and `sequence` of one decide its shard and its
    identifier.
    """

    invoke: Invoke
    records: Callable[[int], Sequence[Any]]
    key: Callable[[Any], str]
    sequence: Callable[[Any], str]
    shards: int = 1
    batch_size: int = 10

    _read: int = 0
    _logs: defaultdict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    _checkpoints: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _busy: set[int] = field(default_factory=set)

    def take(self, rng: Random) -> Batch | None:
        self._poll()
        free = [n for n, log in sorted(self._logs.items()) if n not in self._busy and self._checkpoints[n] < len(log)]
        if not free:
            return None
        shard = rng.choice(free)
        start = self._checkpoints[shard]
        self._busy.add(shard)
        return Batch(shard, self._logs[shard][start : start + rng.randint(1, self.batch_size)])

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        self._busy.discard(batch.place)
        sequences = [self.sequence(record) for record in batch.records]
        reported = None if failed else failed_items(answer, sequences)
        if reported is None:
            return
        done = min((sequences.index(one) for one in reported), default=len(sequences))
        if not (again and done == len(sequences)):
            self._checkpoints[batch.place] += done

    def _poll(self) -> None:
        new = self.records(self._read)
        self._read += len(new)
        for record in new:
            self._logs[shard_of(self.key(record), self.shards)].append(record)


@dataclass(frozen=True)
class Message:
    """One message as a queue gives it out."""

    identifier: str
    body: Any
    received: int


@dataclass
class QueueMapping:
    """Feeds `invoke` from a queue: any order, each message on its own, dead-lettered after `max_receives`.

    A message that was not acknowledged is hidden for `visibility` ms from its receipt, or as `hide` says.
    """

    invoke: Invoke
    messages: Callable[[int], Sequence[Any]]
    clock: Callable[[], int] = lambda: 0
    batch_size: int = 3
    max_receives: int = 1_000
    visibility: int = 0

    _read: int = 0
    _waiting: dict[str, Message] = field(default_factory=dict)
    _hidden_until: dict[str, int] = field(default_factory=dict)
    _flights: int = 0
    dead: list[Message] = field(default_factory=list)

    def hide(self, identifier: str, seconds: int) -> None:
        """What a receiver asks for with ChangeMessageVisibility."""
        self._hidden_until[identifier] = self.clock() + seconds * 1_000

    def next_visible(self) -> int | None:
        """When the next waiting message can be received."""
        return min((self._hidden_until.get(identifier, 0) for identifier in self._waiting), default=None)

    def take(self, rng: Random) -> Batch | None:
        for body in self.messages(self._read):
            self._read += 1
            self._waiting[f"message-{self._read}"] = Message(f"message-{self._read}", body, 0)
        now = self.clock()
        visible = [one for one in sorted(self._waiting) if self._hidden_until.get(one, 0) <= now]
        if not visible:
            return None
        taken = [
            self._waiting.pop(one) for one in rng.sample(visible, min(len(visible), rng.randint(1, self.batch_size)))
        ]
        self._flights += 1
        counted = [Message(message.identifier, message.body, message.received + 1) for message in taken]
        for message in counted:
            self._hidden_until[message.identifier] = now + self.visibility
        return Batch(self._flights, counted)

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        known = [message.identifier for message in batch.records]
        reported = None if failed else failed_items(answer, known)
        for message in batch.records:
            if reported is not None and message.identifier not in reported and not again:
                continue
            if message.received >= self.max_receives:
                self.dead.append(message)
            else:
                self._waiting[message.identifier] = message


@dataclass
class _Flight:
    mapping: Mapping
    batch: Batch
    task: Task
    official: bool = True


@dataclass
class Schedule:
    """How rough a simulation is: chances per invocation (`again`, `zombie`) and how many run side by side."""

    again: float = 0.1
    zombie: float = 0.0
    parallel: int = 3
    max_steps: int = 50_000


@dataclass
class Simulator:
    """Runs mappings until nothing is left to do and `idle` brings no more.

    `idle` is called when nothing can be started: it lets time pass, or answers False.
    """

    rng: Random
    mappings: Sequence[Mapping]
    turns: Turns
    schedule: Schedule = field(default_factory=Schedule)
    idle: Callable[[], bool] = lambda: False
    invocations: int = 0
    crashes: int = 0
    raised: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Until every mapping is drained; `Stuck` where that never happens."""
        flights: list[_Flight] = []
        for _ in range(self.schedule.max_steps):
            if len(flights) < self.schedule.parallel and (not flights or self.rng.random() < 0.5):
                self._launch(flights)
            if not flights:
                if not self.idle():
                    return
                continue
            flight = self.rng.choice(flights)
            self._maybe_time_out(flight)
            flight.task.step()
            if flight.task.done:
                flights.remove(flight)
                self._settle(flight)
        raise Stuck(
            f"work left after {self.schedule.max_steps} steps: {[f.batch for f in flights]}; {self.raised[-1:]}"
        )

    def _launch(self, flights: list[_Flight]) -> None:
        for mapping in self.rng.sample(list(self.mappings), len(self.mappings)):
            batch = mapping.take(self.rng)
            if batch is not None:
                self.invocations += 1
                task = self.turns.start(partial(mapping.invoke, batch.records))
                flights.append(_Flight(mapping, batch, task))
                return

    def _maybe_time_out(self, flight: _Flight) -> None:
        """The mapping gives the invocation up and tries again, while the invocation itself lives on."""
        if flight.official and self.rng.random() < self.schedule.zombie:
            flight.official = False
            flight.mapping.settle(flight.batch, None, failed=True, again=False)

    def _settle(self, flight: _Flight) -> None:
        failure = flight.task.failure
        if failure is not None:
            self.crashes += 1
            if not isinstance(failure, Crash):
                self.raised.append(failure)
        if flight.official:
            again = self.rng.random() < self.schedule.again
            flight.mapping.settle(flight.batch, flight.task.answer, failed=failure is not None, again=again)
