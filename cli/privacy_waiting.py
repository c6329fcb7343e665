"""Waiting for a request about somebody's data to be over."""

from __future__ import annotations

import time
from typing import Final

from cli.api import Api, Json
from cli.errors import CliError
from cli.terminal import notes

#: seconds between two looks, and the longest that somebody waits for
PAUSE: Final = 2.0
LONGEST: Final = 3_600.0


def ended(api: Api, request: str) -> Json:
    """The request once it is done; it goes on, whatever becomes of the one who waits."""
    end = time.monotonic() + LONGEST
    with notes.status(f"request {request} is under way"):
        while (now := api.call("GET", "privacy", "requests", request))["state"] == "running":
            if time.monotonic() > end:
                raise CliError(f"request {request} is still under way after an hour; it goes on: attune privacy show")
            time.sleep(PAUSE)
    return now
