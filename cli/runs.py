"""Waiting for a run of one of the deployment's machines."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from cli.api import Json
from cli.terminal import notes

#: seconds between two looks at a run, from the first to the longest
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0


def ended(run: str, look: Callable[[], Json]) -> Json:
    """The run once it is over; it goes on, whatever becomes of the one who waits."""
    pause = _FIRST_PAUSE
    with notes.status(f"run {run} is under way") as shown:
        while (now := look())["state"] == "running":
            shown.update(f"run {run} is under way since {now['started_at']}")
            time.sleep(pause)
            pause = min(_LONGEST_PAUSE, 1.5 * pause)
    return now
