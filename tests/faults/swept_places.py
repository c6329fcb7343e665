"""The stores in memory as a sweep reaches them: as buckets whose keys are those that S3 has."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import IO, Any

from attune.adapters.memory import (
    MemoryDeliveries,
    MemoryFailedBatches,
    MemoryLakeFiles,
    MemoryProfiles,
    MemoryQuarantine,
    MemoryRegistry,
)
from attune.adapters.memory_documents import MemoryDocuments
from attune.adapters.memory_imports import MemoryImportBucket
from attune.adapters.memory_lake import _Laid
from attune.domain.collection.quarantine import CAME, Quarantined, encode_came
from attune.ports.erasure import Stored

_RECEIPTS = "replayed/"


class Place:
    """`VersionedBucket` over whatever `objects` answers: (content, tag) by key. Older versions there are none."""

    def __init__(
        self,
        objects: Callable[[], dict[str, tuple[bytes, str]]],
        write: Callable[[str, bytes], None],
        drop: Callable[[str], None],
    ) -> None:
        self._objects, self._write, self._drop = objects, write, drop

    def listed(self, prefix: str, after: str = "") -> Iterator[Stored]:
        for key, (content, tag) in sorted(self._objects().items()):
            if key.startswith(prefix) and key > after:
                yield Stored(key, len(content), tag)

    def open(self, key: str) -> IO[bytes] | None:
        found = self._objects().get(key)
        return io.BytesIO(found[0]) if found else None

    def replace(self, found: Stored, content: IO[bytes]) -> bool:
        known = self._objects().get(found.key)
        if known is None or known[1] != found.tag:
            return False
        self._write(found.key, content.read())
        return True

    def put(self, key: str, content: IO[bytes]) -> None:
        self._write(key, content.read())

    def blank(self, key: str) -> None:
        self._write(key, b"")

    def remove(self, prefix: str) -> int:
        gone = [key for key in self._objects() if key.startswith(prefix)]
        for key in gone:
            self._drop(key)
        return len(gone)

    def forget(self, prefix: str) -> int:
        assert prefix
        return 0


def quarantine_place(store: MemoryQuarantine) -> Place:
    """Inputs, each under its name with how it came beside it; what was tried with one goes with it."""

    def objects() -> dict[str, tuple[bytes, str]]:
        kept = {_input_key(one): kept for one, kept in store._kept.items()}
        return {key: _tagged(one[0] if one else b"") for key, one in kept.items()} | {
            key + CAME: _tagged(encode_came(one[1]) if one else b"") for key, one in kept.items()
        }

    def drop(key: str) -> None:
        raise AssertionError(f"nobody removes {key}: its place stays taken")

    def write(key: str, content: bytes) -> None:
        assert not content, f"nobody writes {key}"
        if not key.endswith(CAME):
            store.sweep({_input_key(one): one for one in store._kept}[key])

    return Place(objects, write, drop)


def _input_key(one: Quarantined) -> str:
    day = datetime.fromtimestamp(one.received_at / 1_000, UTC)
    return f"quarantine/{one.reason}/dt={day:%Y-%m-%d}/{one.source}/{one.received_at}-{one.digest}"


def failures_place(store: MemoryFailedBatches) -> Place:
    """Batches that were given up, and receipts of those that were replayed."""

    def objects() -> dict[str, tuple[bytes, str]]:
        batches = {key: _tagged(document) for key, (_, document) in store._objects.items()}
        return batches | {_RECEIPTS + key: _tagged(receipt) for key, receipt in store._receipts.items()}

    def write(key: str, content: bytes) -> None:
        if key.startswith(_RECEIPTS):
            store.keep_receipt(key.removeprefix(_RECEIPTS), content)
        else:
            store._objects[key] = (store._objects[key][0], content)

    return Place(objects, write, _dropping(store._objects))


def imports_place(store: MemoryImportBucket) -> Place:
    """Dropped files and their reports."""

    def objects() -> dict[str, tuple[bytes, str]]:
        return {key: (content, tag) for key, (content, tag, _) in store._objects.items()}

    return Place(objects, store.put, store.remove)


def lake_place(store: MemoryLakeFiles) -> Place:
    """Raw rows; tables are made anew of them."""

    def objects() -> dict[str, tuple[bytes, str]]:
        return {key: _tagged(laid.data) for key, laid in store._raw.items()}

    def write(key: str, content: bytes) -> None:
        known = store._raw.get(key)
        store._raw[key] = _Laid(content, known.at if known else 0)

    return Place(objects, write, _dropping(store._raw))


def audit_place(store: MemoryDocuments) -> Place:
    """Exports, subjects, receipts."""

    def objects() -> dict[str, tuple[bytes, str]]:
        return {key: _tagged(content) for key, (content, _) in store.documents.items()}

    return Place(objects, store.put, _dropping(store.documents))


def registry_place(store: MemoryRegistry) -> Place:
    """Files of models."""

    def objects() -> dict[str, tuple[bytes, str]]:
        return {f"models/{'/'.join(key)}": _tagged(content) for key, content in store.files.items()}

    def write(key: str, content: bytes) -> None:
        raise AssertionError(f"nobody writes {key} ({len(content)} bytes)")

    def drop(key: str) -> None:
        raise AssertionError(f"nobody removes {key}")

    return Place(objects, write, drop)


class PersonalItems:
    """`PersonalItems` of the two stores that hold such."""

    def __init__(self, deliveries: MemoryDeliveries, profiles: MemoryProfiles) -> None:
        self._deliveries, self._profiles = deliveries, profiles

    def remove_deliveries(self, profile_ids: Collection[str]) -> int:
        mine = [one for one in self._deliveries.all() if one.profile_id in profile_ids]
        for one in mine:
            self._deliveries._deliveries.drop((one.profile_id, one.delivery_id))
        return len(mine)

    def remove_pages(self, references: Collection[str]) -> int:
        mine = [page for page in self._profiles._pages if page.hex() in references]
        for page in mine:
            del self._profiles._pages[page]
        return len(mine)


def _dropping(objects: dict[str, Any]) -> Callable[[str], None]:
    def drop(key: str) -> None:
        objects.pop(key, None)

    return drop


def _tagged(content: bytes) -> tuple[bytes, str]:
    return content, hashlib.sha256(content).hexdigest()
