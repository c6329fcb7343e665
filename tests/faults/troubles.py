"""What goes wrong around a world beside single broken calls, and what an operator does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec

from attune.adapters.memory import MemoryStream
from tests.builders import MINUTE
from tests.faults.repairs import Repairs
from tests.faults.stream_mapping import GivenUp
from tests.faults.wires import Fault, Moment, Unavailable, Wire, strike
from tests.faults.world import Warm, World

#: as the deployment maps its streams, but for what it takes to be given up: that is to happen
HARSH: Final = {"bisect": True, "max_retries": 2, "batch_size": 6}
#: as the deployment maps its streams, with the longest pause between tries
DEPLOYED: Final = {"bisect": True, "max_retries": 1_000, "max_age": 20 * 60 * MINUTE, "pause": MINUTE}


def given_up(world: World) -> list[GivenUp]:
    """What lies in the on-failure destination of `process_events`."""
    return world.process.given_up


def ids_in(batches: list[GivenUp]) -> set[str]:
    """Message ids of all events in there."""
    records = [msgspec.json.decode(record.data) for batch in batches for record in batch.records]
    return {event["message_id"] for record in records for event in record.get("events", ())}


def replay_given_up(world: World) -> None:
    """What `attune repair` does first: all of it is run again, and nothing is left over."""
    assert Repairs(world).replay().left == 0
    world.settle()


def recreate_stream(world: World) -> None:
    """As docs/operations.md says: another stream, a higher epoch, new functions; what was left is put onto the new."""
    left = world.process.recreate()
    world.epoch += 1
    world.stream = MemoryStream()
    world.process.invoke = Warm(world._process_events)
    world.stream.put([(record.key, record.data) for record in left])


# ------------------------------------------------------------------------------------------------------------- wires


@dataclass
class BreakTwice:
    """The call at `first` breaks, and the `later`-th after it: mostly while what the first one broke is made up for."""

    first: int
    later: int
    faults: tuple[tuple[Fault, Moment], tuple[Fault, Moment]]
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        position = len(self.calls) - 1
        if position in (self.first, self.first + self.later):
            fault, moment = self.faults[position != self.first]
            return strike(fault, moment, name, call)
        return call()


@dataclass
class Repeat:
    """The answer of the call at `position` is lost, and the SDK repeats it by itself: it is carried out twice."""

    position: int
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) - 1 == self.position:
            call()
        return call()


@dataclass
class Outage:
    """Every call of ports whose name begins with `of` fails from `start` on, for `length` ms; `says`: with what."""

    of: str
    start: int
    length: int
    clock: Callable[[], int] = lambda: 0
    says: Callable[[str], Exception] = Unavailable
    failed: int = 0

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        if name.startswith(self.of) and self.start <= self.clock() < self.start + self.length:
            self.failed += 1
            raise self.says(name)
        return call()


@dataclass
class Throttled:
    """Until `end` a share of all calls is refused, before they reach the store."""

    rng: Random
    share: float
    end: int
    clock: Callable[[], int] = lambda: 0
    refused: int = 0

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        if self.clock() < self.end and self.rng.random() < self.share:
            self.refused += 1
            raise Unavailable(name)
        return call()


@dataclass
class Refusals:
    """Keeps what calls raised, by name."""

    inner: Wire
    raised: list[tuple[str, Exception]] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return self.inner.carry(name, call)
        except Exception as error:
            self.raised.append((name, error))
            raise


@dataclass
class Armed:
    """Nothing breaks until it is armed: then the call after so many others does, once."""

    left: int | None = None
    fault: Fault = Fault.CRASH
    moment: Moment = Moment.BEFORE

    def arm(self, after: int, fault: Fault, moment: Moment) -> None:
        self.left, self.fault, self.moment = after, fault, moment

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        if self.left is None:
            return call()
        self.left -= 1
        if self.left >= 0:
            return call()
        self.left = None
        return strike(self.fault, self.moment, name, call)
