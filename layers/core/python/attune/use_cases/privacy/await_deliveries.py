"""Whoever has placed a hold waits for the messages that were leaving meanwhile, so that its answer can be relied on.

A sender first says that it begins, and only then looks for holds. So it has seen the hold, or it is seen here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.profiles.state import decode_profile
from attune.use_cases.profiles.find_profiles import ends, find
from attune.use_cases.profiles.gather_subjects import generations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, Identified, ProfileReader
    from attune.ports.deliveries import Attempts

#: seconds between looks, 20 in all: an endpoint is waited for for 15, and API Gateway waits for 30
PAUSES: Final = (0.1, 0.2, 0.3, 0.4, *[0.5] * 38)


class AwaitDeliveries:
    """Reads consistently; writes nothing. `pause` waits for some seconds."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        deliveries: Attempts,
        pseudonyms: Identified,
        clock: Clock,
        pause: Callable[[float], None],
    ) -> None:
        self._profiles = profiles
        self._deliveries = deliveries
        self._pseudonyms = pseudonyms
        self._clock = clock
        self._pause = pause

    def __call__(self, identity_keys: Collection[str]) -> bool:
        """Whether a message to the people behind these may still be leaving after all that waiting.

        To be called after the holds stand under these keys, and before anything makes them lead to nobody.
        """
        profile_ids = self._ever(identity_keys)
        for pause in PAUSES:
            profile_ids = self._under_way(profile_ids)
            if not profile_ids:
                return False
            self._pause(pause)
        return bool(self._under_way(profile_ids))

    def _under_way(self, profile_ids: Collection[str]) -> list[str]:
        now = self._clock()
        return [one for one in profile_ids if self._deliveries.under_way(one, now)]

    def _ever(self, identity_keys: Collection[str]) -> list[str]:
        """These people's profiles, and those merged into them: a delivery keeps the id that it was caused under."""
        roots = {one.profile_id: one for one in find(self._profiles, identity_keys, consistent=True).values()}
        merged: set[str] = set()
        for item in roots.values():
            merged |= self._founded(decode_profile(item.state))
        became = ends(self._profiles, merged - roots.keys(), consistent=True)
        return sorted({*roots, *(one for one, item in became.items() if item.profile_id in roots)})

    def _founded(self, profile: Profile) -> set[str]:
        """Ids follow from their founders: whoever was absorbed is found under the identifiers that came along."""
        if not profile.merges and not profile.splits:
            return set()
        known = self._profiles.identities(profile.links, consistent=True)
        return {
            self._pseudonyms.profile_id(key, generation)
            for key, identity in known.items()
            for generation in generations(identity.generation)
        }
