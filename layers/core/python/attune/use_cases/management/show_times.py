"""Times as the APIs show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: the last millisecond that has a date; a trait may name a day after which a window still runs
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


def iso(milliseconds: int) -> str:
    """ISO 8601 in UTC; empty for 0, which stands for no time (a source's legal basis is older than any word)."""
    if milliseconds == 0:
        return ""
    moment = _EPOCH + timedelta(milliseconds=min(milliseconds, _LAST))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def second(milliseconds: int) -> str:
    """The second in UTC in as few characters as names may have, such as `20250615T150640Z`."""
    return (_EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y%m%dT%H%M%SZ")
