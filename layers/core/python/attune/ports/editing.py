"""What editing definitions needs: their versions, and their past."""

from __future__ import annotations

from typing import Protocol

from attune.domain.definitions.kinds import Definition
from attune.domain.past.takeovers import Standing, Version
from attune.ports import DefinitionReader


class DefinitionHistory(DefinitionReader, Protocol):
    """Current definitions, and for how long they have been so."""

    def watched_since(self, campaign: str, segment: str) -> int:
        """Since when (ms) a campaign of this id has been started by that segment without a break; 0: nobody knows."""
        ...

    def history(self, kind: str, definition_id: str) -> list[Version]:
        """Every version there was, deletions too, newest first."""
        ...


class DefinitionStore(DefinitionReader, Protocol):
    """The definitions' editor. Versions count every change of one, also over its deletion."""

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition as applied last, read consistently."""
        ...

    def put(self, definition: Definition, *, read_version: int | None, at_once: bool = True) -> int:
        """The new version; keeps the old one as history; `ConflictError` unless `read_version` is current.

        By the rules of `takeovers.changed`.
        """
        ...

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        """`ConflictError` unless `read_version` is current."""
        ...

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """All current ones of a kind with their versions, in order of id, read consistently."""
        ...

    def standings(self, kind: str) -> list[Standing]:
        """The same with where they stand; takeovers that are due have come about."""
        ...

    def history(self, kind: str, definition_id: str) -> list[Version]:
        """Every version there was, deletions too, newest first."""
        ...
