"""What models say of a profile: taken from `$score` events, or reckoned here for who has no score yet. Pure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from attune.domain import segments
from attune.domain.consent.gate import Edge, Refusal, Refused, allowed
from attune.domain.learning.artefacts import MAX_NAME
from attune.domain.learning.features import features_at
from attune.domain.learning.models import MODELS, say
from attune.domain.profiles.consent import SEGMENT
from attune.domain.profiles.profile import Score, set_score
from attune.domain.segments import Quiet
from attune.domain.segments.nodes import score_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.consent.gate import Allowed
    from attune.domain.events import Event
    from attune.domain.learning.models import Model
    from attune.domain.profiles.changes import Change
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled

#: characters of a value or a version: what scores take of a profile is bounded, so there is always room for them
MAX_LENGTH: Final = MAX_NAME
_LARGEST: Final = sys.float_info.max


def read_score(event: Event, received_at: int) -> tuple[str, Score] | None:
    """Model and score of a `$score` event; None if it cannot be one. It is as of an instant before it was received."""
    said = event.properties
    model, at, version = said.get("model"), said.get("at"), _text(said.get("version"))
    value = _text(said.get("value")) or _number(said.get("value"))
    if model not in MODELS or value is None or version is None:
        return None
    if not isinstance(at, int) or isinstance(at, bool) or not 0 < at <= received_at:
        return None
    return model, Score(value, version, at, _percent(said.get("percentile")))


def fold_score(profile: Profile, model: str, score: Score, compiled: Compiled) -> list[Change] | None:
    """Apply a score at its own instant, as an event at its time; None if it says nothing new."""
    if not set_score(known := dict(profile.scores), model, score):
        return None
    # up to the score and not beyond: at its own instant it already counts
    quiet = Quiet()
    changes = segments.advance(compiled, profile, score.at - 1, quiet)
    in_order = score.at > profile.as_of
    profile.as_of = max(profile.as_of, score.at)
    profile.scores = known
    return changes + segments.react(compiled, profile, {score_key(model): ()}, quiet, in_order=in_order)


def may_score(profile: Profile, at: int, compiled: Compiled, now: int) -> Allowed | Refused:
    """Whether a score as of `at` may be kept now.

    What was said before a withdrawal was ended is gone for good: no redelivery brings it back.
    """
    answer = allowed(Edge.RECOMMEND, compiled.policies.in_use(profile), at=max(at, now))
    known = profile.consent.get(SEGMENT)
    if answer and known is not None and any(at < end for _, end in known.withdrawals()):
        return Refused(SEGMENT, Refusal.WITHDRAWN)
    return answer


def forget_scores(profile: Profile, compiled: Compiled, now: int) -> None:
    """Of whom models may say nothing any more, because what they granted has expired, or for a policy's sake."""
    if profile.scores and not allowed(Edge.RECOMMEND, compiled.policies.in_use(profile), at=now):
        profile.scores = {}


def score_online(profile: Profile, models: Mapping[str, Model], compiled: Compiled, read_up_to: int) -> list[Change]:
    """Give a profile that may be scored and has done anything its first score of every serving model.

    As of the instant up to which the stream was read: later the person may have done more, which lies further back.
    """
    if profile.activity is None:
        return []
    # another shard may have been read further: nobody is seen before their last event
    at = max(read_up_to, profile.activity.last)
    if not may_score(profile, at, compiled, profile.as_of):
        return []
    changes: list[Change] = []
    for name, model in sorted(models.items()):
        if name not in profile.scores:
            value, percentile = say(model, features_at(profile.activity, at))
            changes += fold_score(profile, name, Score(value, model.version, at, percentile), compiled) or []
    return changes


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_LENGTH else None


def _percent(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 100 else None  # noqa: PLR2004 - percent


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= _LARGEST else None
