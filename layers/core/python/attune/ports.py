"""What the use cases need of the world. Docstrings state failure semantics; memory and AWS adapters pass one suite.

Every method may raise whatever its technology raises when it is out of reach: the caller lets that propagate and is
retried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from attune.domain.changes import Change
from attune.domain.consent import LedgerEntry
from attune.domain.definitions import Definition, Definitions
from attune.domain.deliveries import Delivery, State
from attune.domain.identifiers import Identifier
from attune.domain.identity import Claim, Identity
from attune.domain.models import Champion, Model
from attune.domain.training import Order, Refusal

__all__ = [  # the domain values that stores keep are part of their contract
    "Champion",
    "Claim",
    "Identity",
    "LedgerEntry",
    "Model",
]

#: milliseconds since the epoch
Clock = Callable[[], int]


class ConflictError(Exception):
    """A condition of a write did not hold any more: reload, refold, retry."""


class UnstorableError(Exception):
    """The store will never take this, however often it is asked."""


class StreamUnavailableError(Exception):
    """Not every record could be stored on the stream; those that were are harmless (they dedupe)."""


class ProfileItem(msgspec.Struct, frozen=True, kw_only=True):
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


class Champions(Protocol):
    """The models that serve, for who scores."""

    def serving(self) -> Mapping[str, Model]:
        """By name, at most the adapter's stated lifetime old; never raises.

        Of a model whose pointer or artefact is missing or faulty, the last good version goes on serving: the one
        known, else the one before, else none.
        """
        ...


class Registry(Protocol):
    """Models at rest: `models/<name>/<version>/<file>` and `models/<name>/champion.json`."""

    def champion(self, name: str) -> tuple[str, Champion] | None:
        """The pointer and its tag, read consistently; None where there is none.

        `UnusableModelError` if it is unreadable, with its tag, so that it can be replaced.
        """
        ...

    def model(self, name: str, version: str) -> Model:
        """`UnusableModelError` if it is missing or faulty."""
        ...

    def document(self, name: str, version: str, file: str) -> bytes | None:
        """Any file of a version as it is: its first `MAX_BYTES` and one more, should it have more."""
        ...

    def keep(self, name: str, version: str, files: Mapping[str, bytes]) -> None:
        """Idempotent: keeping a version again replaces its files. Nothing serves until the champion points there."""
        ...

    def promote(self, name: str, champion: Champion, *, read: str | None) -> None:
        """Moves the pointer; `ConflictError` unless it is the one that was `read` (its tag; None: there was none)."""
        ...


class FeatureRows(Protocol):
    """One row of features a profile, as `adapters/queries/features.sql` selects them, as CSV with a header."""

    def read(self, location: str, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start` on; empty beyond the end."""
        ...


class FeatureTable(FeatureRows, Protocol):
    """Makes the rows, and reads them."""

    def build(self, cutoff: int, run: str) -> str:
        """Select what was known at `cutoff` (ms); answers where the rows lie. Asking again selects the same again."""
        ...


class Candidate(Protocol):
    """A model just trained, and the profiles held out to judge it by."""

    @property
    def model(self) -> Model:
        """Not kept anywhere yet."""
        ...

    @property
    def profiles(self) -> int:
        """All that were read, the held out among them."""
        ...

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What training found out, as JSON: `clusters` with name, share and centroid, and figures by name."""
        ...

    @property
    def lineage(self) -> Mapping[str, Any]:
        """What it was made of and with, as JSON."""
        ...

    def silhouette(self, model: Model) -> float | None:
        """Of the hold-out under that model's labels, in this candidate's space; None: all in one cluster."""
        ...


class Trainer(Protocol):
    """Makes models of rows. The same order and rows make the same model, bit by bit."""

    def __call__(self, order: Order, pieces: Iterable[bytes]) -> Candidate | Refusal:
        """`pieces`: the CSV of `FeatureTable`, cut anywhere."""
        ...


type RunState = Literal["running", "succeeded", "failed", "timed_out", "aborted"]


class LearningRun(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of the learning loop: times in ms, what it ended with, or the error's name where it failed."""

    run: str
    state: RunState
    started_at: int
    ended_at: int | None = None
    output: dict[str, Any] = {}
    error: str = ""


class LearningRuns(Protocol):
    """Turns of the learning loop. What has just happened may show a second late."""

    def start(self, run: str) -> None:
        """Starts a run of this name; starting it twice starts it once. `ConflictError` if one of it has ended."""
        ...

    def running(self) -> str | None:
        """A run that is under way, by name."""
        ...

    def latest(self, limit: int) -> list[LearningRun]:
        """Newest first, without output and error."""
        ...

    def describe(self, run: str) -> LearningRun | None:
        """All of one; None where there is none of this name, whatever the name."""
        ...


class RawObject(msgspec.Struct, frozen=True, order=True):
    """One object of raw rows: its key, and a tag that changes with its content."""

    key: str
    tag: str


class LakeFiles(Protocol):
    """The lake at rest: raw rows by the day of their arrival, and what compaction makes of them. Days: `2025-06-15`."""

    def raw(self, until: int) -> dict[str, list[RawObject]]:
        """By day, in order of keys: what had been laid down by `until` (ms). Days without raw rows are absent."""
        ...

    def lines(self, key: str) -> Iterator[bytes]:
        """An object's lines without their ends; `UnreadableObjectError` where it cannot be unpacked any further."""
        ...

    def made_from(self, day: str) -> str | None:
        """What was said when the day was last kept; None where it never was."""
        ...

    def keep_day(self, day: str, file: Path, made_from: str) -> None:
        """The day's rows, replaced as a whole."""
        ...

    def keep_profiles(self, file: Path) -> None:
        """The snapshot of profiles, replaced as a whole."""
        ...


class UnreadableObjectError(Exception):
    """An object is cut off or damaged: what came before stands, the rest cannot be had."""


class KnownProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A stored profile id and the live profile it has become: whether that one consents to personalization.

    `shopper_clusters`: which version gave it which cluster, as `domain.profiles.spell_score`; empty for none.
    """

    profile_id: str
    root: str
    personalization: bool
    shopper_clusters: str = ""


class Compaction(Protocol):
    """A place to work on raw rows: days are loaded, judged together, written as one file each."""

    def clear(self) -> None:
        """Begin with nothing loaded."""
        ...

    def loaded(self) -> set[str]:
        """The days that are here."""
        ...

    def load(self, day: str, rows: Iterable[tuple[str, bytes]]) -> dict[str, int]:
        """Take a day's lines in, each with the key it came from; answers how many are no rows, by key."""
        ...

    def drop(self, day: str) -> None:
        """Forget a loaded day."""
        ...

    def contested(self, day: str, among: Collection[str]) -> set[str]:
        """The profiles of those events of the day that lie, in the days `among`, under several profiles."""
        ...

    def write_day(self, day: str, among: Collection[str], unstored: Collection[str]) -> Path:
        """One row an event: those of the day that count among all rows of the days `among`.

        By the rule of `domain.verdicts.Row`; a row under an `unstored` profile counts only where there is no other.
        """
        ...

    def write_profiles(self, known: Iterable[KnownProfile]) -> Path:
        """The snapshot."""
        ...


class ProfileScan(Protocol):
    """All profiles there are."""

    def all_items(self) -> Iterable[ProfileItem]:
        """Every item, tombstones included; eventually consistent, and not of one instant."""
        ...


#: metrics by name and dimensions; a telemetry adapter turns them into EMF, tests read them
type Count = Callable[[str, int, Mapping[str, Any]], None]
