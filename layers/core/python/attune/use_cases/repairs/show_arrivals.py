"""The ledger of arrivals over HTTP, for the admin: received = accepted + rejected, and every accepted one ended."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from attune.domain.errors import AttuneError
from attune.domain.processing.verdicts import Verdict
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attune.ports.arrivals import ArrivalHistory, Ended

#: what an accepted arrival may come to without a reason; and those that have one
PLAIN: Final = (Verdict.APPLIED, Verdict.DUPLICATE, Verdict.CONFLICT, Verdict.ERASED)
REASONED: Final = (Verdict.DROPPED, Verdict.QUARANTINED)

type Json = dict[str, Any]


class ShowArrivals:
    """Sums of what compaction counted day by day. `authorise` raises for anybody else."""

    def __init__(self, *, history: ArrivalHistory, authorise: Callable[[str | None], object]) -> None:
        self._history = history
        self.authorise = authorise

    def __call__(self, since: str, source: str) -> Json:
        """`{counted_at, sources: [{source, received, accepted, rejected, applied, ..., told_up_to}]}`.

        `since`: the first day (UTC, ISO) whose rows count, "": all; `source`: only that one, "": all. 400
        `invalid_day`.
        """
        days = self._history.since(_day(since))
        sources: defaultdict[str, list[Ended]] = defaultdict(list)
        for day in days:
            for ended in day.ended:
                if source in ("", ended.source):
                    sources[ended.source].append(ended)
        newest = max((day.counted_at for day in days), default=None)
        return {
            "counted_at": None if newest is None else iso(newest),
            "sources": [_balance(name, ended) for name, ended in sorted(sources.items())],
        }


def _balance(source: str, ended: Iterable[Ended]) -> Json:
    """Every arrival has one end, so the sums are right by construction; that none is missing the tests must show."""
    told_up_to = 0
    reasons: dict[str, defaultdict[str, int]] = {verdict.value: defaultdict(int) for verdict in Verdict}
    for one in ended:
        reasons[one.verdict][one.reason] += one.arrivals
        told_up_to = max(told_up_to, one.received_at)
    totals = {verdict: sum(counted.values()) for verdict, counted in reasons.items()}
    accepted = sum(totals[verdict] for verdict in (*PLAIN, *REASONED))
    return {
        "source": source,
        "received": accepted + totals[Verdict.REJECTED],
        "accepted": accepted,
        "rejected": dict(sorted(reasons[Verdict.REJECTED].items())),
        **{verdict.value: totals[verdict] for verdict in PLAIN},
        **{verdict.value: dict(sorted(reasons[verdict].items())) for verdict in REASONED},
        "told_up_to": iso(told_up_to),
    }


def _day(text: str) -> str:
    if text and not _is_day(text):
        raise AttuneError("invalid_day", "since is a day such as 2025-06-15")
    return text


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
