"""Somebody who shops while the whole library looks on, and what a segment makes of it at each instant."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from attune.domain.definitions.kinds import Definition, snapshot
from attune.domain.processing import fold
from attune.domain.processing.fold import fold_event
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.profile import Profile
from attune.domain.segments import compile_segments, computed_values, evaluate, holds
from cli.apply import read_definitions
from tests.builders import NOW, event, identify

FOLDER: Final = Path(__file__).resolve().parents[2] / "definitions" / "library"
LIBRARY: Final[dict[str, Definition]] = {one.id: one for _, one in read_definitions([FOLDER])}
COMPILED: Final = compile_segments(snapshot(tuple(LIBRARY.values())))

#: what a segment makes of somebody at an instant, seen beside the millisecond before it
OUT, IN, ENTERS, LEAVES = "out", "in", "enters", "leaves"
_WORDS: Final = {(False, False): OUT, (True, True): IN, (False, True): ENTERS, (True, False): LEAVES}


@dataclass
class Shopper:
    """Agrees to everything and begins at `NOW`; `at` is always the time since then, in ms, and never runs back.

    `segment`: the one that is asked about. Each step answers a word (`OUT`, `IN`, `ENTERS`, `LEAVES`), by the live
    memberships of the profile; it fails where these do not say the same instants, or a look from outside another thing.
    """

    segment: str = ""
    profile: Profile = field(default_factory=lambda: Profile(profile_id="p", consent=_agreed()))

    def does(self, at: int, name: str, key: str = "", **properties: Any) -> str:
        """A track call, or `page`; what it makes of the membership (for `key`, where the segment has keys)."""
        before = self._passes(at - 1, key)
        call = {"type": name, "name": ""} if name == "page" else {"name": name}
        self._hears(event(**call, time=NOW + at, properties=properties))
        return self._word(at, key, before)

    def says(self, at: int, **traits: Any) -> str:
        """An identify call."""
        before = self._passes(at - 1, "")
        self._hears(identify(traits, time=NOW + at))
        return self._word(at, "", before)

    def withdraws(self, at: int, purpose: str) -> str:
        """Takes a consent back."""
        before = self._passes(at - 1, "")
        self.profile.consent[purpose] = Consent(granted=False, at=NOW + at, source="shop")
        self.profile.as_of = NOW + at
        evaluate(COMPILED, self.profile)
        return self._word(at, "", before)

    def waits(self, until: int, key: str = "") -> str:
        """Nothing happens."""
        return self._word(until, key, self._passes(until - 1, key))

    def trait(self, name: str, at: int) -> Any:
        """A computed trait of the library, None where it is not there."""
        self._passes(at, "")
        return computed_values(COMPILED, self.profile, NOW + at).get(name)

    def _hears(self, one: Any) -> None:
        fold_event(self.profile, one, event_hash("shop", one), COMPILED)

    def _passes(self, at: int, key: str) -> bool:
        if NOW + at > self.profile.as_of:
            fold.finish(self.profile, COMPILED, NOW + at, read_up_to=NOW + at)
        if not self.segment:
            return False
        stay = self.profile.memberships.get(f"{self.segment}\x1f{key}" if key else self.segment)
        inside = stay is not None and stay.left_at is None
        assert inside == holds(COMPILED, self.profile, self.segment, key, NOW + at)
        return inside

    def _word(self, at: int, key: str, before: bool) -> str:
        fold.finish(self.profile, COMPILED, NOW + at, read_up_to=NOW + at)
        word = _WORDS[before, self._passes(at, key)]
        stay = self.profile.memberships.get(f"{self.segment}\x1f{key}" if key else self.segment)
        # a thing that is forgotten takes its membership with it
        if word in (ENTERS, LEAVES) and (stay is not None or not key):
            assert stay is not None
            assert (stay.entered_at if word == ENTERS else stay.left_at) == NOW + at
        return word


def _agreed() -> dict[str, Consent]:
    return {name: Consent(granted=True, at=0, source="shop") for name in ("analytics", "personalization", "email")}
