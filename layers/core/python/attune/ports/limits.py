"""How much of their rate limits sources have used."""

from __future__ import annotations

from typing import Protocol

from attune.domain.collection.rate_limits import Grant
from attune.domain.definitions.sources import RateLimit


class Allowances(Protocol):
    """One bucket a source and limit, the same for all who answer its requests; at first it is full."""

    def claim(self, source: str, limit: RateLimit, wanted: int, now: int) -> Grant:
        """Takes up to `wanted` requests out, atomically; none if there is none. `wanted` <= what a full bucket holds.

        `ConflictError` if others kept changing the bucket meanwhile; then, and after a lost answer, some may be gone.
        """
        ...
