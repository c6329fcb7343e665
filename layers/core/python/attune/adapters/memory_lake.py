"""`LakeFiles` in memory: the objects of one bucket as bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import msgspec

from attune.adapters.lake_lines import lines_of
from attune.adapters.lake_tables import RAW
from attune.ports.learning import RawObject


class _Laid(msgspec.Struct, frozen=True):
    data: bytes
    at: int


class MemoryLakeFiles:
    """Days as written are in `days` and the snapshot is `profiles`, as the bytes of their files."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._raw: dict[str, _Laid] = {}
        self._made_from: dict[str, str] = {}
        self.days: dict[str, bytes] = {}
        self.profiles = b""

    def lay(self, day: str, name: str, data: bytes, at: int = 0) -> str:
        """An object of raw rows that arrives at `at` (ms), or replaces one; answers its key."""
        key = f"{RAW}dt={day}/hour=12/{name}"
        with self._lock:
            self._raw[key] = _Laid(data, at)
        return key

    def raw(self, until: int) -> dict[str, list[RawObject]]:
        """By day."""
        days: dict[str, list[RawObject]] = {}
        with self._lock:
            for key, laid in sorted(self._raw.items()):
                if laid.at <= until:
                    days.setdefault(key.split("/")[1].removeprefix("dt="), []).append(RawObject(key, _tag(laid.data)))
        return dict(sorted(days.items()))

    def lines(self, key: str) -> Iterator[bytes]:
        """Plain or gzip."""
        yield from lines_of(io.BytesIO(self._raw[key].data), key)

    def made_from(self, day: str) -> str | None:
        """As it was kept."""
        return self._made_from.get(day)

    def keep_day(self, day: str, file: Path, made_from: str) -> None:
        """Both at once."""
        data = file.read_bytes()
        with self._lock:
            self.days[day], self._made_from[day] = data, made_from

    def keep_profiles(self, file: Path) -> None:
        """Replaces the snapshot."""
        self.profiles = file.read_bytes()


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
