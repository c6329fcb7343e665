"""What the repair machine hands to each of its steps, beside the run."""

from __future__ import annotations

from typing import Any

import msgspec

from attune.runtime.runs import RunInput, RunInputError


class RepairInput(RunInput, frozen=True, kw_only=True):
    """`so_far`: the step's last answer, empty at first. `since`: a length of time (ms) before the run's beginning."""

    dry_run: bool = False
    since: int = 0
    so_far: dict[str, Any] = msgspec.field(default_factory=dict)

    def progress[T](self, shape: type[T]) -> T:
        """`so_far` as the step's own type."""
        try:
            return msgspec.convert(self.so_far, shape)
        except msgspec.ValidationError as error:
            raise RunInputError(str(error)) from None


def progress_of(answer: msgspec.Struct) -> dict[str, Any]:
    """A step's answer as JSON, for the machine to hand back."""
    said: dict[str, Any] = msgspec.to_builtins(answer)
    return said
