"""What consumers of a stream or queue answer Lambda: which records must come again; and how rivals wait."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 1.0


def item_failures(identifiers: Iterable[str]) -> dict[str, Any]:
    """A partial batch response. A stream is read again from the lowest of these; none means that all is done.

    https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
    """
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def pause(attempt: int) -> None:
    """Wait before the n-th retry: exponential with full jitter, so that rivals for one profile part."""
    time.sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))  # noqa: S311 - not a secret
