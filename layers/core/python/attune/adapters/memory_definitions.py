"""What people define, in memory: definitions, keys and secrets, a part of `memory`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock

import msgspec

from attune.adapters.memory_profiles import Shelf
from attune.domain.definitions import Campaign, Definition, Definitions, snapshot
from attune.ports import Clock, ConflictError, Key


class _Versioned(msgspec.Struct, frozen=True):
    version: int
    definition: Definition


class MemoryDefinitions:
    """`DefinitionStore` and `DefinitionHistory`, optionally with definitions to begin with."""

    def __init__(self, definitions: Iterable[Definition] = (), *, clock: Clock = lambda: 0) -> None:
        self._lock = Lock()
        self._clock = clock
        #: of each campaign: the segment that starts it, and since when
        self._watched: dict[str, tuple[str, int]] = {}
        self._current = Shelf(_Versioned)
        self._last: dict[tuple[str, str], int] = defaultdict(int)
        self.history: list[tuple[int, Definition]] = []
        for definition in definitions:
            self.put(definition, read_version=None)

    def current(self) -> Definitions:
        """Never older than the last change."""
        with self._lock:
            return snapshot(tuple(stored.definition for stored in self._current.values()))

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition."""
        with self._lock:
            stored = self._current.get((kind, definition_id))
        return None if stored is None else (stored.version, stored.definition)

    def put(self, definition: Definition, *, read_version: int | None) -> int:
        """The new version. Counting goes on over a deletion, so a version never means two documents."""
        key = (_kind(definition), definition.id)
        with self._lock:
            self._retire(key, read_version)
            version = self._last[key] = self._last[key] + 1
            self._current.put(key, _Versioned(version, definition))
            if isinstance(definition, Campaign):
                self._watch(definition.id, definition.trigger.segment)
        return version

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        """The version that goes is kept as history; its going is a version too."""
        key = (kind, definition_id)
        with self._lock:
            self._retire(key, read_version)
            self._last[key] += 1
            self._current.drop(key)
            if kind == "campaign":
                del self._watched[definition_id]

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """In order of id."""
        with self._lock:
            stored = [value for value in self._current.values() if _kind(value.definition) == kind]
        stored.sort(key=lambda value: value.definition.id)
        return [(value.version, value.definition) for value in stored]

    def watched_since(self, campaign: str, segment: str) -> int:
        """0 where it is not started by that segment."""
        with self._lock:
            watched, since = self._watched.get(campaign, ("", 0))
        return since if watched == segment else 0

    def _watch(self, campaign: str, segment: str) -> None:
        if self._watched.get(campaign, ("", 0))[0] != segment:
            self._watched[campaign] = (segment, self._clock())

    def _retire(self, key: tuple[str, str], read_version: int | None) -> None:
        stored = self._current.get(key)
        if (stored.version if stored else None) != read_version:
            raise ConflictError(key[1])
        if stored:
            self.history.append((stored.version, stored.definition))


def _kind(definition: Definition) -> str:
    return str(type(definition).__struct_config__.tag)


class MemoryKeys:
    """`Keys`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._keys = Shelf(Key)

    def key(self, key_id: str) -> Key | None:
        """By public id."""
        with self._lock:
            return self._keys.get(key_id)

    def add(self, key: Key) -> None:
        """Stores a new key."""
        with self._lock:
            self._keys.put(key.key_id, key)


class MemorySecrets:
    """`Secrets`: one secret map."""

    def __init__(self, values: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._lock = Lock()
        self._values = dict(values or {})

    def live(self, name: str) -> tuple[str, ...]:
        """Empty where none is set."""
        with self._lock:
            return self._values.get(name, ())

    def replace(self, name: str, values: tuple[str, ...]) -> None:
        """Sets one name's values."""
        with self._lock:
            self._values[name] = tuple(values)
