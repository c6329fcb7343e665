"""Everybody brought in line with definitions that took over: page by page over the profiles table.

A second writer beside `process_events`, under the same condition: what was read must still be there. Who keeps changing
is left to it: it has the same definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attune.domain.past.settling import Outline, settle
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import next_due
from attune.ports import ConflictError, UnstorableError
from attune.use_cases.processing.build_commits import ProfileTooLargeError, build_commit
from attune.use_cases.processing.load_working_sets import working
from attune.use_cases.profiles.find_profiles import live

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune.domain.segments import Compiled
    from attune.ports import Count, ProfileItem, ProfileStore
    from attune.ports.learning import ProfileScan

#: profiles that are read at once
PAGE: Final = 500
MAX_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Settlement:
    """Definitions as of `until` (ms), when the last of them took over; `gone`, `new`: as of `settle`."""

    compiled: Compiled
    until: int
    gone: Collection[str]
    new: Collection[str]


class SettleProfiles:
    """Page by page; who needs no change is not written."""

    def __init__(
        self,
        *,
        everybody: ProfileScan,
        profiles: ProfileStore,
        count: Count,
        pause: Callable[[int], None],
        page: int = PAGE,
    ) -> None:
        """`pause(n)` waits, with jitter, before the n-th retry."""
        self._everybody = everybody
        self._profiles = profiles
        self._count = count
        self._pause = pause
        self._page = page

    def __call__(self, place: str, settlement: Settlement) -> tuple[str, int]:
        """The page from `place` on ("": the first): where the next begins ("": nowhere), how many were written."""
        items, end = self._everybody.some_items(place, self._page)
        wanted = {one.profile_id for one in items if one.state and _is_due(one, settlement)}
        written = 0
        for attempt in range(MAX_ATTEMPTS):
            if not wanted:
                break
            if attempt:
                self._pause(attempt)
            found = live(self._profiles, wanted, consistent=True)
            again = {one.profile_id for one in found.values() if not self._write(one, settlement)}
            written += len(found) - len(again)
            wanted = again
        if written:
            self._count("ProfilesSettled", written, {})
        return end, written

    def _write(self, item: ProfileItem, settlement: Settlement) -> bool:
        """False where somebody else has written it meanwhile."""
        if not item.state:
            return True
        loaded = working(item, self._profiles.pages(item.pages) if item.pages else {})
        settled = settle(
            loaded.profile, settlement.compiled, settlement.until, gone=settlement.gone, new=settlement.new
        )
        loaded.changes, loaded.dirty = settled, True
        try:
            self._profiles.commit(build_commit(loaded, settlement.compiled))
        except ConflictError:
            self._count("CommitConflicts", 1, {})
            return False
        except (ProfileTooLargeError, UnstorableError):
            return True
        return True


def _is_due(item: ProfileItem, settlement: Settlement) -> bool:
    """Whether it must be written: it is not as it should be, or would be woken too late."""
    profile = decode_profile(item.state)
    before = Outline.of(profile)
    changes = settle(profile, settlement.compiled, settlement.until, gone=settlement.gone, new=settlement.new)
    due = next_due(settlement.compiled, profile)
    is_armed = due is None or (item.due_at is not None and item.due_at <= due)
    return bool(changes) or not is_armed or not before.was_settled(profile, settlement.compiled)
