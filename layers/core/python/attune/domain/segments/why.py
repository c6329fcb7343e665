"""Why somebody is in a segment, or is not: the condition as it is defined, with the truth of every part. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain import segments
from attune.domain.consent.gate import Edge, allowed
from attune.domain.definitions.conditions import SegmentTest
from attune.domain.profiles.consent import SEGMENT
from attune.domain.profiles.profile import NOBODY, cause_of
from attune.domain.segments.evidence import evidence_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.profiles.consent import Consent
    from attune.domain.profiles.profile import Membership, Profile
    from attune.domain.segments.compilation import Compiled, CompiledSegment
    from attune.domain.segments.nodes import Node

#: instants at which time may change a condition that are looked at for the first at which it does
_MOST_TURNS: Final = 1_000
_JOINING: Final = ("conditions", "condition")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A condition and how it stands. Instants are ms.

    `says`: as it is defined, its parts aside. `since`: since when it has held, or not, at the latest: events that are
    kept no more may have made it so before; None: as far back as is known.
    `changes_at`: when time alone changes it; None: never. `rests_on`: as `evidence_of`, and `value`, what was compared.
    """

    says: dict[str, Any]
    holds: bool
    since: int | None
    changes_at: int | None
    rests_on: dict[str, Any]
    parts: tuple[Part, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Of one thing (a cart), or of the profile as a whole (`key` empty).

    `since`: when it entered, or left; None: it never was in. `told_at`: when campaigns were told that it entered, as
    the instant of the entry; `tells_at`: when the grace of an entry ends that they have yet to hear of.
    """

    key: str
    inside: bool
    since: int | None
    changes_at: int | None
    told_at: int | None
    tells_at: int | None
    condition: Part


def standings(
    compiled: Compiled, definitions: Definitions, segment: str, profile: Profile, key: str | None = None
) -> list[Standing]:
    """Of all things that the profile has, or of `key`; as of `profile.as_of`, with memberships in line with that.

    Of who has no things: of none. The segment is one that serves.
    """
    found = compiled.segments[segment]
    keys = keys_of(found, profile) if key is None else [key]
    return [_standing(compiled, definitions, found, profile, one) for one in keys or [""]]


def keys_of(segment: CompiledSegment, profile: Profile) -> list[str]:
    """What the segment has memberships for: [""] where it has no keys, [] where the profile has none."""
    return [""] if segment.keyed is None else sorted(profile.timers.get(segment.keyed.slot, ()))


def next_turn(node: Node, profile: Profile, key: str, at: int) -> int | None:
    """The first instant after `at` at which time alone makes a condition true, or false."""
    truth, instant = node.holds(profile, key, at), at
    for _ in range(_MOST_TURNS):
        ahead = node.until(profile, key, instant)
        if ahead is None:
            return None
        if node.holds(profile, key, ahead) != truth:
            return ahead
        instant = ahead
    return None


def _standing(
    compiled: Compiled, definitions: Definitions, segment: CompiledSegment, profile: Profile, key: str
) -> Standing:
    at = profile.as_of
    inside = segments.holds(compiled, profile, segment.id, key, at)
    consent = compiled.policies.in_use(profile)
    is_asked = allowed(Edge.SEGMENT, consent, at=at)
    stay = profile.memberships.get(f"{segment.id}\x1f{key}" if key else segment.id)
    condition = _part(segment.root, compiled, definitions, profile, key)
    since = None if stay is None else stay.left_at or stay.entered_at
    if since is not None and condition.since is not None and condition.holds == inside:
        # a membership remembers what the events that are kept may not tell any more
        condition = msgspec.structs.replace(condition, since=min(since, condition.since))
    told_at, tells_at = _telling(segment, profile, stay) if inside and stay is not None else (None, None)
    return Standing(
        key=key,
        inside=inside,
        since=since,
        changes_at=_soonest(condition.changes_at, consent, inside=inside) if is_asked else None,
        told_at=told_at,
        tells_at=tells_at,
        condition=condition,
    )


def _soonest(changes_at: int | None, consent: Mapping[str, Consent], *, inside: bool) -> int | None:
    """Who is in is out again when what they granted expires."""
    instants = (changes_at, consent[SEGMENT].until if inside else None)
    return min((instant for instant in instants if instant), default=None)


def _telling(segment: CompiledSegment, profile: Profile, stay: Membership) -> tuple[int | None, int | None]:
    if (cause := cause_of(profile, stay)) is not None:
        return (None if cause == NOBODY else cause[1]), None
    return None, (stay.entered_at + segment.grace if stay.entered_at >= segment.since else None)


def _part(node: Node, compiled: Compiled, definitions: Definitions, profile: Profile, key: str) -> Part:
    at = profile.as_of
    said = msgspec.to_builtins(node.condition)
    rests_on = evidence_of(node, profile, key, at, definitions.computed_traits, compiled.policies.traits)
    if isinstance(node.condition, SegmentTest):
        key = _thing_in_question(node, compiled, profile, at)
    since = node.since(profile, key, at)
    return Part(
        says={name: value for name, value in said.items() if name not in _JOINING},
        holds=node.holds(profile, key, at),
        since=since or None,
        changes_at=next_turn(node, profile, key, at),
        rests_on=rests_on,
        parts=tuple(_part(part, compiled, definitions, profile, key) for part in node.parts),
    )


def _thing_in_question(node: Node, compiled: Compiled, profile: Profile, at: int) -> str:
    """Of a segment with keys that a condition asks for: the one for which it holds, or any that there is."""
    referred = compiled.segments.get(node.condition.segment) if isinstance(node.condition, SegmentTest) else None
    known = keys_of(referred, profile) if referred is not None else []
    inside = (key for key in known for part in node.parts if part.holds(profile, key, at))
    return next(inside, known[0] if known else "")
