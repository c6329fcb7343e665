"""Ports whose every call goes through one place, where it can be counted, broken, or made to wait for its turn.

A `Crash` is a killed process: it is no `Exception`, so no code under test can catch it, and it leaves everything as
it stood: `BEFORE` the call reached the store, or with the call `APPLIED` and its answer lost. `Unavailable` is the
store saying no, again before or after it did what was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Protocol

from greenlet import GreenletExit, getcurrent, greenlet


class Crash(BaseException):
    """The process is gone."""


class Unavailable(Exception):  # noqa: N818 (the word the services use)
    """The service did not answer."""


class Moment(StrEnum):
    """When a fault strikes."""

    BEFORE = "before"
    APPLIED = "applied"


class Fault(StrEnum):
    """What happens to a call."""

    CRASH = "crash"
    UNAVAILABLE = "unavailable"


class Wire(Protocol):
    """Carries a call out, or not."""

    def carry(self, name: str, call: Callable[[], Any]) -> Any: ...


def wired[T](wire: Wire, name: str, port: T) -> T:
    """`port`, with every method call carried by `wire` under the name `<name>.<method>`."""
    proxy: Any = _Proxy(wire, name, port)
    typed: T = proxy
    return typed


class _Proxy:
    def __init__(self, wire: Wire, name: str, port: object) -> None:
        self._wire, self._name, self._port = wire, name, port

    def __getattr__(self, method: str) -> Callable[..., Any]:
        real = getattr(self._port, method)
        return lambda *args, **kwargs: self._wire.carry(f"{self._name}.{method}", lambda: real(*args, **kwargs))


def strike(fault: Fault, moment: Moment, name: str, call: Callable[[], Any]) -> Any:
    """Carry the call out as that fault lets it."""
    if moment is Moment.APPLIED:
        call()
    if fault is Fault.CRASH:
        raise Crash(name)
    raise Unavailable(name)


@dataclass
class Steady:
    """Nothing breaks; the names of all calls are kept."""

    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        return call()


@dataclass
class BreakAt:
    """The `position`-th call breaks, once; every other one goes through."""

    position: int
    fault: Fault
    moment: Moment
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) - 1 == self.position:
            return strike(self.fault, self.moment, name, call)
        return call()


@dataclass
class GiveUpAt:
    """At the `position`-th call the invocation is given up, once, and goes on as a zombie; all calls go through.

    Outside of any invocation there is nobody to give it up: the process is killed.
    """

    position: int
    moment: Moment
    turns: Turns | None = None
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) - 1 != self.position:
            return call()
        if self.turns is None or not self.turns.within():
            return strike(Fault.CRASH, self.moment, name, call)
        if self.moment is Moment.APPLIED:
            answer = call()
            self.turns.give_up()
            return answer
        self.turns.give_up()
        return call()


@dataclass
class Unreliable:
    """Each call breaks with probability `rate`, decided by the seed, until `faults` have happened."""

    rng: Random
    rate: float
    faults: int = 1_000

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        if self.faults and self.rng.random() < self.rate:
            self.faults -= 1
            fault, moment = self.rng.choice(list(Fault)), self.rng.choice(list(Moment))
            return strike(fault, moment, name, call)
        return call()


class Turns:
    """Runs tasks one at a time: each gives the turn away at every call of a port, and waits to be chosen again."""

    def start(self, work: Callable[[], Any]) -> Task:
        """A task that waits for its first turn."""
        return Task(work, self)

    def give_away(self) -> None:
        """Called inside a task: wait for the next turn. Outside of any task there is nobody to give it to."""
        task = self._here()
        if task is not None:
            task.pause()

    def give_up(self) -> None:
        """Called inside a task: whoever waits for it need not wait any longer, but it goes on."""
        task = self._here()
        assert task is not None
        task.given_up = True
        task.pause()

    def within(self) -> bool:
        """Whether this is called inside a task."""
        return self._here() is not None

    def _here(self) -> Task | None:
        current = getcurrent()
        return current if isinstance(current, Task) and current.turns is self else None


class Task(greenlet):
    """One piece of work on a stack of its own that runs only between `step` and its next call of a port."""

    def __init__(self, work: Callable[[], Any], turns: Turns) -> None:
        super().__init__()
        self.turns = turns
        self._work, self._chooser = work, getcurrent()
        self._is_over = False
        self.done = False
        self.given_up = False
        self.answer: Any = None
        self.failure: BaseException | None = None

    def step(self) -> None:
        """Let it run up to its next call of a port, or to its end."""
        self._chooser = self.parent = getcurrent()
        self.switch()

    def pause(self) -> None:
        """Called by the task itself."""
        if self._is_over:
            raise GreenletExit
        try:
            self._chooser.switch()
        except GreenletExit:  # nobody will ever give it a turn again
            self._is_over = True
            raise

    def run(self) -> None:
        """To its end, whichever that is."""
        try:
            self.answer = self._work()
        except BaseException as failure:  # noqa: BLE001 (a crash is an outcome, the simulator judges it)
            self.failure = failure
        self.done = True


@dataclass
class TurnTaking:
    """Gives the turn away before each call, then lets `inner` carry it."""

    turns: Turns
    inner: Wire

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.turns.give_away()
        return self.inner.carry(name, call)
