"""The learning machine in memory: runs are started here, and end when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import msgspec

from attune.ports import ConflictError
from attune.ports.learning import LearningRun, RunState


class MemoryLearning:
    """`LearningRuns`, in order of their start."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._lock = Lock()
        self._clock = clock
        self._runs: dict[str, LearningRun] = {}

    def start(self, run: str) -> None:
        """A name is taken for good."""
        with self._lock:
            known = self._runs.get(run)
            if known is not None and known.state != "running":
                raise ConflictError(run)
            if known is None:
                self._runs[run] = LearningRun(run=run, state="running", started_at=self._clock())

    def running(self) -> str | None:
        """The newest, if there are several."""
        return next((one.run for one in self.latest(len(self._runs)) if one.state == "running"), None)

    def latest(self, limit: int) -> list[LearningRun]:
        """Newest first."""
        with self._lock:
            newest = list(self._runs.values())[::-1][:limit]
        return [msgspec.structs.replace(one, output={}, error="") for one in newest]

    def describe(self, run: str) -> LearningRun | None:
        """All of one."""
        with self._lock:
            return self._runs.get(run)

    def end(self, run: str, state: RunState, output: dict[str, Any] | None = None, error: str = "") -> None:
        """As the machine would, sooner or later."""
        with self._lock:
            self._runs[run] = msgspec.structs.replace(
                self._runs[run], state=state, ended_at=self._clock(), output=output or {}, error=error
            )
