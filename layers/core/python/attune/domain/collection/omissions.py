"""Values without the properties that are to be left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attune.domain.collection.schema_walks import Step


def without(said: dict[str, Any], paths: Iterable[tuple[Step, ...]]) -> dict[str, Any]:
    """What is left without the innermost property of each path: the same object if none of them names one.

    An element of a list is never taken out alone; the property that holds the list is.
    """
    left: dict[str, Any] | None = None
    for path in paths:
        named = _last_name(path)
        if named:
            left = _copy(said) if left is None else left
            _remove(left, named)
    return said if left is None else left


def _last_name(path: tuple[Step, ...]) -> tuple[Step, ...]:
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _remove(value: Any, path: tuple[Step, ...]) -> None:
    for step in path[:-1]:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return  # a property around it is gone already
    if isinstance(value, dict):
        value.pop(path[-1], None)
