"""Everything a decision about a delivery depends on, read consistently, for the claim and for the send alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune.domain.campaigns import sending
from attune.domain.profiles.state import decode_profile
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.profiles.find_profiles import current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.campaigns.sending import Decision
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.profiles.changes import SegmentEntered
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled
    from attune.ports import Clock, DefinitionReader, Holds, ProfileReader


@dataclass(frozen=True, slots=True)
class Circumstances:
    """One profile (None: never stored, or erased), what is held against it, and the definitions, as of `now`."""

    definitions: Definitions
    compiled: Compiled
    profile: Profile | None
    held: Mapping[str, int]
    now: int

    def decide(self, campaign: str, channel: str, cause: SegmentEntered) -> Decision:
        """Whether the campaign's message for `cause` may leave."""
        return sending.decide(
            self.definitions.campaigns.get(campaign),
            self.definitions.channels.get(channel),
            cause,
            self.profile,
            held=self.held,
            compiled=self.compiled,
            now=self.now,
        )


class ReadCircumstances:
    """Two reads for a profile that never merged: its item, then its holds; definitions come from their cache."""

    def __init__(self, *, profiles: ProfileReader, holds: Holds, definitions: DefinitionReader, clock: Clock) -> None:
        self._profiles = profiles
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._clock = clock

    def __call__(self, profile_id: str) -> Circumstances:
        """The profile that `profile_id` has become. Holds are read last, so that one placed meanwhile counts."""
        definitions, compiled = self._definitions()
        item = current(self._profiles, profile_id, consistent=True)
        profile = decode_profile(item.state) if item is not None and item.state else None
        held = self._holds.held(profile.links.keys()) if profile is not None else {}
        return Circumstances(definitions, compiled, profile, held, self._clock())
