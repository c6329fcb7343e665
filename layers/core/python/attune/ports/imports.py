"""What importing files needs of the world: the files, notes beside them, tables on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import msgspec


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it lay there when it was looked at; `etag` changes whenever its bytes do. `arrived_at`: ms."""

    key: str
    etag: str
    size: int
    arrived_at: int


class Note(msgspec.Struct, frozen=True):
    """A document and the tag by which the next one is told that it replaces this one."""

    content: bytes
    tag: str


class FileChangedError(Exception):
    """The file is not there any more, or another one lies in its place."""


class ImportBucket(Protocol):
    """Dropped files, and documents kept beside them."""

    def look(self, key: str) -> StoredFile | None:
        """None where there is none."""
        ...

    def pieces(self, file: StoredFile, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` on, in pieces of a few MB at most. Raises `FileChangedError`."""
        ...

    def note(self, key: str) -> Note | None:
        """The document of that name."""
        ...

    def keep_note(self, key: str, content: bytes, tag: str | None) -> str:
        """Replaces the one that has `tag`, or none there may be (None); answers its own tag.

        `ConflictError` if there is another one by now, unless it is this content: then an answer was lost.
        """
        ...


class RowTables(Protocol):
    """Tables in a format that is read by row number (Parquet)."""

    def rows(self, pieces: Iterable[bytes], after: int) -> Iterator[bytes]:
        """Every row behind the first `after` as a JSON object. Raises `UnusableFileError`: `invalid_parquet`."""
        ...
