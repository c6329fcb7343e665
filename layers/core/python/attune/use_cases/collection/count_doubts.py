"""What was odd about the consent that events state, for operators: metric `ConsentDoubts`, by source and reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attune.sources.consent_signals import DOUBTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.events import Event
    from attune.ports import Count


def count_doubts(count: Count, source: str, events: Iterable[Event]) -> None:
    """By the notes that reading them left."""
    doubts = Counter(note for event in events if event.notes for note in event.notes if note in DOUBTS)
    for reason, number in doubts.items():
        count("ConsentDoubts", number, {"source": source, "reason": reason})
