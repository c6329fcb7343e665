"""What the use cases need of the world. Docstrings state failure semantics; memory and AWS adapters pass one suite.

Here is what the path of an event needs, to the change of a profile. Beside it: what sends messages (`deliveries`), what
the learning loop needs (`learning`), how definitions are edited (`editing`), rebuilds (`rebuilding`), failed batches
(`batches`), and how longer work is started and watched (`runs`).
Every method may raise whatever its technology raises when it is out of reach: the caller lets that propagate and is
retried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from attune.domain.collection.quarantine import Came
from attune.domain.definitions.kinds import Definitions
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.past.takeovers import Standing, Version
from attune.domain.profiles.changes import Change
from attune.domain.profiles.consent import LedgerEntry

__all__ = [  # the domain values that stores keep are part of their contract
    "Claim",
    "Identity",
    "LedgerEntry",
    "Standing",
    "Version",
]

#: milliseconds since the epoch
Clock = Callable[[], int]


class ConflictError(Exception):
    """A condition of a write did not hold any more: reload, refold, retry."""


class UnstorableError(Exception):
    """The store will never take this, however often it is asked."""


class StreamUnavailableError(Exception):
    """Not every record could be stored on the stream; those that were are harmless (they dedupe)."""


class ProfileItem(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A profile as stored. A tombstone has `merged_into` or `erased_at`, and an empty state.

    `due_at`: the armed wake-up, ms. `ledger_length`, `ledger_head`: of a tombstone, how many consent records the ledger
    holds of it and the digest of the newest; a live profile keeps both in its state. `suppressed_at`: of who was erased
    and asked not to be taken in again, since when, `released_at`: when they were again; 0 for never.
    """

    profile_id: str
    version: int
    state: bytes = b""
    merged_into: str | None = None
    erased_at: int | None = None
    suppressed_at: int = 0
    released_at: int = 0
    ledger_length: int = 0
    ledger_head: bytes = b""
    due_at: int | None = None
    outbox: tuple[Change, ...] = ()
    #: references of the pages of its memory, oldest first
    pages: tuple[bytes, ...] = ()


