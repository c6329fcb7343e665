"""What a state machine hands to each of its steps."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from attune.sources.payloads import parse_time


class RunInputError(Exception):
    """The machine handed over something else than its steps take: a fault of the deployment, not of the data."""


class RunInput(msgspec.Struct, frozen=True, kw_only=True):
    """The run's id, which is the execution's name, and when it began (ISO 8601). Further fields are ignored."""

    run: str
    started_at: str

    @classmethod
    def read(cls, event: dict[str, Any]) -> Self:
        """Raises `RunInputError` for what does not fit."""
        try:
            given = msgspec.convert(event, cls)
        except msgspec.ValidationError as error:
            raise RunInputError(str(error)) from None
        if parse_time(given.started_at) is None:
            raise RunInputError("started_at is no time")
        return given

    @property
    def cutoff(self) -> int:
        """The instant that the run reckons from, ms."""
        at = parse_time(self.started_at)
        assert at is not None  # noqa: S101 (`read` looked)
        return at
