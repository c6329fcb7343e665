"""Whether somebody may be in segments at all: what consent, as it stands, allows them, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.consent.gate import ALLOWED, Edge, allowed
from attune.domain.profiles.consent import RESTRICTION, SEGMENT

if TYPE_CHECKING:
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments.compilation import Compiled

FOREVER: Final = 1 << 62
_SEGMENT: Final = Edge.SEGMENT


def leave(compiled: Compiled, profile: Profile, now: int) -> tuple[bool, int]:
    """Whether there is leave, and the instant at which time alone ends it."""
    policies = compiled.policies
    consent = policies.in_use(profile)
    if allowed(_SEGMENT, consent, now) is not ALLOWED:
        return False, FOREVER
    return True, consent[SEGMENT].until or FOREVER


def given_or_taken(compiled: Compiled, profile: Profile, now: int) -> int:
    """The instant since which there has been leave, or has been none; `now` where a policy says otherwise than before.

    0 where it has always been.
    """
    consent = compiled.policies.in_use(profile)
    said, restricted = consent.get(SEGMENT), consent.get(RESTRICTION)
    if said is None:
        return now
    is_restricted = restricted is not None and not restricted.granted
    if said.ended(now) and not is_restricted:
        return said.until
    return max(said.at, restricted.at if restricted else 0)


def is_used(profile: Profile) -> bool:
    """Whether anything rests on the leave, so that its end must not go by unnoticed."""
    return bool(profile.scores) or any(stay.left_at is None for stay in profile.memberships.values())
