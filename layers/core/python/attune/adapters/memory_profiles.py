"""Profiles, identities and ledger in memory, under one lock because one commit covers them all."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Collection
from threading import Lock
from typing import Any, Final

import msgspec

from attune.domain.profiles.changes import encode_outbox
from attune.domain.profiles.timers import DUE_SHARDS, due_shard
from attune.ports import Commit, ConflictError, Due, Identity, LedgerEntry, Marks, ProfileItem, UnstorableError

#: DynamoDB's bounds: actions of one transaction, bytes of one item with the names of its attributes
MAX_ACTIONS: Final = 100
MAX_ITEM: Final = 400 * 1024
#: bytes of the names and numbers of a profile's item, about
_BESIDES: Final = 200


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
    """`ProfileStore`, `DueIndex` and `MergeIndex`; also the ledger and the change stream of the profiles table."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._identities = Shelf(Identity)
        self._items = Shelf(ProfileItem)
        self._ledger = Shelf(LedgerEntry)
        self._pages: dict[bytes, bytes] = {}
        #: by due shard, in order, and what of it is whose
        self._armed: list[list[Due]] = [[] for _ in range(DUE_SHARDS)]
        self._due_at: dict[str, int] = {}
        self._marks = Marks()
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

    def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
        """They do not expire here."""
        with self._lock:
            return {reference: self._pages[reference] for reference in references if reference in self._pages}

    def commit(self, commit: Commit) -> None:
        """All or nothing, under one lock, but for pages: they lie there first, whatever becomes of the rest."""
        with self._lock:
            self._pages |= {page.reference: page.entries for page in commit.pages}
            _check_limits(commit)
            self._check(commit)
            for _, item in commit.items:
                self._items.put(item.profile_id, item)
                self._images.append(msgspec.msgpack.encode(item))
                self._arm(item)
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
            if _binding(self._identities.get(claim.identity_key)) != _binding(claim.read):
                raise ConflictError(claim.identity_key)
        for entry in commit.ledger:
            if self._ledger.get((entry.profile_id, entry.entry)) is not None:
                raise ConflictError(entry.entry)

    def due(self, shard: int, after: Due, until: int, limit: int) -> list[Due]:
        """Never lags behind the items."""
        with self._lock:
            armed = self._armed[shard]
            start = bisect_right(armed, after)
            end = bisect_right(armed, until, lo=start, key=lambda due: due.due_at)
            return armed[start : min(end, start + limit)]

    def absorbed(self, profile_id: str) -> list[str]:
        """Never lags behind the items."""
        return [item.profile_id for item in self.all_items() if item.merged_into == profile_id]

    def marks(self) -> Marks:
        """As last set."""
        with self._lock:
            return self._marks

    def set_marks(self, marks: Marks) -> None:
        """Last writer wins."""
        with self._lock:
            self._marks = marks

    def _arm(self, item: ProfileItem) -> None:
        known = self._due_at.get(item.profile_id)
        if known == item.due_at:
            return
        armed = self._armed[due_shard(item.profile_id)]
        if known is not None:
            del armed[bisect_left(armed, Due(known, item.profile_id))], self._due_at[item.profile_id]
        if item.due_at is not None:
            insort(armed, Due(item.due_at, item.profile_id))
            self._due_at[item.profile_id] = item.due_at

    def images(self, start: int = 0) -> list[ProfileItem]:
        """The table's change stream from position `start`: each change once, as the new item."""
        with self._lock:
            images = self._images[start:]
        return [msgspec.msgpack.decode(image, type=ProfileItem) for image in images]

    def all_items(self, *, consistent: bool = False) -> list[ProfileItem]:  # noqa: ARG002
        """Every item, tombstones included; always consistent here."""
        with self._lock:
            return self._items.values()

    def tombstones(self) -> list[ProfileItem]:
        """Who was merged or erased."""
        return [item for item in self.all_items() if item.erased_at is not None or item.merged_into is not None]

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        """In order of ids."""
        later = sorted((item for item in self.all_items() if item.profile_id > after), key=lambda one: one.profile_id)
        return later[:limit], later[limit - 1].profile_id if len(later) > limit else ""

    def in_ledger(self) -> set[str]:
        """Ids of all profiles that have consent records."""
        with self._lock:
            return {entry.profile_id for entry in self._ledger.values()}

    def ledger(self, profile_id: str) -> list[LedgerEntry]:
        """The profile's consent records in order of their sort key."""
        with self._lock:
            mine = [entry for entry in self._ledger.values() if entry.profile_id == profile_id]
        return sorted(mine, key=lambda entry: entry.entry)


def _binding(identity: Identity | None) -> tuple[str, int, int, int, int] | None:
    """To whom, since when, how marked: a write is refused if these changed, whatever else was learned of it."""
    if identity is None:
        return None
    marks = (identity.erased_at, identity.suppressed_at, identity.released_at)
    return (identity.profile_id, identity.at, *marks)


def _check_limits(commit: Commit) -> None:
    """What a table refuses whatever lies in it: two actions on one item, too many actions, an item too large."""
    keys: list[object] = [item.profile_id for _, item in commit.items]
    keys += [("claim", claim.identity_key) for claim in commit.claims]
    keys += [(entry.profile_id, entry.entry) for entry in commit.ledger]
    if len(set(keys)) != len(keys):
        raise UnstorableError("two actions on one item")
    if len(keys) > MAX_ACTIONS:
        raise UnstorableError(f"{len(keys)} actions in one commit")
    if not keys:
        raise ValueError("a commit of nothing")
    if any(_size(item) > MAX_ITEM for _, item in commit.items):
        raise UnstorableError(f"an item of more than {MAX_ITEM} bytes")


def _size(item: ProfileItem) -> int:
    return len(item.state) + (len(encode_outbox(item.outbox).encode()) if item.outbox else 0) + _BESIDES
