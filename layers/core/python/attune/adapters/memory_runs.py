"""Runs of a state machine in memory: they are started here, and end when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

import msgspec

from attune.ports import ConflictError
from attune.ports.runs import Run, RunState


class MemoryRuns:
    """`Runs`, in order of their start."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._lock = Lock()
        self._clock = clock
        self._runs: dict[str, Run] = {}

    def start(self, run: str, given: Mapping[str, Any]) -> None:
        """A name is taken for good."""
        kept = msgspec.json.decode(msgspec.json.encode(given))
        with self._lock:
            known = self._runs.get(run)
            if known is not None and (known.state != "running" or known.given != kept):
                raise ConflictError(run)
            if known is None:
                self._runs[run] = Run(run=run, state="running", started_at=self._clock(), given=kept)

    def running(self) -> str | None:
        """The newest, if there are several."""
        return next((one.run for one in self.latest(len(self._runs)) if one.state == "running"), None)

    def latest(self, limit: int) -> list[Run]:
        """Newest first."""
        with self._lock:
            newest = list(self._runs.values())[::-1][:limit]
        return [msgspec.structs.replace(one, given={}, output={}, error="") for one in newest]

    def describe(self, run: str) -> Run | None:
        """All of one."""
        with self._lock:
            return self._runs.get(run)

    def end(self, run: str, state: RunState, output: dict[str, Any] | None = None, error: str = "") -> None:
        """As the machine would, sooner or later."""
        with self._lock:
            self._runs[run] = msgspec.structs.replace(
                self._runs[run], state=state, ended_at=self._clock(), output=output or {}, error=error
            )
