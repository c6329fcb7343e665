"""Failed batches and their notices in memory."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock

from attune.ports.batches import FailedBatch


class MemoryFailedBatches:
    """`FailedBatches` and `Notices`: leaving a batch makes its notice."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._objects: dict[str, tuple[int, bytes]] = {}
        self._receipts: dict[str, bytes] = {}
        self.notices: list[str] = []

    def leave(self, key: str, at: int, document: bytes) -> None:
        """As a mapping does when it gives up."""
        with self._lock:
            self._objects[key] = (at, document)
            self.notices.append(key)

    def waiting(self, until: int) -> list[FailedBatch]:
        """By age, then key."""
        with self._lock:
            found = [FailedBatch(at, key, len(document)) for key, (at, document) in self._objects.items()]
            return sorted(one for one in found if one.at <= until and one.key not in self._receipts)

    def receipts(self) -> set[str]:
        """All of them."""
        with self._lock:
            return set(self._receipts)

    def read(self, key: str) -> bytes:
        """KeyError for one that is not there."""
        with self._lock:
            return self._objects[key][1]

    def keep_receipt(self, key: str, receipt: bytes) -> None:
        """Replaces an earlier one."""
        with self._lock:
            self._receipts[key] = receipt

    def remove(self, keys: Collection[str]) -> int:
        """Notices are compared by the key they name."""
        with self._lock:
            kept = [key for key in self.notices if key not in keys]
            removed = len(self.notices) - len(kept)
            self.notices[:] = kept
        return removed
