"""What is true of a customer, computed the slow way from everything that ever happened.

Written from the English of the definitions; imports nothing of the code it judges. Times are ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

#: an abandoned cart is forgotten 30 days after it was last touched
FORGOTTEN_AFTER = 30 * 86_400_000


def did_within(times: Iterable[int], at_least: int, within: int | None, at: int) -> bool:
    """Whether at `at` it was done at least so many times in the time `within` before; exactly `within` ago is too
    long ago.
    """
    return sum(1 for time in times if time <= at and (within is None or at - time < within)) >= at_least


def is_abandoned(did: Iterable[int], without: Iterable[int], after: int, at: int) -> bool:
    """Whether at `at` the thing was done, then left alone for the time `after`, and not cancelled at or after the
    last time.
    """
    last = max((time for time in did if time <= at), default=None)
    if last is None or any(last <= time <= at for time in without):
        return False
    return last + after <= at < last + FORGOTTEN_AFTER


def true_since(truth: Any, instants: Iterable[int], at: int) -> int:
    """The first of the instants from which on `truth` held up to `at`."""
    since = at
    for instant in sorted((i for i in instants if i <= at), reverse=True):
        if not truth(instant):
            return since
        since = instant
    return since


def last_words(statements: Iterable[tuple[int, str, Any]]) -> dict[str, Any]:
    """What holds after (time, name, value) statements, each name's last one; None takes a name back."""
    latest: dict[str, tuple[int, Any]] = {}
    for time, name, value in statements:
        if name not in latest or time > latest[name][0]:
            latest[name] = (time, value)
    return {name: value for name, (_, value) in latest.items() if value is not None}


def critical_instants(times: Iterable[int], delays: Iterable[int]) -> list[int]:
    """Every event, every instant at which a delay after an event runs out, and 1 ms to either side of each."""
    known, waits = list(times), list(delays)
    exact = {time + delay for time in known for delay in (0, *waits)}
    return sorted({instant + offset for instant in exact for offset in (-1, 0, 1)})
