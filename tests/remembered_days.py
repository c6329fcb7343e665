"""A compaction that makes nothing twice: from the same rows DuckDB makes the same files, to the byte.

For suites that tell one story a hundred times over. What a killed run leaves of DuckDB's is not looked at there.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec

from attune.adapters.duckdb_lake import DuckCompaction
from attune.ports.arrivals import Ended
from attune.ports.learning import KnownProfile

#: what was asked, of which rows: what came of it; for all lakes of this process
_MADE: dict[Any, Any] = {}


class RememberedDays:
    """`Compaction`. Days are loaded into DuckDB when something is asked of them for the first time."""

    def __init__(self, compaction: DuckCompaction, folder: Path) -> None:
        self._compaction = compaction
        self._folder = folder
        self._numbers = itertools.count()
        self._days: dict[str, list[tuple[str, bytes]]] = {}
        self._digests: dict[str, bytes] = {}

    def clear(self) -> None:
        self._compaction.clear()
        self._days, self._digests = {}, {}

    def loaded(self) -> set[str]:
        return set(self._days)

    def load(self, day: str, rows: Iterable[tuple[str, bytes]]) -> dict[str, int]:
        kept = list(rows)
        self._days[day], self._digests[day] = kept, hashlib.sha256(msgspec.json.encode(kept)).digest()
        unreadable: dict[str, int] = self._known(("load", day), [day], lambda: self._load(day))
        return dict(unreadable)

    def drop(self, day: str) -> None:
        del self._days[day], self._digests[day]
        if day in self._compaction.loaded():
            self._compaction.drop(day)

    def contested(self, day: str, among: Collection[str]) -> set[str]:
        found: set[str] = self._known(("contested", day), among, lambda: self._compaction.contested(day, among))
        return set(found)

    def write_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> Path:
        asked = ("write", day, *sorted(unstored))
        return self._file(asked, among, lambda: self._compaction.write_day(day, among, unstored))

    def count_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> list[Ended]:
        asked = ("count", day, *sorted(unstored))
        found: list[Ended] = self._known(asked, among, lambda: self._compaction.count_day(day, among, unstored))
        return list(found)

    def write_profiles(self, known: Iterable[KnownProfile]) -> Path:
        kept = list(known)
        return self._file(("profiles", *kept), (), lambda: self._compaction.write_profiles(kept))

    def _load(self, day: str) -> dict[str, int]:
        return self._compaction.load(day, self._days[day])

    def _file(self, asked: Any, among: Collection[str], make: Callable[[], Path]) -> Path:
        def made() -> bytes:
            file = make()
            content = file.read_bytes()
            file.unlink()
            return content

        written = self._folder / f"remembered-{next(self._numbers)}"
        written.write_bytes(self._known(asked, among, made))
        return written

    def _known(self, asked: Any, among: Collection[str], make: Callable[[], Any]) -> Any:
        key = (asked, tuple((day, self._digests[day]) for day in sorted(among)))
        if key not in _MADE:
            for day in set(among).difference(self._compaction.loaded()) if asked[0] != "load" else ():
                self._load(day)
            _MADE[key] = make()
        return _MADE[key]
