"""Files to import and the notes beside them in memory."""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING

from attune.ports import ConflictError
from attune.ports.imports import FileChangedError, Note, StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterator


class MemoryImportBucket:
    """`ImportBucket`: files and notes are objects of one bucket."""

    def __init__(self, *, piece: int = 1024) -> None:
        self._lock = Lock()
        self._piece = piece
        self._objects: dict[str, tuple[bytes, str, int]] = {}
        self._writes = 0

    def put(self, key: str, content: bytes, at: int = 0) -> None:
        """Drops a file, at a time (ms)."""
        with self._lock:
            self._put(key, content, at)

    def remove(self, key: str) -> None:
        """Takes a file away."""
        with self._lock:
            del self._objects[key]

    def look(self, key: str) -> StoredFile | None:
        """As it is now."""
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            return None
        content, etag, at = found
        return StoredFile(key=key, etag=etag, size=len(content), arrived_at=at)

    def pieces(self, file: StoredFile, offset: int) -> Iterator[bytes]:
        """The file is asked for anew with each piece."""
        for start in range(offset, file.size, self._piece):
            with self._lock:
                content, etag, _ = self._objects.get(file.key, (b"", "", 0))
            if etag != file.etag:
                raise FileChangedError(file.key)
            yield content[start : start + self._piece]

    def note(self, key: str) -> Note | None:
        """Its content and etag."""
        with self._lock:
            found = self._objects.get(key)
        return Note(found[0], found[1]) if found else None

    def keep_note(self, key: str, content: bytes, tag: str | None) -> str:
        """Compares and writes at once."""
        with self._lock:
            found = self._objects.get(key)
            if found and found[0] == content:
                return found[1]
            if (found[1] if found else None) != tag:
                raise ConflictError(key)
            return self._put(key, content, 0)

    def _put(self, key: str, content: bytes, at: int) -> str:
        self._writes += 1
        etag = f'"{hashlib.sha256(b"%d" % self._writes + content).hexdigest()[:32]}"'
        self._objects[key] = (bytes(content), etag, at)
        return etag
