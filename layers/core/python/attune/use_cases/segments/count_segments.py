"""How many are in each segment at an instant, counted by whoever looks at all profiles anyway; and what was counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from attune.domain.errors import AttuneError
from attune.domain.segments import members
from attune.ports.sizes import SegmentSizes
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled
    from attune.ports import ProfileItem
    from attune.ports.sizes import SizeHistory

#: how far back sizes are shown
MAX_WEEKS: Final = 53

type Json = dict[str, Any]


class CountSegments:
    """Callable with each live profile, once; nobody in a segment counts as 0."""

    def __init__(self, compiled: Compiled, at: int) -> None:
        self._compiled = compiled
        self._at = at
        self._profiles = 0
        self._sizes = dict.fromkeys(sorted(compiled.segments), 0)

    def __call__(self, item: ProfileItem, profile: Profile) -> None:
        """Who is not due has had nothing changed by time, so the stays that are stored are those of now.

        Who is due, and was not woken yet, is asked condition by condition.
        """
        self._profiles += 1
        if item.due_at is not None and item.due_at <= self._at:
            inside = set(members(self._compiled, profile, max(self._at, profile.as_of)))
        else:
            inside = {name.partition("\x1f")[0] for name, stay in profile.memberships.items() if stay.left_at is None}
        for segment in inside:
            if segment in self._sizes:
                self._sizes[segment] += 1

    def result(self) -> SegmentSizes:
        """What was counted so far, as of the instant."""
        day = datetime.fromtimestamp(self._at / 1_000, UTC).date().isoformat()
        return SegmentSizes(day=day, counted_at=self._at, profiles=self._profiles, segments=self._sizes)


class ShowSizes:
    """Sizes of segments over HTTP, for the admin. `authorise` raises for anybody else."""

    def __init__(self, *, history: SizeHistory, authorise: Callable[[str | None], object]) -> None:
        self._history = history
        self.authorise = authorise

    def __call__(self, weeks: str) -> Json:
        """`{sizes: [{day, counted_at, profiles, segments}]}`: the newest count, and one of each of the weeks before.

        Of a week ago that is the last count which was at least a week before the newest. 400 `invalid_weeks`.
        """
        if not weeks.isdecimal() or not weeks.isascii() or len(weeks) > 2 or int(weeks) > MAX_WEEKS:  # noqa: PLR2004
            raise AttuneError("invalid_weeks", f"weeks is a whole number from 0 to {MAX_WEEKS}")
        counted = self._history.newest(int(weeks) * 7 + 1)
        return {"sizes": [_shown(one) for one in weekly(counted, int(weeks))]}


def weekly(counted: list[SegmentSizes], weeks: int) -> list[SegmentSizes]:
    """Of counts, the newest first: the newest, and for each week before the first that is so many weeks older."""
    if not counted:
        return []
    newest = date.fromisoformat(counted[0].day)
    found: list[SegmentSizes] = []
    for ago in range(weeks + 1):
        latest = (newest - timedelta(weeks=ago)).isoformat()
        one = next((one for one in counted if one.day <= latest), None)
        if one is not None and one not in found:
            found.append(one)
    return found


def _shown(one: SegmentSizes) -> Json:
    return {
        "day": one.day,
        "counted_at": iso(one.counted_at),
        "profiles": one.profiles,
        "segments": one.segments,
    }
