"""What the use cases need of the world. Docstrings state failure semantics; memory and AWS adapters pass one suite.

Here is what the path of an event needs, in `learning` beside it what the learning loop needs.
Every method may raise whatever its technology raises when it is out of reach: the caller lets that propagate and is
retried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from attune.domain.changes import Change
from attune.domain.consent import LedgerEntry
from attune.domain.definitions import Definition, Definitions
from attune.domain.deliveries import Delivery, State
from attune.domain.identifiers import Identifier
from attune.domain.identity import Claim, Identity

__all__ = [  # the domain values that stores keep are part of their contract
    "Claim",
    "Identity",
    "LedgerEntry",
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
    """A profile as stored. A tombstone has `merged_into` and an empty state. `due_at`: the armed wake-up, ms."""

    profile_id: str
    version: int
    state: bytes = b""
    merged_into: str | None = None
    due_at: int | None = None
    outbox: tuple[Change, ...] = ()


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic change: profiles with the version each was read at (None: absent), claims, consent records."""

    items: tuple[tuple[int | None, ProfileItem], ...]
    claims: tuple[Claim, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()


class Due(msgspec.Struct, frozen=True, order=True):
    """A profile whose wake-up is due at `due_at`."""

    due_at: int
    profile_id: str


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

    def commit(self, commit: Commit) -> None:
        """All or nothing; `ConflictError` when any condition fails or a concurrent transaction interferes.

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


class DueIndex(Protocol):
    """Profiles by the time they want to be woken."""

    def due(self, shard: int, after: int, until: int, limit: int) -> list[Due]:
        """In order of due time, `after` < due_at <= `until`, at most `limit`. Eventually consistent."""
        ...

    def mark(self, shard: int) -> int:
        """Up to where the shard has been emitted; 0 where nothing is known."""
        ...

    def set_mark(self, shard: int, until: int) -> None:
        """Last writer wins: an older mark only repeats wake-ups, which are harmless."""
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

    def keep(self, reason: str, source: str, received_at: int, raw: bytes) -> None:
        """Idempotent: the same bytes for the same reason, source and time are one object."""
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


class DefinitionStore(DefinitionReader, Protocol):
    """The definitions' editor."""

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition, read consistently."""
        ...

    def put(self, definition: Definition, *, read_version: int | None) -> int:
        """The new version; keeps the old one as history; `ConflictError` unless `read_version` is current."""
        ...

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        """`ConflictError` unless `read_version` is current."""
        ...

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """All current ones of a kind with their versions, in order of id, read consistently."""
        ...


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as stored: never the key itself, only its SHA-256 (the key is 256 random bits)."""

    key_id: str
    source: str
    type: str  # "browser" | "server"
    digest: str
    created_at: int


class Keys(Protocol):
    """API keys by their public id."""

    def key(self, key_id: str) -> Key | None:
        """Possibly cached for the adapter's stated lifetime: the delay of a revocation."""
        ...

    def add(self, key: Key) -> None:
        """Stores a new key."""
        ...


class Secrets(Protocol):
    """Secret values by name within one secret map: up to two live ones, the newest first."""

    def live(self, name: str) -> tuple[str, ...]:
        """Empty where none is set. Cached for the adapter's stated lifetime."""
        ...

    def replace(self, name: str, values: tuple[str, ...]) -> None:
        """Sets the live values of one name, leaving the others."""
        ...


class DeliveryStore(Protocol):
    """Deliveries by (profile id, delivery id)."""

    def claim(self, delivery: Delivery) -> Delivery:
        """Stores it unless its id exists; answers what is stored now (the given one, or the one found)."""
        ...

    def get(self, profile_id: str, delivery_id: str) -> Delivery | None:
        """Read consistently."""
        ...

    def settle(self, delivery: Delivery, *, read_state: State, read_attempts: int) -> None:
        """Writes the new state; `ConflictError` if state or attempts moved on meanwhile."""
        ...

    def of_profile(self, profile_id: str, limit: int) -> list[Delivery]:
        """Newest first."""
        ...


class DeliveryQueue(Protocol):
    """Work for deliver_messages."""

    def enqueue(self, profile_id: str, delivery_id: str) -> None:
        """At least once."""
        ...


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint said: status 0 and a reason where no HTTP answer came."""

    status: int
    reason: str = ""
    retry_after: int | None = None


class WebhookSender(Protocol):
    """Sends one signed request."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for anything the endpoint does; never follows redirects; never reaches a private address."""
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
