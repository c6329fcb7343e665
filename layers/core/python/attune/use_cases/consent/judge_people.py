"""The gate for many people at once: what they said is read from their profiles, what they are held from beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.consent.gate import Edge, Refused, allowed
from attune.domain.consent.holds import held_of
from attune.domain.consent.policies import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.consent.policies import Policies
    from attune.domain.profiles.profile import Profile


class JudgePeople:
    """Callable: whether an edge is open for a profile. What was refused is noted, to be counted."""

    def __init__(
        self,
        edge: Edge,
        policies: Policies = PLAIN,
        holds: Mapping[str, Mapping[str, int]] | None = None,
        now: int = 0,
    ) -> None:
        """`holds`: by identity key purpose → since when (ms), of everybody who is asked about."""
        self.refused: list[tuple[Edge, Refused]] = []
        self._edge = edge
        self._policies = policies
        self._holds = holds or {}
        self._now = now

    def __call__(self, profile: Profile) -> bool:
        """As the gate answers."""
        held = held_of(profile.links, self._holds) if self._holds else {}
        answer = allowed(self._edge, self._policies.in_use(profile), at=self._now, held=held)
        if isinstance(answer, Refused):
            self.refused.append((self._edge, answer))
        return bool(answer)
