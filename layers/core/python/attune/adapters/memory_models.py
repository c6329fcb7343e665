"""Models and features in memory: the registry, who serves, and the table that training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from threading import Lock

import msgspec

from attune.domain.learning.models import MAX_BYTES, UnusableModelError, decode_champion, decode_model
from attune.ports import ConflictError
from attune.ports.learning import Champion, Model


class MemoryRegistry:
    """`Registry`. `files` is by key, as in a bucket; `pointers` by name, with a tag that no two states share."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._moves = 0
        self.files: dict[tuple[str, str, str], bytes] = {}
        self.pointers: dict[str, tuple[str, bytes]] = {}

    def champion(self, name: str) -> tuple[str, Champion] | None:
        """The pointer and its tag."""
        with self._lock:
            pointer = self.pointers.get(name)
        if pointer is None:
            return None
        tag, data = pointer
        return tag, decode_champion(data, name, tag=tag)

    def model(self, name: str, version: str) -> Model:
        """Decoded anew each time."""
        data = self.document(name, version, "model.json")
        if data is None:
            raise UnusableModelError("missing_model", f"{name} {version} is not in the registry")
        return decode_model(data, name, version)

    def document(self, name: str, version: str, file: str) -> bytes | None:
        """As it was kept, as far as it is read."""
        with self._lock:
            data = self.files.get((name, version, file))
        return None if data is None else data[: MAX_BYTES + 1]

    def keep(self, name: str, version: str, files: Mapping[str, bytes]) -> None:
        """All files at once; on S3 they come one after the other."""
        with self._lock:
            self.files |= {(name, version, file): bytes(data) for file, data in files.items()}

    def promote(self, name: str, champion: Champion, *, read: str | None) -> None:
        """Under one lock with the comparison."""
        with self._lock:
            tag = self.pointers[name][0] if name in self.pointers else None
            if tag != read:
                raise ConflictError(name)
            self._point(name, msgspec.json.encode(champion))

    def spoil_pointer(self, name: str, data: bytes) -> None:
        """What lies at the pointer's place is replaced, whatever it is."""
        with self._lock:
            self._point(name, data)

    def _point(self, name: str, data: bytes) -> None:
        self._moves += 1
        self.pointers[name] = (str(self._moves), data)


class MemoryChampions:
    """`Champions`: the models given, until others are."""

    def __init__(self, models: Iterable[Model] = ()) -> None:
        self.models = {model.name: model for model in models}

    def serving(self) -> Mapping[str, Model]:
        """By name."""
        return dict(self.models)


class MemoryFeatureTable:
    """`FeatureTable`: `rows` is CSV with a header, or makes it of the cut-off."""

    def __init__(self, rows: bytes | Callable[[int], bytes] = b"") -> None:
        self._rows = rows
        self.built: dict[str, bytes] = {}

    def build(self, cutoff: int, run: str) -> str:
        """The same run finds what it built before."""
        location = f"memory://features/{run}.csv"
        if location not in self.built:
            self.built[location] = self._rows(cutoff) if callable(self._rows) else self._rows
        return location

    def read(self, location: str, start: int, size: int) -> bytes:
        """A slice."""
        return self.built[location][start : start + size]
