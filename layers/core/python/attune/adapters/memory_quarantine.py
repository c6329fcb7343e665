"""`Quarantine` and `QuarantineStore` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import msgspec

from attune.domain.quarantine import Came, Quarantined, Trace, quarantined
from attune.ports.quarantine import Listed, Page, Wanted

_DAY = 86_400_000


class Kept(msgspec.Struct, frozen=True, order=True):
    """One quarantined input."""

    reason: str
    source: str
    received_at: int
    raw: bytes


class MemoryQuarantine:
    """By what an input is, because keeping the same twice is keeping it once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[Quarantined, tuple[bytes, Came]] = {}
        self._traces: dict[Quarantined, dict[tuple[int, str], Trace]] = {}

    def keep(self, reason: str, source: str, received_at: int, raw: bytes, came: Came = Came()) -> None:  # noqa: B008
        """Idempotent."""
        with self._lock:
            self._kept[quarantined(reason, source, received_at, raw, came)] = (bytes(raw), came)

    def keep_all(self, inputs: Sequence[tuple[str, str, int, bytes, Came]]) -> None:
        """One after the other."""
        for one in inputs:
            self.keep(*one)

    def all(self) -> list[Kept]:
        """What was kept, in a stable order."""
        with self._lock:
            return sorted(Kept(one.reason, one.source, one.received_at, raw) for one, (raw, _) in self._kept.items())

    def listed(self, wanted: Wanted, after: Quarantined | None, limit: int) -> Page:
        """Looks at all of them."""
        with self._lock:
            behind = sorted((one for one in self._kept if after is None or _place(one) > _place(after)), key=_place)
            mine = [one for one in behind if wanted.has(one)]
            found = tuple(
                Listed(one=one, size=len(self._kept[one][0]), tried=tuple(sorted(self._traces.get(one, ()))))
                for one in mine[:limit]
            )
        return Page(found, found[-1].one if found and behind[-1] != found[-1].one else None)

    def read(self, one: Quarantined) -> tuple[bytes, Came] | None:
        """As it was kept."""
        with self._lock:
            return self._kept.get(one)

    def traces(self, one: Quarantined) -> list[Trace]:
        """By time, then outcome."""
        with self._lock:
            return [trace for _, trace in sorted(self._traces.get(one, {}).items())]

    def leave_trace(self, one: Quarantined, trace: Trace) -> None:
        """The same attempt is one."""
        with self._lock:
            self._traces.setdefault(one, {})[trace.at, trace.outcome] = trace


def _place(one: Quarantined) -> tuple[str, int, str, str, str]:
    """Where it stands in a listing."""
    return (one.reason, one.received_at // _DAY, one.source, str(one.received_at), one.digest)
