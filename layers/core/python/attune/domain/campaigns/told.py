"""What campaigns were told of a profile's stays, read back from the profile itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.profiles.changes import SegmentEntered
from attune.domain.profiles.profile import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune.domain.profiles.profile import Profile


def told_entries(profile: Profile, since: int) -> Iterator[tuple[str, SegmentEntered]]:
    """Entries that campaigns were told of and whose stay still lasts, entered at or after `since` (ms).

    Each with the profile and the instant that campaigns heard of then, whomever it has merged into: they make a
    delivery's id.
    """
    for name, stay in profile.memberships.items():
        cause = cause_of(profile, stay)
        if cause is None or stay.left_at is not None:
            continue
        owner, at = cause  # of what was told to nobody, an instant before all others
        if at >= since:
            segment, _, key = name.partition("\x1f")
            yield owner, SegmentEntered(segment, at, key)
