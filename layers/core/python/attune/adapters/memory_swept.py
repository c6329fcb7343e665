"""`VersionedBucket` and `PersonalItems` in memory."""

from __future__ import annotations

import hashlib
import io
from threading import Lock
from typing import IO, TYPE_CHECKING

from attune.ports.erasure import Stored, required

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class MemorySwept:
    """By key all versions, the newest last; a deleted object's last one is None."""

    def __init__(self, *, versioned: bool = True) -> None:
        self._lock = Lock()
        self._versioned = versioned
        self.versions: dict[str, list[bytes | None]] = {}

    def listed(self, prefix: str, after: str = "") -> Iterator[Stored]:
        """As of the call."""
        with self._lock:
            current = {key: versions[-1] for key, versions in sorted(self.versions.items())}
        for key, content in current.items():
            if key.startswith(prefix) and key > after and content is not None:
                yield Stored(key, len(content), _tag(content))

    def open(self, key: str) -> IO[bytes] | None:
        """A copy."""
        with self._lock:
            content = self.versions.get(key, [None])[-1]
        return None if content is None else io.BytesIO(content)

    def replace(self, found: Stored, content: IO[bytes]) -> bool:
        """Compares and writes at once."""
        with self._lock:
            known = self.versions.get(found.key, [None])[-1]
            if known is None or _tag(known) != found.tag:
                return False
            self.versions[found.key] = [content.read()]
        return True

    def put(self, key: str, content: IO[bytes]) -> None:
        """One version more."""
        with self._lock:
            self._add(key, content.read())

    def blank(self, key: str) -> None:
        """One version."""
        with self._lock:
            self.versions[key] = [b""]

    def delete(self, key: str) -> None:
        """As somebody deletes it who names no version."""
        with self._lock:
            if self._versioned:
                self._add(key, None)
            else:
                del self.versions[key]

    def remove(self, prefix: str) -> int:
        """Every version."""
        with self._lock:
            gone = [key for key in self.versions if key.startswith(required(prefix))]
            for key in gone:
                del self.versions[key]
        return len(gone)

    def forget(self, prefix: str) -> int:
        """But for the last."""
        with self._lock:
            older = [key for key, kept in self.versions.items() if key.startswith(required(prefix)) and len(kept) > 1]
            for key in older:
                self.versions[key] = self.versions[key][-1:]
        return len(older)

    def _add(self, key: str, content: bytes | None) -> None:
        before = self.versions.get(key, []) if self._versioned else []
        self.versions[key] = [*before, content]


class MemoryPersonalItems:
    """Both tables."""

    def __init__(self) -> None:
        self.deliveries: dict[str, list[str]] = {}
        self.pages: set[str] = set()

    def remove_deliveries(self, profile_ids: Collection[str]) -> int:
        """Counted before they go."""
        return sum(len(self.deliveries.pop(profile_id, ())) for profile_id in profile_ids)

    def remove_pages(self, references: Collection[str]) -> int:
        """Those that are there."""
        found = self.pages & set(references)
        self.pages -= found
        return len(found)


def _tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
