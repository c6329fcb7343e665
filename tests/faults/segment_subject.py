"""The engine as it is judged against docs/segments.md: one profile, folded in memory by what happens to somebody."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from attune.domain import segments
from attune.domain.definitions.kinds import decode_definition, snapshot
from attune.domain.events import CALLS, LIST, Event
from attune.domain.processing.fold import finish, fold_event
from attune.domain.profiles.changes import Change
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Profile, Score, set_score
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.domain.segments import Compiled, Quiet, compile_segments
from tests.builders import event
from tests.faults.segment_happenings import Happening, Written

SHOP = "shop"


def compile_documents(documents: Iterable[Written]) -> Compiled:
    """Definitions as they are written, ready to be folded with."""
    return compile_segments(snapshot(tuple(decode_definition(dict(one)) for one in documents)))


def as_event(one: Happening, message_id: str = "m", **overrides: Any) -> Event:
    """What carries it: a track call, one of the type that it is named after, or the word of a list."""
    said: dict[str, Any] = {"properties": dict(one.properties), "traits": dict(one.traits)}
    for name, on in one.lists.items():
        said |= {"type": LIST, "name": "", "properties": {"list": name, "on": on}}
    call = {"type": one.name, "name": ""} if one.name in CALLS else {"type": "track", "name": one.name}
    fields: dict[str, Any] = (
        {"message_id": message_id, "time": one.time, "consent": None, "fingerprint": "0" * 16} | call | said
    )
    return event(**fields | overrides)


@cache
def rank_of(message_id: str) -> bytes:
    """What decides between two events of the same millisecond."""
    return event_hash(SHOP, event(message_id=message_id, fingerprint="0" * 16))


class Subject:
    """Somebody of whom nothing is known but that they may be segmented."""

    def __init__(self, compiled: Compiled, profile_id: str = "somebody", born: int = 0) -> None:
        self.compiled = compiled
        self.profile = Profile(profile_id=profile_id, first_seen=born, as_of=born)
        self.profile.consent["personalization"] = Consent(granted=True, at=0, source=SHOP)
        self._quiet = Quiet()
        segments.evaluate(compiled, self.profile)

    def happens(self, one: Happening) -> list[Change]:
        """Apply what happened, as it arrives."""
        if one.name or one.lists:
            return fold_event(self.profile, as_event(one), one.rank, self.compiled, self._quiet)
        changes: list[Change] = []
        if one.time > self.profile.as_of:
            changes += segments.advance(self.compiled, self.profile, one.time - 1, self._quiet)
            self.profile.as_of = one.time
        for model, value in one.scores.items():
            set_score(self.profile.scores, model, Score(value, "v", one.time, one.percentiles.get(model)))
        for purpose, granted in one.consent.items():
            known = self.profile.consent.get(purpose)
            if known is None or known.at <= one.time:
                self.profile.consent[purpose] = Consent(granted=granted, at=one.time, source=SHOP)
                self._quiet.whole = False
        return changes + segments.evaluate(self.compiled, self.profile)

    def pass_time(self, now: int) -> list[Change]:
        """What a commit at `now` does; whoever comes next reads what was written."""
        changes = finish(self.profile, self.compiled, now, now, self._quiet)
        self.profile, self._quiet = decode_profile(encode_profile(self.profile)), Quiet()
        return changes

    def absorb(self, other: Subject, at: int) -> list[Change]:
        """The two turn out to be one."""
        instant = max(self.profile.as_of, other.profile.as_of, at - 1)
        for one in (self, other):
            segments.advance(self.compiled, one.profile, instant)
        merge_profiles(self.profile, other.profile, self.compiled.capacities)
        self._quiet = Quiet()
        return segments.evaluate(self.compiled, self.profile)

    def told(self, now: int) -> dict[str, Any]:
        """The traits as they are shown, those that are reckoned aside."""
        computed = self.compiled.computed
        shown = segments.traits_at(self.compiled, self.profile, now)
        return {name: one for name, one in shown.items() if name not in computed}

    def due(self) -> int | None:
        """When time alone next changes something."""
        return segments.next_due(self.compiled, self.profile)

    def inside(self, segment: str) -> set[str]:
        """The keys of the memberships that the profile shows; the empty text for a segment without keys."""
        stays = {name.partition("\x1f"): stay for name, stay in self.profile.memberships.items()}
        return {key for (owner, _, key), stay in stays.items() if owner == segment and stay.left_at is None}

    def holds(self, segment: str, now: int, key: str = "") -> bool:
        """What is asked before a message leaves."""
        return segments.holds(self.compiled, self.profile, segment, key, now)

    def value(self, name: str, now: int) -> Any:
        """Of a computed trait; None where it is not there."""
        return segments.computed_values(self.compiled, self.profile, now).get(name)
