"""`Quarantine` and `QuarantineStore` in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from attune.domain.collection.quarantine import Came, Quarantined, Trace, quarantined
from attune.ports.quarantine import Listed, Page, Wanted

if TYPE_CHECKING:
    from attune.domain.identifiers import Identifier

_DAY = 86_400_000


class Kept(msgspec.Struct, frozen=True, order=True):
    """One quarantined input."""

    reason: str
    source: str
    received_at: int
    raw: bytes


class MemoryQuarantine:
    """By what an input is, because keeping the same twice is keeping it once."""

    def __init__(self, key_of: Callable[[Identifier], str]) -> None:
        """`key_of`: `Pseudonyms.key`."""
        self._lock = Lock()
        self._key_of = key_of
        #: None in place of what was swept
        self._kept: dict[Quarantined, tuple[bytes, Came] | None] = {}
        self._traces: dict[Quarantined, dict[tuple[int, str], Trace]] = {}

    def keep(self, reason: str, source: str, received_at: int, raw: bytes, came: Came = Came()) -> None:  # noqa: B008
        """Idempotent."""
        with self._lock:
            one = quarantined(reason, source, received_at, raw, came, self._key_of)
            self._kept.setdefault(one, (bytes(raw), came))

    def keep_all(self, inputs: Sequence[tuple[str, str, int, bytes, Came]]) -> None:
        """One after the other."""
        for one in inputs:
            self.keep(*one)

    def all(self) -> list[Kept]:
        """What was kept, in a stable order."""
        with self._lock:
            there = [(one, kept) for one, kept in self._kept.items() if kept]
        return sorted(Kept(one.reason, one.source, one.received_at, raw) for one, (raw, _) in there)

    def listed(self, wanted: Wanted, after: Quarantined | None, limit: int) -> Page:
        """Looks at all of them."""
        with self._lock:
            there = {one: len(kept[0]) for one, kept in self._kept.items() if kept}
            behind = sorted((one for one in there if after is None or _place(one) > _place(after)), key=_place)
            mine = [one for one in behind if wanted.has(one)]
            found = tuple(
                Listed(one=one, size=there[one], tried=tuple(sorted(self._traces.get(one, ())))) for one in mine[:limit]
            )
        return Page(found, found[-1].one if found and behind[-1] != found[-1].one else None)

    def read(self, one: Quarantined) -> tuple[bytes, Came] | None:
        """As it was kept."""
        with self._lock:
            return self._kept.get(one)

    def sweep(self, one: Quarantined) -> None:
        """As an erasure does; its place stays taken."""
        with self._lock:
            self._kept[one] = None
            self._traces.pop(one, None)

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
