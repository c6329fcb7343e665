"""Hold a source to its rate limit, without asking for every request and without losing one to a limiter's fault."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.rate_limits import Grant, most_at_once
from attune.domain.errors import AttuneError

if TYPE_CHECKING:
    from attune.domain.definitions.sources import RateLimit, Source
    from attune.ports import Count
    from attune.ports.limits import Allowances

#: ms that requests claimed ahead are good for: what is not used by then is lost to the source, and cannot pile up
SHARE_LIFETIME: Final = 200
#: part of a second's requests that is claimed ahead at the most
_LARGEST_SHARE: Final = 10
#: ms for which nobody is asked after the allowances could not be reached
PAUSE: Final = 1_000


class _Share(msgspec.Struct):
    """Of one source: requests claimed ahead, how many at once, until when; and until when there are none."""

    left: int = 0
    size: int = 1
    until: int = 0
    refused_until: int = 0


class LimitRates:
    """Callable with a source and the time of receipt; one in every container, over allowances that all share."""

    def __init__(self, allowances: Allowances, count: Count) -> None:
        self._allowances = allowances
        self._count = count
        self._shares: dict[str, _Share] = {}
        self._unreachable_until = 0

    def __call__(self, source: Source, now: int) -> None:
        """Raises `AttuneError` `rate_limited` (429) with the seconds to wait."""
        limit = source.rate_limit
        if limit is None or now < self._unreachable_until:
            return
        share = self._shares.setdefault(source.id, _Share())
        if share.left > 0 and now < share.until:
            share.left -= 1
        elif now < share.refused_until:
            self._refuse(source, share.refused_until - now)
        else:
            self._claim(source, limit, share, now)

    def _claim(self, source: Source, limit: RateLimit, share: _Share, now: int) -> None:
        """Twice as many as the last time, as long as they are used up before their time; else one."""
        most = min(most_at_once(limit), max(1, limit.per_second // _LARGEST_SHARE))
        wanted = min(2 * share.size, most) if share.left == 0 and now < share.until else 1
        grant = self._ask(source, limit, wanted, now)
        if grant is None:
            return
        if grant.requests == 0:
            share.left, share.refused_until = 0, now + grant.wait
            self._refuse(source, grant.wait)
        share.left, share.size, share.until = grant.requests - 1, grant.requests, now + SHARE_LIFETIME

    def _ask(self, source: Source, limit: RateLimit, wanted: int, now: int) -> Grant | None:
        """None if nobody answers: an event is worth more than its limit."""
        try:
            return self._allowances.claim(source.id, limit, wanted, now)
        except Exception:  # noqa: BLE001 (whatever it is, the request passes, and it is counted)
            self._unreachable_until = now + PAUSE
            self._count("LimitsUnreachable", 1, {})
            return None

    def _refuse(self, source: Source, wait: int) -> None:
        self._count("RequestsLimited", 1, {"source": source.id})
        message = "this source sends more requests than its rate limit allows; send the same request again later"
        raise AttuneError("rate_limited", message, status=429, retry_after=max(1, ceil(wait / 1_000)))
