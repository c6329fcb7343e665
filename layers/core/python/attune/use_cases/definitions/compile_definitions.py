"""The current definitions with their segments compiled, once for each change of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.segments import compile_segments

if TYPE_CHECKING:
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.segments import Compiled
    from attune.ports import DefinitionReader


class CompileDefinitions:
    """Callable; as fresh as its reader, which answers the same snapshot until something changes."""

    def __init__(self, reader: DefinitionReader) -> None:
        self._reader = reader
        self._known: tuple[Definitions, Compiled] | None = None

    def __call__(self) -> tuple[Definitions, Compiled]:
        """The snapshot and its segments."""
        definitions = self._reader.current()
        if self._known is None or self._known[0] is not definitions:
            self._known = definitions, compile_segments(definitions)
        return self._known
