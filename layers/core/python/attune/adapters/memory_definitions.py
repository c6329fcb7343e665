"""What people define, in memory: definitions, keys and secrets, a part of `memory`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock

import msgspec

from attune.adapters.memory_profiles import Shelf
from attune.domain.definitions.kinds import Campaign, Definition, Definitions
from attune.domain.past.takeovers import Standing, Version, assemble, changed, took_over_at
from attune.ports import Clock, ConflictError, Key


class MemoryDefinitions:
    """`DefinitionStore`, `TakeoverStore` and `DefinitionHistory`, optionally with definitions to begin with."""

    def __init__(self, definitions: Iterable[Definition] = (), *, clock: Clock = lambda: 0) -> None:
        self._lock = Lock()
        self._clock = clock
        #: of each campaign: the segment that starts it, and since when
        self._watched: dict[str, tuple[str, int]] = {}
        self._current = Shelf(Standing)
        self._versions: dict[tuple[str, str], list[Version]] = defaultdict(list)
        self._snapshot: tuple[Definitions, int | None] | None = None
        for definition in definitions:
            self.put(definition, read_version=None)

    def current(self) -> Definitions:
        """Never older than the last change; the same one until something changes."""
        now = self._clock()
        with self._lock:
            if self._snapshot is None or (self._snapshot[1] is not None and self._snapshot[1] <= now):
                self._snapshot = assemble(self._current.values(), now)
            return self._snapshot[0]

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition."""
        with self._lock:
            stored = self._current.get((kind, definition_id))
        return None if stored is None else (stored.version, stored.definition)

    def put(self, definition: Definition, *, read_version: int | None, at_once: bool = True) -> int:
        """The new version. Counting goes on over a deletion, so a version never means two documents."""
        key = (_kind(definition), definition.id)
        now = self._clock()
        with self._lock:
            known = self._read(key, read_version)
            standing = changed(known, definition, len(self._versions[key]) + 1, now, at_once=at_once)
            self._change(key, standing)
            since = took_over_at(standing)
            self._versions[key].append(
                Version(version=standing.version, definition=definition, applied_at=now, since=since)
            )
            if isinstance(definition, Campaign):
                self._watch(definition.id, definition.trigger.segment)
        return standing.version

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        """The version that goes is kept as history; its going is a version too."""
        key = (kind, definition_id)
        now = self._clock()
        with self._lock:
            self._read(key, read_version)
            self._change(key, None)
            self._versions[key].append(Version(version=read_version + 1, definition=None, applied_at=now))
            if kind == "campaign":
                del self._watched[definition_id]

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """In order of id."""
        return [(one.version, one.definition) for one in self.standings(kind)]

    def standings(self, kind: str) -> list[Standing]:
        """In order of id."""
        now = self._clock()
        with self._lock:
            stored = [one.as_of(now) for one in self._current.values() if _kind(one.definition) == kind]
        return sorted(stored, key=lambda one: one.definition.id)

    def history(self, kind: str, definition_id: str) -> list[Version]:
        """Newest first."""
        with self._lock:
            return self._versions[kind, definition_id][::-1]

    def deleted(self, kind: str) -> list[str]:
        """In order."""
        with self._lock:
            gone = [
                key[1] for key, all_of in self._versions.items() if all_of[-1].definition is None and key[0] == kind
            ]
        return sorted(gone)

    def take_over(self, definition_id: str, version: int, at: int) -> None:
        """Only what waits for it."""
        key = ("segment", definition_id)
        with self._lock:
            known = self._read(key, version)
            if known is None or known.serving is None or known.takes_over_at is not None:
                raise ConflictError(definition_id)
            self._change(key, msgspec.structs.replace(known, takes_over_at=at))
            self._versions[key][-1] = msgspec.structs.replace(self._versions[key][-1], since=at)

    def settle(self, kind: str, definition_id: str, version: int) -> None:
        """Of the version that was applied last."""
        key = (kind, definition_id)
        with self._lock:
            known = self._read(key, version)
            if known is not None:
                self._change(key, msgspec.structs.replace(known, settled=True))

    def watched_since(self, campaign: str, segment: str) -> int:
        """0 where it is not started by that segment."""
        with self._lock:
            watched, since = self._watched.get(campaign, ("", 0))
        return since if watched == segment else 0

    def _watch(self, campaign: str, segment: str) -> None:
        if self._watched.get(campaign, ("", 0))[0] != segment:
            self._watched[campaign] = (segment, self._clock())

    def _read(self, key: tuple[str, str], read_version: int | None) -> Standing | None:
        stored = self._current.get(key)
        if (stored.version if stored else None) != read_version:
            raise ConflictError(key[1])
        return stored

    def _change(self, key: tuple[str, str], standing: Standing | None) -> None:
        self._snapshot = None
        if standing:
            self._current.put(key, standing)
        else:
            self._current.drop(key)


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

    def of(self, source: str) -> list[Key]:
        """The oldest first."""
        with self._lock:
            found = [key for key in self._keys.values() if key.source == source]
        return sorted(found, key=lambda key: (key.created_at, key.key_id))

    def remove(self, key_id: str) -> None:
        """Unknown from now on."""
        with self._lock:
            if self._keys.get(key_id) is not None:
                self._keys.drop(key_id)


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
