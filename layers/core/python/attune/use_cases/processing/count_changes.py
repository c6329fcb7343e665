"""What a commit changed of who is in which segment, as metrics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from attune.domain.consent.gate import REFUSALS
from attune.domain.events import WAKE
from attune.domain.profiles.changes import SegmentEntered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.consent.gate import Edge, Refused
    from attune.domain.events import Record
    from attune.domain.processing.working_set import WorkingSet
    from attune.ports import Count, Elapsed

#: from what brought a change about until it was stored
DELAY: Final = "ChangeDelay"


def count_refusals(refused: Iterable[tuple[Edge, Refused]], count: Count) -> None:
    """By edge, purpose and reason."""
    for (edge, answer), number in Counter(refused).items():
        count(REFUSALS, number, answer.counted(edge))


def count_changes(work: WorkingSet, records: Iterable[Record], count: Count, elapsed: Elapsed) -> None:
    """Entries and exits that campaigns hear of, by segment, and how late each is; call once they are stored.

    Late by the receipt of the oldest event among `records`, or, where the clock brought it about later than that, by
    the instant at which it was due: of an entry the end of its grace.
    """
    if refused := [*work.refused, *(one for known in work.working.values() for one in known.refused)]:
        count_refusals(refused, count)
    received = min((one.received_at for one in records if any(event.type != WAKE for event in one.events)), default=0)
    for working in work.working.values():
        for change in working.changes if working.dirty else ():
            grace = 0
            if isinstance(change, SegmentEntered):
                count("SegmentEntries", 1, {"segment": change.segment})
                segment = work.compiled.segments.get(change.segment)
                grace = segment.grace if segment else 0
            else:
                count("SegmentExits", 1, {"segment": change.segment})
            elapsed(DELAY, max(change.at + grace, received))
