"""The contracts by which AWS feeds functions, as a simulation that any seed repeats exactly.

A stream mapping (`stream_mapping.py`) reads each shard in order, one batch at a time, at least once. A queue mapping
gives messages in any order, at least once, each on its own. A batch may come again after success. An invocation may
answer nonsense, or time out while it goes on in the background as a zombie.

Invocations of different shards and mappings interleave at every call of a port.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, Protocol

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


#: answers that tell nothing: Lambda takes each for the failure of the whole batch
NONSENSE: Final[tuple[Any, ...]] = (
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"wrongKey": "1"}]},
    {"batchItemFailures": [{"itemIdentifier": "no such record"}]},
    {"statusCode": 200},
    "text",
)


@dataclass
class Schedule:
    """How rough a simulation is: chances per invocation (`again`, `nonsense`), per step of one (`zombie`), and how
    many run side by side.
    """

    again: float = 0.1
    zombie: float = 0.0
    nonsense: float = 0.0
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
            if flight.task.given_up:
                self._give_up(flight)
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
        if flight.official and self.rng.random() < self.schedule.zombie:
            self._give_up(flight)

    def _give_up(self, flight: _Flight) -> None:
        """The mapping gives the invocation up and tries again, while the invocation itself lives on."""
        if flight.official:
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
            garbled = self.schedule.nonsense and self.rng.random() < self.schedule.nonsense
            answer = self.rng.choice(NONSENSE) if garbled else flight.task.answer
            flight.mapping.settle(flight.batch, answer, failed=failure is not None, again=again)
