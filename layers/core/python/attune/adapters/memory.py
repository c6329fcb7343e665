"""Every port in memory, for tests and experiments: the contracts of the AWS adapters, safe between threads.

What is stored is kept as bytes, so that a caller who goes on changing what it handed over, or changes what it
was given, cannot reach the store: an aliasing bug shows here as it would against a real table.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Final

import msgspec

from attune.adapters.firehose_lake import MAX_RECORD_BYTES
from attune.adapters.memory_batches import MemoryFailedBatches
from attune.adapters.memory_definitions import MemoryDefinitions, MemoryKeys, MemorySecrets
from attune.adapters.memory_lake import MemoryLakeFiles
from attune.adapters.memory_models import MemoryChampions, MemoryFeatureTable, MemoryRegistry
from attune.adapters.memory_profiles import MemoryProfiles, Shelf
from attune.adapters.memory_quarantine import Kept, MemoryQuarantine
from attune.adapters.memory_runs import MemoryRuns
from attune.domain.campaigns.deliveries import MUTABLE, Delivery, State, is_under_way
from attune.domain.profiles.consent import latest
from attune.ports import ConflictError
from attune.ports.deliveries import Answer

_TAG_BYTES: Final = 16
_MAX_STREAM_RECORD: Final = 1024 * 1024

__all__ = [
    "Kept",
    "MemoryChampions",
    "MemoryDefinitions",
    "MemoryDeliveries",
    "MemoryFailedBatches",
    "MemoryFeatureTable",
    "MemoryHolds",
    "MemoryKeys",
    "MemoryLake",
    "MemoryLakeFiles",
    "MemoryProfiles",
    "MemoryQuarantine",
    "MemoryQueue",
    "MemoryRegistry",
    "MemoryRuns",
    "MemorySecrets",
    "MemorySender",
    "MemoryStream",
    "PlainSeal",
    "Post",
    "StreamRecord",
]


class MemoryHolds:
    """`Holds` and `HoldScan`. Expiry is not acted upon: a table forgets days late, so nothing may depend on it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, dict[str, int]] = defaultdict(dict)
        self.expires_at: dict[str, int] = {}

    def place(self, identity_key: str, purposes: Mapping[str, int], expires_at: int) -> None:
        """The later instant wins per purpose; the later expiry for the whole."""
        with self._lock:
            held = self._held[identity_key]
            for purpose, since in purposes.items():
                held[purpose] = max(since, held.get(purpose, since))
            self.expires_at[identity_key] = max(expires_at, self.expires_at.get(identity_key, expires_at))

    def held(self, identity_keys: Collection[str]) -> dict[str, int]:
        """The latest instant per purpose over all keys."""
        return latest(self.each_hold(identity_keys).values())

    def every_hold(self) -> dict[str, dict[str, int]]:
        """`HoldScan`."""
        with self._lock:
            return {key: dict(held) for key, held in self._held.items() if held}

    def each_hold(self, identity_keys: Collection[str]) -> dict[str, dict[str, int]]:
        """`HoldScan`."""
        with self._lock:
            return {key: dict(self._held[key]) for key in identity_keys if self._held.get(key)}

    def lift(self, identity_keys: Collection[str], until: int) -> None:
        """Each purpose by itself."""
        with self._lock:
            for key in identity_keys:
                held = self._held.get(key, {})
                for purpose in [purpose for purpose, since in held.items() if since <= until]:
                    del held[purpose]


class StreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record as the stream gives it out; sequence numbers rise over the whole stream and stay unique."""

    sequence: int
    partition_key: str
    data: bytes


class MemoryStream:
    """`EventStream`: everything that was ever put, in order."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.records: list[StreamRecord] = []

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        """Stores all. Raises ValueError for what no stream takes: a record of more than 1 MB with its key."""
        if any(len(key) + len(data) > _MAX_STREAM_RECORD for key, data in records):
            raise ValueError("the record is too large")
        with self._lock:
            for key, data in records:
                sequence = len(self.records) + 1
                self.records.append(StreamRecord(sequence=sequence, partition_key=key, data=bytes(data)))


