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
from attune.ports import ConflictError
from attune.ports.learning import Made, RawObject


class _Laid(msgspec.Struct, frozen=True):
    data: bytes
    at: int


class MemoryLakeFiles:
    """Days as written are in `days` and the snapshot is `profiles`, as the bytes of their files."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._raw: dict[str, _Laid] = {}
        self._made: dict[str, Made] = {}
        self._writes = 0
        self.days: dict[str, bytes] = {}
        self.profiles = b""

    def lay(self, day: str, name: str, data: bytes, at: int = 0) -> str:
        """An object of raw rows that arrives at `at` (ms), or replaces one; answers its key."""
        key = f"{RAW}dt={day}/hour=12/{name}"
        with self._lock:
            self._raw[key] = _Laid(data, at)
        return key

    def raw(self, until: int, day: str = "") -> dict[str, list[RawObject]]:
        """By day."""
        days: dict[str, list[RawObject]] = {}
        with self._lock:
            for key, laid in sorted(self._raw.items()):
                named = key.split("/")[1].removeprefix("dt=")
                if laid.at <= until and day in ("", named):
                    days.setdefault(named, []).append(RawObject(key, _tag(laid.data)))
        return dict(sorted(days.items()))

    def lines(self, key: str) -> Iterator[bytes]:
        """Plain or gzip."""
        yield from lines_of(io.BytesIO(self._raw[key].data), key)

    def made(self, day: str) -> Made | None:
        """As it was kept."""
        return self._made.get(day)

    def keep_day(self, day: str, file: Path, made_from: str, read: str | None) -> None:
        """Compares and writes at once."""
        data = file.read_bytes()
        with self._lock:
            made = self._made.get(day)
            if (made.tag if made else None) != read:
                if made is None or made.made_from != made_from:
                    raise ConflictError(day)
                return
            self._writes += 1
            self.days[day], self._made[day] = data, Made(made_from, str(self._writes))

    def forget_day(self, day: str, *, rows: bool) -> None:
        """At once."""
        with self._lock:
            self.days.pop(day, None)
            self._made.pop(day, None)
            for key in [key for key in self._raw if rows and key.startswith(f"{RAW}dt={day}/")]:
                del self._raw[key]

    def keep_profiles(self, file: Path) -> None:
        """Replaces the snapshot."""
        self.profiles = file.read_bytes()


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
