"""An event that is being changed: its parts are replaced, never changed in place, since others may hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from attune.domain.events import Event

#: (value, code of the currency it is in) → the value in its form; raises ValueError
type Change = Callable[[Any, str], Any]

#: values at one path that are changed: telephone numbers take a tenth of a millisecond each
MAX_AT_A_PATH: Final = 500

#: stands for a value that is left out
OMITTED: Final = object()


class Draft:
    """`event()` is the event itself, as long as nothing was noted."""

    def __init__(self, event: Event) -> None:
        self._event = event
        self.type = event.type
        self.name = event.name
        self.identifiers = event.identifiers
        self.parts = {"properties": event.properties, "traits": event.traits, "context": event.context}
        self._notes: dict[str, None] = {}

    def note(self, word: str, path: str) -> None:
        """Once for each word and path."""
        self._notes[f"{word}:{path}"] = None

    def replace(self, part: str, value: dict[str, Any], path: str, word: str = "normalised") -> None:
        """Another value of a part is a change; it is noted under `path`."""
        if value is not self.parts[part] and value != self.parts[part]:
            self.parts[part] = value
            self.note(word, path)

    def change(self, path: str, steps: list[str], change: Change, code: str) -> None:
        """Applies `change` to every value at a path."""
        part = self.parts[steps[0]]
        said = part.get(steps[1])
        if said is None:
            return
        failed, count = False, 0

        def changed(value: Any) -> Any:
            nonlocal failed, count
            count += 1
            if count > MAX_AT_A_PATH:
                failed = True
                return value
            try:
                new = change(value, code)
            except ValueError:
                failed = True
                return value
            return value if new == value and type(new) is type(value) else new

        new = rewritten(said, steps, 2, changed)
        if new is not said:
            self.parts[steps[0]] = _replaced(part, steps[1], new)
            self.note("normalised", path)
        if failed:
            self.note("not_normalised", path)

    def event(self) -> Event:
        """As it is now."""
        if not self._notes:
            return self._event
        return msgspec.structs.replace(
            self._event,
            name=self.name,
            identifiers=self.identifiers,
            notes=(*self._event.notes, *self._notes),
            **self.parts,
        )


def rewritten(value: Any, steps: list[str], taken: int, change: Callable[[Any], Any]) -> Any:
    """The value with `change` applied where the steps lead from the `taken`-th (`*`: to every element of a list).

    The value itself if that is nowhere, or changes nothing.
    """
    if taken == len(steps):
        return change(value)
    step = steps[taken]
    if step == "*" and isinstance(value, list):
        new = [rewritten(one, steps, taken + 1, change) for one in value]
        return value if all(one is other for one, other in zip(new, value, strict=True)) else new
    said = value.get(step) if isinstance(value, dict) else None
    if said is None:
        return value
    new = rewritten(said, steps, taken + 1, change)
    return value if new is said else _replaced(value, step, new)


def _replaced(value: dict[str, Any], name: str, new: Any) -> dict[str, Any]:
    if new is OMITTED:
        return {one: part for one, part in value.items() if one != name}
    return {**value, name: new}
