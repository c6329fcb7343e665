"""What was put together of a document's parts must be JSON that every later store carries, and of bounded size."""

from __future__ import annotations

import math
from typing import Final

from attune.sources.payloads import MAX_DEPTH, UnreadableError

#: characters of text, and 8 for every value
MAX_SIZE: Final = 100_000
_VALUE: Final = 8
_INTEGERS: Final = range(-(2**63), 2**64)


def require_plain(value: object) -> None:
    """Raises `UnreadableError`: `too_deep`, `invalid_number`, `event_too_large`, `invalid_event`.

    A part that is named several times counts as often: it will be written as often.
    """
    _measure(value, MAX_DEPTH + 1, MAX_SIZE)


def _measure(value: object, room: int, left: int) -> int:
    """What is left of the size after `value`."""
    left -= _VALUE
    match value:
        case str():
            left -= _length(value)
        case bool() | None:
            pass
        case int() | float():
            _require_number(value)
        case list() | dict():
            left = _measure_parts(value, room - 1, left)
        case _:
            raise UnreadableError("invalid_event")
    if left < 0:
        raise UnreadableError("event_too_large")
    return left


def _measure_parts(parts: list[object] | dict[object, object], room: int, left: int) -> int:
    if room < 0:
        raise UnreadableError("too_deep")
    for part in parts:
        left = _measure(part, room, left)
        if isinstance(parts, dict):
            left = _measure(parts[part], room, left)
    return left


def _require_number(value: float) -> None:
    if value not in _INTEGERS if isinstance(value, int) else not math.isfinite(value):
        raise UnreadableError("invalid_number")


def _length(text: str) -> int:
    """Its bytes; half a character, of which some parsers make text, is none that can be stored."""
    try:
        return len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise UnreadableError("invalid_event") from None
