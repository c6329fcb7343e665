"""How many requests a source may still send: a bucket that fills steadily, told by one number.

The number is when the bucket will be full again, µs since the epoch. Taking a request out moves it on by the time in
which one flows in; a bucket is empty when it would take the whole of its `burst` to fill.
"""

from __future__ import annotations

from math import ceil
from typing import Final

import msgspec

from attune.domain.definitions.sources import RateLimit

_SECOND: Final = 1_000_000
_MS: Final = 1_000


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests were granted, of those wanted; if none, in how many ms there is one again."""

    requests: int
    wait: int = 0


def bucket(source: str, limit: RateLimit) -> str:
    """Under which name it is kept: another limit is another bucket, since a number of µs means nothing to it."""
    return f"{source}#{limit.per_second}/{most_at_once(limit)}"


def most_at_once(limit: RateLimit) -> int:
    """What a full bucket holds: `burst`, or a second's worth."""
    return limit.burst or limit.per_second


def cost(limit: RateLimit, requests: int) -> int:
    """µs in which so many requests flow in; rounded up, so that a limit is never exceeded."""
    return requests * ceil(_SECOND / limit.per_second)


def latest(limit: RateLimit, requests: int, now: int) -> int:
    """Up to which instant a bucket may be full again and still hold so many. `now`: ms."""
    return now * _MS + cost(limit, most_at_once(limit) - requests)


def available(limit: RateLimit, full_at: int, wanted: int, now: int) -> Grant:
    """What a bucket has for who wants so many."""
    missing = max(0, full_at - now * _MS)
    holds = most_at_once(limit) - ceil(missing / cost(limit, 1))
    if holds > 0:
        return Grant(requests=min(wanted, holds))
    return Grant(requests=0, wait=max(1, ceil((full_at - latest(limit, 1, now)) / _MS)))
