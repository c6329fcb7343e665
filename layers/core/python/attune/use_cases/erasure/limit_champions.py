"""A champion that may have seen somebody who was erased does not serve for ever; its pointer says until when."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.learning.lineages import decode_lineage, expires_at, may_have_seen
from attune.domain.learning.models import UnusableModelError
from attune.ports import ConflictError

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.learning.lineages import Seen
    from attune.domain.learning.models import Champion
    from attune.ports.learning import Registry

#: looks at a pointer, should others move it meanwhile
MAX_ATTEMPTS: Final = 5


def limit_champion(registry: Registry, name: str, people: Collection[Seen]) -> str | None:
    """The version that serves, if any: not for ever, where it saw any of them, nor with such a one to fall back on.

    Whoever erases notes it before this, and whoever promotes calls it after that: so one of both sees the other.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            found = registry.champion(name)
        except UnusableModelError:
            return None
        if found is None:
            return None
        tag, pointer = found
        limited = _limited(registry, name, pointer, people)
        if limited == pointer:
            return pointer.version
        with suppress(ConflictError):
            registry.promote(name, limited, read=tag)
    raise ConflictError(f"the champion of {name} changed {MAX_ATTEMPTS} times while it was looked at")


def cutoff_of(registry: Registry, name: str, version: str) -> int:
    """Up to when (ms) a version knew what had happened; 0 where nobody knows."""
    return decode_lineage(registry.document(name, version, "lineage.json")).cutoff


def _limited(registry: Registry, name: str, pointer: Champion, people: Collection[Seen]) -> Champion:
    ends = expires_at(cutoff_of(registry, name, pointer.version), people)
    previous = pointer.previous
    if previous is not None and may_have_seen(cutoff_of(registry, name, previous), people):
        previous = None
    sooner = min(filter(None, (pointer.expires_at, ends)), default=0)
    return msgspec.structs.replace(pointer, previous=previous, expires_at=sooner)
