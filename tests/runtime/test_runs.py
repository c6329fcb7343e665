"""What the learning machine hands over is read as it says it, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from attune.runtime.runs import RunInput, RunInputError
from tests.builders import NOW


@pytest.mark.parametrize(
    ("started_at", "cutoff"),
    [
        ("2025-06-15T15:06:40.000Z", NOW),
        ("2025-06-15T15:06:40.412Z", NOW + 412),
        ("2025-06-15T15:06:40Z", NOW),
        ("2025-06-15T17:06:40+02:00", NOW),
    ],
)
def test_the_cut_off_is_the_start_of_the_run(started_at: str, cutoff: int) -> None:
    read = RunInput.read({"run": "r", "started_at": started_at, "and": "more"})
    assert (read.run, read.cutoff) == ("r", cutoff)


@pytest.mark.parametrize(
    "event",
    [{}, {"run": "r"}, {"run": 1, "started_at": "2025-06-15T15:06:40Z"}, {"run": "r", "started_at": "soon"}],
)
def test_anything_else_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(RunInputError):
        RunInput.read(event)
