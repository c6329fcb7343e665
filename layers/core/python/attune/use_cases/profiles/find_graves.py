"""Who is erased, of tombstones: graves, and whoever had been merged into somebody who became one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from attune.ports import ProfileItem


def graves(tombstones: Iterable[ProfileItem]) -> dict[str, int]:
    """Ids of all who are erased, each with when (ms)."""
    erased: dict[str, int] = {}
    into: dict[str, str] = {}
    for item in tombstones:
        if item.erased_at is not None:
            erased[item.profile_id] = item.erased_at
        elif item.merged_into is not None:
            into[item.profile_id] = item.merged_into
    for start, first in into.items():
        passed, end = [start], first
        while end in into and end not in erased:
            passed.append(end)
            end = into[end]
        if end in erased:
            erased |= dict.fromkeys(passed, erased[end])
    return erased


def erased_among(tombstones: Iterable[ProfileItem], profile_ids: Collection[str]) -> set[str]:
    """Which of these are erased."""
    return {profile_id for profile_id in graves(tombstones) if profile_id in profile_ids}
