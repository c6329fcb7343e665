"""Profiles, identities and ledger in memory, under one lock because one commit covers them all."""

from __future__ import annotations

from collections.abc import Collection
from threading import Lock
from typing import Any, Final

import msgspec

from attune.domain.timers import due_shard
from attune.ports import Commit, ConflictError, Due, Identity, LedgerEntry, ProfileItem

#: DynamoDB's bound on one transaction
MAX_ACTIONS: Final = 100


class Shelf[T: msgspec.Struct]:
    """Structs by key, as bytes at rest: what comes out is always a fresh value."""

    def __init__(self, shape: type[T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(shape)
        self._stored: dict[Any, bytes] = {}

    def get(self, key: Any) -> T | None:
        """The value, or None."""
        data = self._stored.get(key)
        return None if data is None else self._decoder.decode(data)

    def put(self, key: Any, value: T) -> None:
        """Replaces whatever lies there."""
        self._stored[key] = msgspec.msgpack.encode(value)

    def drop(self, key: Any) -> None:
        """Forgets a key that is there."""
        del self._stored[key]

    def values(self) -> list[T]:
        """In order of arrival of their keys."""
        return [self._decoder.decode(data) for data in list(self._stored.values())]


class MemoryProfiles:
    """`ProfileStore` and `DueIndex`; also the ledger and the change stream of the profiles table."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._identities = Shelf(Identity)
        self._items = Shelf(ProfileItem)
        self._ledger = Shelf(LedgerEntry)
        self._marks: dict[int, int] = {}
        self._images: list[bytes] = []

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:  # noqa: ARG002
        """Always consistent here."""
        with self._lock:
            found = {key: self._identities.get(key) for key in keys}
        return {key: identity for key, identity in found.items() if identity is not None}

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:  # noqa: ARG002
        """Always consistent here."""
        with self._lock:
            found = {profile_id: self._items.get(profile_id) for profile_id in profile_ids}
        return {profile_id: item for profile_id, item in found.items() if item is not None}

    def commit(self, commit: Commit) -> None:
        """All or nothing, under one lock."""
        _check_actions(commit)
        with self._lock:
            self._check(commit)
            for _, item in commit.items:
                self._items.put(item.profile_id, item)
                self._images.append(msgspec.msgpack.encode(item))
            for claim in commit.claims:
                self._identities.put(claim.identity_key, claim.identity)
            for entry in commit.ledger:
                self._ledger.put((entry.profile_id, entry.entry), entry)

    def _check(self, commit: Commit) -> None:
        for read_version, item in commit.items:
            stored = self._items.get(item.profile_id)
            if (stored.version if stored else None) != read_version:
                raise ConflictError(item.profile_id)
        for claim in commit.claims:
            if self._identities.get(claim.identity_key) != claim.read:
                raise ConflictError(claim.identity_key)
        for entry in commit.ledger:
            if self._ledger.get((entry.profile_id, entry.entry)) is not None:
                raise ConflictError(entry.entry)

    def due(self, shard: int, after: int, until: int, limit: int) -> list[Due]:
        """Derived from what the items say, so it cannot lag behind them."""
        with self._lock:
            items = self._items.values()
        armed = [Due(item.due_at, item.profile_id) for item in items if item.due_at is not None]
        mine = [due for due in armed if after < due.due_at <= until and due_shard(due.profile_id) == shard]
        return sorted(mine)[:limit]

    def mark(self, shard: int) -> int:
        """0 where nothing is known."""
        with self._lock:
            return self._marks.get(shard, 0)

    def set_mark(self, shard: int, until: int) -> None:
        """Last writer wins."""
        with self._lock:
            self._marks[shard] = until

    def images(self, start: int = 0) -> list[ProfileItem]:
        """The table's change stream from position `start`: each change once, as the new item."""
        with self._lock:
            images = self._images[start:]
        return [msgspec.msgpack.decode(image, type=ProfileItem) for image in images]

    def all_items(self) -> list[ProfileItem]:
        """Every item, tombstones included."""
        with self._lock:
            return self._items.values()

    def ledger(self, profile_id: str) -> list[LedgerEntry]:
        """The profile's consent records in order of their sort key."""
        with self._lock:
            mine = [entry for entry in self._ledger.values() if entry.profile_id == profile_id]
        return sorted(mine, key=lambda entry: entry.entry)


def _check_actions(commit: Commit) -> None:
    """What a table refuses whatever lies in it: two actions on one item, or too many for one transaction."""
    keys: list[object] = [item.profile_id for _, item in commit.items]
    keys += [("claim", claim.identity_key) for claim in commit.claims]
    keys += [(entry.profile_id, entry.entry) for entry in commit.ledger]
    if len(set(keys)) != len(keys):
        raise ValueError("two actions on one item")
    if not 0 < len(keys) <= MAX_ACTIONS:
        raise ValueError(f"{len(keys)} actions in one commit")
