"""`Allowances` in memory."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from attune.domain.collection.rate_limits import Grant, available, bucket, cost

if TYPE_CHECKING:
    from attune.domain.definitions.sources import RateLimit


class MemoryAllowances:
    """When each bucket will be full: µs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._full_at: dict[str, int] = {}
        #: how often somebody asked
        self.claims = 0

    def claim(self, source: str, limit: RateLimit, wanted: int, now: int) -> Grant:
        """Atomically."""
        with self._lock:
            self.claims += 1
            name = bucket(source, limit)
            full_at = max(self._full_at.get(name, 0), now * 1_000)
            grant = available(limit, full_at, wanted, now)
            self._full_at[name] = full_at + cost(limit, grant.requests)
        return grant