class Page(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a profile's memory of messages that never changes: its reference is the hash of its entries.

    `expires_at`: epoch seconds after which nobody needs it.
    """

    reference: bytes
    entries: bytes
    expires_at: int


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic change: profiles with the version each was read at (None: absent), claims, consent records."""

    items: tuple[tuple[int | None, ProfileItem], ...]
    claims: tuple[Claim, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    #: those that its items name and that were not stored before
    pages: tuple[Page, ...] = ()


class Due(msgspec.Struct, frozen=True, order=True):
    """A profile whose wake-up is due at `due_at`."""

    due_at: int
    profile_id: str


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """How far the due index was emitted, by due shard; empty where that is not known. `swept_at`: last sweep, ms."""

    reached: tuple[Due, ...] = ()
    swept_at: int = 0


class ProfileReader(Protocol):
    """Reads profiles and who identifiers belong to. Missing keys are absent from the answer."""

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:
        """By identity key; any number of keys."""
        ...

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
        """By profile id; any number; tombstones included."""
        ...


class ProfileStore(ProfileReader, Protocol):
    """The one writer's store."""

    def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
        """Entries by reference, read consistently: what is absent has expired."""
        ...

    def commit(self, commit: Commit) -> None:
        """All or nothing; `ConflictError` when any condition fails or a concurrent transaction interferes.

        Pages go first and may stay behind alone: only an item that names them makes them count.

        `UnstorableError` for what the store's own limits rule out.
        """
        ...


class Holds(Protocol):
    """Withdrawals that act before the stream has carried them: purpose → since when (ms), by identity key."""

    def place(self, identity_key: str, purposes: Mapping[str, int], expires_at: int) -> None:
        """Adds to what is held; a later instant wins per purpose. `expires_at` in epoch seconds."""
        ...

    def held(self, identity_keys: Collection[str]) -> dict[str, int]:
        """The latest instant per purpose over all keys, read consistently."""
        ...

    def lift(self, identity_keys: Collection[str], until: int) -> None:
        """Under each of these keys what is held since `until` (ms) or earlier is held no more, by purpose."""
        ...


class MergeIndex(Protocol):
    """Who became whom, from its end: tombstones by the profile that they were merged into."""

    def absorbed(self, profile_id: str) -> list[str]:
        """Ids of those that were merged into this very profile, not those behind them. Eventually consistent."""
        ...


class DueIndex(Protocol):
    """Profiles by the time they want to be woken, in shards; in a shard by due time, and among equals in some order."""

    def due(self, shard: int, after: Due, until: int, limit: int) -> list[Due]:
        """In order, what lies behind `after` and is due at or before `until`, at most `limit`. Eventually consistent.

        `Due(t, "")` lies before everything that is due at `t`.
        """
        ...

    def marks(self) -> Marks:
        """As last set."""
        ...

    def set_marks(self, marks: Marks) -> None:
        """Last writer wins: older marks only repeat wake-ups, which are harmless."""
        ...


class EventStream(Protocol):
    """The one stream."""

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        """(partition key, data) in order per key; returns when all are stored, else `StreamUnavailableError`."""
        ...


class Lake(Protocol):
    """Archive of verdicts, at least once."""

    def append(self, rows: Sequence[bytes]) -> None:
        """JSON rows without newlines; returns when all are accepted."""
        ...


class Quarantine(Protocol):
    """Rejected input, byte for byte."""

    def keep(self, reason: str, source: str, received_at: int, raw: bytes, came: Came = ...) -> None:
        """Idempotent: the same bytes for the same reason, source and time, come in the same way, are one object.

        What an erasure has swept is not kept again, however often the stream carries it.
        """
        ...

    def keep_all(self, inputs: Sequence[tuple[str, str, int, bytes, Came]]) -> None:
        """The same for many, in any order, side by side: a request may hold thousands. All are stored, or it raises."""
        ...


class Seal(Protocol):
    """Authenticated encryption under a profile's data key."""

    def new_key(self) -> bytes:
        """32 random bytes."""
        ...

    def seal(self, key: bytes, plain: bytes) -> bytes:
        """Nonce and ciphertext."""
        ...

    def open(self, key: bytes, sealed: bytes) -> bytes:
        """Raises ValueError when key or bytes are wrong."""
        ...


class DefinitionReader(Protocol):
    """Current definitions."""

    def current(self) -> Definitions:
        """A snapshot, at most the adapter's stated lifetime old (seconds, not minutes)."""
        ...


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as stored: never the key itself, only its SHA-256 (the key is 256 random bits)."""

    key_id: str
    source: str
    type: str  # "browser" | "server"
    digest: str
    created_at: int
    role: str = "full"  # of a server key: "full" | "masked"


class Keys(Protocol):
    """API keys by their public id."""

    def key(self, key_id: str) -> Key | None:
        """Possibly cached for the adapter's stated lifetime: the delay of a revocation."""
        ...

    def add(self, key: Key) -> None:
        """Stores a new key."""
        ...

    def of(self, source: str) -> list[Key]:
        """A source's keys, the oldest first, read consistently."""
        ...

    def remove(self, key_id: str) -> None:
        """It is unknown from now on, where it is not cached; of one that is not there nothing happens."""
        ...


class Secrets(Protocol):
    """Secret values by name within one secret map: up to two live ones, the newest first."""

    def live(self, name: str) -> tuple[str, ...]:
        """Empty where none is set. Cached for the adapter's stated lifetime."""
        ...

    def replace(self, name: str, values: tuple[str, ...]) -> None:
        """Sets the live values of one name, leaving the others."""
        ...


class Identified(Protocol):
    """Pseudonyms under the deployment's identity secret."""

    def key(self, identifier: Identifier) -> str:
        """The identity key, 32 hex digits."""
        ...

    def profile_id(self, first: str, generation: int) -> str:
        """The profile id that an identity key founds."""
        ...


#: metrics by name and dimensions; a telemetry adapter turns them into EMF, tests read them
type Count = Callable[[str, int, Mapping[str, Any]], None]

#: a metric of how long ago (ms) an instant was when it is told
Elapsed = Callable[[str, int], None]