class MemoryLake:
    """`Lake`: rows in order of arrival, repeats included."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.rows: list[bytes] = []

    def append(self, rows: Sequence[bytes]) -> None:
        """Refuses what would break newline-delimited JSON, and what Firehose would refuse for its size."""
        if any(b"\n" in row for row in rows):
            raise ValueError("a row holds a newline")
        if any(len(row) + len(b"\n") > MAX_RECORD_BYTES for row in rows):
            raise ValueError(f"a row has more than {MAX_RECORD_BYTES - 1} bytes")
        with self._lock:
            self.rows.extend(bytes(row) for row in rows)


class PlainSeal:
    """`Seal` that authenticates but hides nothing. Keys follow from their number, so that runs repeat."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys = 0

    def new_key(self) -> bytes:
        """32 bytes, another one each time."""
        with self._lock:
            self._keys += 1
            return hashlib.sha256(f"data key {self._keys}".encode()).digest()

    def seal(self, key: bytes, plain: bytes) -> bytes:
        """A tag under the key, then the plain bytes."""
        return hmac.digest(key, plain, "sha256")[:_TAG_BYTES] + plain

    def open(self, key: bytes, sealed: bytes) -> bytes:
        """Raises ValueError when key or bytes are wrong."""
        tag, plain = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
        if not hmac.compare_digest(tag, hmac.digest(key, plain, "sha256")[:_TAG_BYTES]):
            raise ValueError("the seal does not open")
        return plain


class MemoryDeliveries:
    """`DeliveryStore`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._deliveries = Shelf(Delivery)

    def claim(self, delivery: Delivery) -> Delivery:
        """Answers what is stored now."""
        key = (delivery.profile_id, delivery.delivery_id)
        with self._lock:
            found = self._deliveries.get(key)
            if found is None:
                self._deliveries.put(key, delivery)
        return found or delivery

    def get(self, profile_id: str, delivery_id: str) -> Delivery | None:
        """By both ids."""
        with self._lock:
            return self._deliveries.get((profile_id, delivery_id))

    def settle(self, delivery: Delivery, *, read_state: State, read_attempts: int) -> None:
        """`ConflictError` if state or attempts moved on meanwhile, other than to what is being written."""
        key = (delivery.profile_id, delivery.delivery_id)
        with self._lock:
            found = self._deliveries.get(key)
            if found == delivery:
                return
            if found is None or (found.state, found.attempts) != (read_state, read_attempts):
                raise ConflictError(delivery.delivery_id)
            changed = {name: getattr(delivery, name) for name in MUTABLE}
            self._deliveries.put(key, msgspec.structs.replace(found, **changed))

    def of_profile(self, profile_id: str) -> list[Delivery]:
        """Sorted as the table sorts."""
        mine = [delivery for delivery in self.all() if delivery.profile_id == profile_id]
        return sorted(mine, key=lambda delivery: delivery.delivery_id.encode())

    def under_way(self, profile_id: str, now: int) -> bool:
        """Whether a message may be leaving."""
        return any(one.profile_id == profile_id and is_under_way(one, now) for one in self.all())

    def all(self) -> list[Delivery]:
        """Every delivery."""
        with self._lock:
            return self._deliveries.values()


class MemoryQueue:
    """`DeliveryQueue`: (profile id, delivery id) in order, repeats included."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.messages: list[tuple[str, str]] = []

    def enqueue(self, profile_id: str, delivery_id: str) -> None:
        """Stores it."""
        with self._lock:
            self.messages.append((profile_id, delivery_id))


class Post(msgspec.Struct, frozen=True):
    """A request as an endpoint received it."""

    url: str
    headers: dict[str, str]
    body: bytes


class MemorySender:
    """`WebhookSender`: records what was posted; gives the scripted answers in turn, then 200 for ever."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self._lock = Lock()
        self._answers = list(answers)
        self.posts: list[Post] = []

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The next scripted answer."""
        with self._lock:
            self.posts.append(Post(url, dict(headers), bytes(body)))
            return self._answers.pop(0) if self._answers else Answer(status=200)
