"""What a sweep has come to, request by request, kept so that a run may go on where another stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.erasure.receipts import Sweep, Swept, sweep_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.erasure.receipts import SeenBy
    from attune.domain.erasure.subjects import Subject
    from attune.ports.documents import Documents


class Tallies:
    """Counts by request and store. What is not saved when an invocation is killed is not counted; it is done."""

    def __init__(self, documents: Documents, requests: Iterable[str]) -> None:
        self._documents = documents
        self._sweeps = {request: _read(documents, request) for request in requests}
        self._changed: set[str] = set()

    @property
    def requests(self) -> list[str]:
        """All whose stores are swept."""
        return sorted(self._sweeps)

    def begin(self, store: str, now: int) -> None:
        """What an earlier sweep left is looked for anew."""
        for request, sweep in self._sweeps.items():
            swept = sweep.stores.setdefault(store, Swept())
            swept.left = swept.unreadable = 0
            sweep.begun_at, sweep.ended_at = sweep.begun_at or now, 0
            self._changed.add(request)

    def count_anew(self, store: str) -> None:
        """Of what is only looked at each sweep finds all of it again."""
        for sweep in self._sweeps.values():
            sweep.stores[store] = Swept()

    def add(
        self,
        subjects: Iterable[Subject],
        store: str,
        *,
        found: int = 0,
        removed: int = 0,
        rewritten: int = 0,
        left: int = 0,
        unreadable: int = 0,
    ) -> None:
        """Once a request, however many of its subjects are named."""
        for request in {subject.request_id for subject in subjects}:
            swept = self._sweeps[request].stores.setdefault(store, Swept())
            swept.found += found
            swept.removed += removed
            swept.rewritten += rewritten
            swept.left += left
            swept.unreadable += unreadable
            self._changed.add(request)

    def end(self, request: str, models: tuple[SeenBy, ...], now: int) -> None:
        """All stores were looked through."""
        sweep = self._sweeps[request]
        sweep.models, sweep.ended_at = models, now
        self._changed.add(request)

    def save(self) -> None:
        """What has changed since the last time."""
        for request in sorted(self._changed):
            self._documents.put(sweep_key(request), msgspec.json.encode(self._sweeps[request]))
        self._changed.clear()


def _read(documents: Documents, request: str) -> Sweep:
    data = documents.get(sweep_key(request))
    return Sweep() if data is None else msgspec.json.decode(data, type=Sweep)
