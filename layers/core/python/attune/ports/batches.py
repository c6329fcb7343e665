"""What replaying failed batches needs of the world: where they lie, what tells of them, who takes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import msgspec


class FailedBatch(msgspec.Struct, frozen=True, order=True):
    """One object that a stream's consumer left: when (ms, to the second at worst), its key, its size in bytes."""

    at: int
    key: str
    size: int


class FailedBatches(Protocol):
    """Batches that a consumer of a stream gave up on. They stay where they are; a receipt says which were replayed."""

    def waiting(self, until: int) -> list[FailedBatch]:
        """Those left up to `until` (ms) that have no receipt, oldest first."""
        ...

    def receipts(self) -> set[str]:
        """Keys of those that have one."""
        ...

    def read(self, key: str) -> bytes:
        """The object as it is."""
        ...

    def keep_receipt(self, key: str, receipt: bytes) -> None:
        """Says for good that the batch was replayed. Idempotent."""
        ...


class Notices(Protocol):
    """One message for each failed batch, on which an alarm is."""

    def remove(self, keys: Collection[str]) -> int:
        """Removes the notices of these batches and leaves all others; answers how many."""
        ...


class Consumer(Protocol):
    """A function that reads a stream, given a batch once more as its mapping gives it."""

    def take(self, event: bytes) -> list[str]:
        """Hands over Lambda's event (JSON); answers what it could not take. `RefusedError` where it failed."""
        ...


class RefusedError(Exception):
    """The consumer was called and failed: the batch is left."""
