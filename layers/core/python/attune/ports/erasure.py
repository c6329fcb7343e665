"""What removing an erased person's traces needs of the world: buckets with all their versions, items by their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO, Protocol

import msgspec

from attune.ports.imports import Note


class Stored(msgspec.Struct, frozen=True, order=True):
    """An object as it lay there when it was listed: its key, its size in bytes, a tag that changes with its content."""

    key: str
    size: int
    tag: str


def required(prefix: str) -> str:
    """The prefix; ValueError for none, with which everything would go."""
    if not prefix:
        raise ValueError("a prefix is required")
    return prefix


class VersionedBucket(Protocol):
    """A bucket in which nothing that is taken away stays behind, versioned or not. Every call may be repeated."""

    def listed(self, prefix: str, after: str = "") -> Iterator[Stored]:
        """What is there now under the prefix, in order of keys, behind the key `after`."""
        ...

    def open(self, key: str) -> IO[bytes] | None:
        """The bytes, to be read and closed; None where there is no such object (any more)."""
        ...

    def replace(self, found: Stored, content: IO[bytes]) -> bool:
        """In place of what was `found`, and of all versions before; False if another one lies there by now."""
        ...

    def put(self, key: str, content: IO[bytes]) -> None:
        """A new object, or in place of one."""
        ...

    def blank(self, key: str) -> None:
        """An empty object, in place of whatever lay there and of all versions of it."""
        ...

    def remove(self, prefix: str) -> int:
        """All objects whose key begins so, with all versions of them; answers how many keys that were."""
        ...

    def forget(self, prefix: str) -> int:
        """All versions that are not the current ones, of all objects whose key begins so; answers how many."""
        ...


class PersonalItems(Protocol):
    """Items of tables that are found by what a subject names."""

    def remove_deliveries(self, profile_ids: Collection[str]) -> int:
        """All deliveries of these profiles; answers how many there were."""
        ...

    def remove_pages(self, references: Collection[str]) -> int:
        """Pages of a profile's memory, by reference in hex; answers how many there were."""
        ...


class Notes(Protocol):
    """Documents that are replaced on condition."""

    def note(self, key: str) -> Note | None:
        """The document of that name."""
        ...

    def keep_note(self, key: str, content: bytes, tag: str | None) -> str:
        """As of `ports.imports.ImportBucket`: `ConflictError` unless the one that is replaced has `tag`."""
        ...
