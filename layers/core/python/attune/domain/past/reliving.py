"""Somebody's past under today's definitions: their events folded anew, up to one instant after the other. Pure.

By the code that folds live, in order of event time, as if everything had arrived when it happened. `rebuilding` makes
the present again and knows what is stored; here nothing is stored, and what was true on the way is the answer.

Of consent only the last word is known: whoever withdrew it was in no segment at any time, and whoever gave it is looked
at from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from attune.domain import segments
from attune.domain.consent.gate import Edge, allowed
from attune.domain.events import SCORE
from attune.domain.learning.scores import fold_score, may_score, read_score
from attune.domain.past.rebuilding import SAID_OF_THEM, Told, that_count
from attune.domain.processing.fold import finish, fold_event
from attune.domain.profiles.consent import SEGMENT, in_force
from attune.domain.profiles.profile import Profile
from attune.domain.segments.why import keys_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.domain.profiles.profile import Score
    from attune.domain.segments import Compiled

    type Step = Told | tuple[str, Score] | None

#: at one instant: consent holds already, and a score was reckoned from what had happened
_CONSENT, _EVENT, _SCORE = range(3)
#: nobody is told anything
_NOT_READ: Final = -1


class Turn(NamedTuple):
    """A membership that began or ended, at an instant (ms); `key`: of which thing, "" where there is none."""

    at: int
    key: str
    inside: bool


def relive(stored: Profile, told: Sequence[Told], compiled: Compiled, at: int) -> Profile:
    """The profile as it was at an instant (ms): its `as_of`."""
    fresh = _newborn(stored)
    for step_at, kind, step in _steps(stored, told):
        if step_at > at:
            break
        _take(fresh, stored, (step_at, kind, step), compiled)
    segments.advance(compiled, fresh, at)
    if has_done(fresh):
        segments.evaluate(compiled, fresh)
    return fresh


def has_done(profile: Profile) -> bool:
    """Whether anything is known of somebody but consent: who has only that is asked about nothing."""
    return bool(profile.events or profile.traits or profile.lists or profile.scores)


def turns(stored: Profile, told: Sequence[Told], compiled: Compiled, segment: str, until: int) -> list[Turn]:
    """Every beginning and end of a membership up to an instant (ms), by events and by time alone, in order."""
    found, asked = _Turns(compiled, segment), compiled.segments[segment]
    fresh = _newborn(stored)
    for step in _steps(stored, told):
        if step[0] > until:
            break
        found.pass_time(fresh, step[0] - 1)
        _take(fresh, stored, step, compiled)
        found.look(fresh, step[0], keys_of(asked, fresh))
    found.pass_time(fresh, until)
    return found.turns


class _Turns:
    def __init__(self, compiled: Compiled, segment: str) -> None:
        self.turns: list[Turn] = []
        self._policies = compiled.policies
        self._segment = compiled.segments[segment]
        self._inside: set[str] = set()
        self._at = 0

    def look(self, profile: Profile, at: int, keys: Sequence[str]) -> None:
        """Note what is another than it was; of things that are known no more the membership is over."""
        self._at = at
        is_asked = allowed(Edge.SEGMENT, self._policies.standing(profile), at=at) and has_done(profile)
        now = {key for key in keys if is_asked and self._segment.root.holds(profile, key, at)}
        self.turns += [Turn(at, key, inside=False) for key in sorted(self._inside - now)]
        self.turns += [Turn(at, key, inside=True) for key in sorted(now - self._inside)]
        self._inside = now

    def pass_time(self, profile: Profile, until: int) -> None:
        """Everything that time alone changes, at its own instant."""
        keys = keys_of(self._segment, profile)
        while self._at:
            profile.as_of = max(profile.as_of, self._at)  # what is a matter of days is known for the days around it
            ahead = [self._segment.root.until(profile, key, self._at) for key in keys]
            record = self._policies.record(profile, SEGMENT)
            if record is not None and record.until > self._at:
                ahead.append(record.until)
            instant = min((one for one in ahead if one is not None), default=None)
            if instant is None or instant > until:
                return
            self.look(profile, instant, keys)


def _newborn(stored: Profile) -> Profile:
    """Nobody yet, but for their ids and for what their consent rests on where nobody said anything."""
    return Profile(
        profile_id=stored.profile_id,
        generation=stored.generation,
        first=stored.first,
        consent=in_force(stored.consent, 0),
        place=stored.place,
    )


def _steps(stored: Profile, told: Sequence[Told]) -> Iterator[tuple[int, int, Step]]:
    """Everything that segments look at, each at its instant, in order."""
    steps: list[tuple[int, int, Step]] = [(one.event.time, _EVENT, one) for one in that_count(stored, told)]
    steps += [(one.event.time, _EVENT, one) for one in told if one.event.type in SAID_OF_THEM]
    steps += [(instant, _CONSENT, None) for instant in {one.at for one in stored.consent.values() if one.granted}]
    scores = [read_score(one.event, one.event.time) for one in told if one.event.type == SCORE]
    known = {(model, score) for model, score in (*filter(None, scores), *stored.scores.items())}
    steps += [(score.at, _SCORE, (model, score)) for model, score in known]
    return iter(sorted(steps, key=_place))


def _place(step: tuple[int, int, Step]) -> tuple[int, int, bytes | str]:
    at, kind, what = step
    return at, kind, what.order.hex() if isinstance(what, Told) else str(what)


def _take(fresh: Profile, stored: Profile, step: tuple[int, int, Step], compiled: Compiled) -> None:
    at, _, what = step
    match what:
        case Told():
            fold_event(fresh, what.event, what.order, compiled)
            finish(fresh, compiled, fresh.as_of, _NOT_READ)
        case (model, score):
            if may_score(fresh, at, compiled, at):  # what was said before a withdrawal is gone for good
                fold_score(fresh, model, score, compiled)
        case None:
            segments.advance(compiled, fresh, at - 1)
            fresh.as_of = max(fresh.as_of, at)
            fresh.consent = in_force(stored.consent, at)
            if fresh.events:
                segments.evaluate(compiled, fresh)
