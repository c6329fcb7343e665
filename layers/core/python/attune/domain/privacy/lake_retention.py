"""For how many days the lake keeps its rows: what the definition of the purpose that storing needs says.

What is deleted stays deleted, and a definition is easily mistyped. So a shorter time acts only once it has been said
for `GRACE`; until then the longest counts that was said within it, for good where nothing was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.definitions.conditions import milliseconds
from attune.domain.definitions.purposes import Purpose
from attune.domain.identifiers import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.definitions.kinds import Definition
    from attune.domain.past.takeovers import Version

#: how long a shorter time must have been said before it acts, ms: a weekend in which nobody notices
GRACE: Final = 3 * DAY
#: the fewest days: carts, abandoned things and the tokens of both are folded from 30 days of events, a repair and
#: what waits in quarantine reach as far back, and a compacted day is judged with days of neighbours on each side
LEAST_DAYS: Final = 31
#: a hundred years; of more there may be no date
MOST_DAYS: Final = 36_500


def days_said(purpose: Definition | None) -> int | None:
    """By this definition of it; None: until the person is erased."""
    said = purpose.retention.events if isinstance(purpose, Purpose) else None
    return milliseconds(said) // DAY if said else None


def days_kept(past: Iterable[Version], now: int) -> int | None:
    """As of `now` (ms), by all versions of the definition, newest first; None: until the person is erased."""
    counting = list(_counting(past, now))
    days = [one for one in counting if one is not None]
    return max(days) if days and len(days) == len(counting) else None


def _counting(past: Iterable[Version], now: int) -> Iterator[int | None]:
    """What was said at any time within `GRACE`: by the newest, and by each that was replaced since."""
    for version in past:
        yield days_said(version.definition)
        if version.applied_at <= now - GRACE:
            return
    yield None  # before the first of them nobody had said anything
