"""Definitions and their versions as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain.past.takeovers import KEPT_KINDS, Standing, Version
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

type Json = dict[str, Any]


def show_standing(kind: str, standing: Standing) -> Json:
    """`{kind, id, version, definition}`, both of what serves; of segments and computed traits also where they stand."""
    waits = standing.serving is not None
    shown = {
        "kind": kind,
        "id": standing.definition.id,
        "version": standing.serving_version if waits else standing.version,
        "definition": msgspec.to_builtins(standing.acts),
    }
    if kind not in KEPT_KINDS:
        return shown
    return shown | {
        "since": iso(standing.since),
        "settled": standing.settled,
        "pending_version": standing.version if waits else None,
        "pending": msgspec.to_builtins(standing.definition) if waits else None,
        "takes_over_at": None if standing.takes_over_at is None else iso(standing.takes_over_at),
    }


def show_versions(versions: Sequence[Version], now: int) -> list[Json]:
    """`[{version, applied_at, since, definition}]` of versions newest first.

    `since`: when it began to serve; null where it does not yet, or was replaced before it could.
    """
    shown = []
    replaced_at = now + 1
    for one in versions:
        served = one.since is not None and one.since < replaced_at
        shown.append(
            {
                "version": one.version,
                "applied_at": iso(one.applied_at),
                "since": iso(one.since) if served and one.since is not None else None,
                "definition": None if one.definition is None else msgspec.to_builtins(one.definition),
            }
        )
        replaced_at = one.applied_at
    return shown
