"""Runs of a state machine: started by name, watched, and told how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

type RunState = Literal["running", "succeeded", "failed", "timed_out", "aborted"]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run: times in ms, what it was given, what it ended with, or the error's name where it failed."""

    run: str
    state: RunState
    started_at: int
    ended_at: int | None = None
    given: dict[str, Any] = {}
    output: dict[str, Any] = {}
    error: str = ""


class Runs(Protocol):
    """Runs of one machine. What has just happened may show a second late."""

    def start(self, run: str, given: Mapping[str, Any]) -> None:
        """Starts a run of this name; starting it twice with the same `given` (JSON) starts it once.

        `ConflictError` if one of this name has ended, or was given something else.
        """
        ...

    def running(self) -> str | None:
        """A run that is under way, by name."""
        ...

    def latest(self, limit: int) -> list[Run]:
        """Newest first, without what was given, output and error."""
        ...

    def describe(self, run: str) -> Run | None:
        """All of one; None where there is none of this name, whatever the name."""
        ...
