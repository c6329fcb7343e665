"""Conditions on what is known of somebody: traits, scores, consent, lists, figures, first and last times, lots."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from attune.domain.definitions.conditions import instant, milliseconds
from attune.domain.profiles.consent import permits
from attune.domain.segments.comparisons import RELATIVE, compile_comparison, is_number, turning_points
from attune.domain.segments.nodes import Node, leaf, list_key, score_key, trait_key
from attune.domain.segments.readings import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune.domain.consent.policies import Policies
    from attune.domain.definitions.conditions import Condition, EventFilter, RandomBucket
    from attune.domain.profiles.profile import Profile, Trait
    from attune.domain.segments.slots import Slots

#: lots are drawn in hundredths of a percent
LOTS: Final = 10_000


def trait(name: str, lifetime: int | None = None) -> Reading:
    """What was last said of a trait, which is gone so many ms after that."""
    plain = _said(name, lambda profile: profile.traits, trait_key(name))
    if lifetime is None:
        return plain

    def value(profile: Profile, at: int) -> Any:
        found = profile.traits.get(name)
        return found.value if found and at < found.time + lifetime else None

    def instants(profile: Profile) -> Iterable[int]:
        found = profile.traits.get(name)
        return (found.time, found.time + lifetime) if found else ()

    return replace(plain, value=value, instants=instants, ages=True)


def listed(name: str) -> Reading:
    """Whether the profile is on a list."""
    return _said(name, lambda profile: profile.lists, list_key(name))


def score(model: str, of: str) -> Reading:
    """What a model last said, or the percentile of that."""

    def value(profile: Profile, _at: int) -> str | float | None:
        known = profile.scores.get(model)
        if known is None:
            return None
        return known.percentile if of == "percentile" else known.value

    def instants(profile: Profile) -> Iterable[int]:
        known = profile.scores.get(model)
        return (known.at,) if known else ()

    return Reading(value, instants, frozenset({score_key(model)}))


def consent(purpose: str, policies: Policies) -> Reading:
    """Whether consent to a purpose is granted, and has not expired."""

    def instants(profile: Profile) -> Iterable[int]:
        known = policies.standing(profile).get(purpose)
        if known is None:
            return ()
        return (known.at, known.until) if known.until else (known.at,)

    def value(profile: Profile, at: int) -> bool:
        return permits(purpose, policies.standing(profile), at=at)

    return Reading(value, instants, frozenset(), ages=True)


def compared(condition: Condition, reading: Reading, operator: str, wanted: Any, *, of_events: bool = False) -> Node:
    """A value in relation to another. `of_events`: a figure, which nothing compares with where there is none."""
    compare = compile_comparison(operator, wanted)
    numbers = [one for one in (wanted if isinstance(wanted, list | tuple) else [wanted]) if is_number(one)]

    def judge(value: Any, at: int) -> bool:
        return not (of_events and value is None) and compare(value, at)

    def holds(profile: Profile, at: int) -> bool:
        return judge(reading.value(profile, at), at)

    def instants(profile: Profile) -> list[int]:
        turns = turning_points(operator, wanted, reading.value(profile, profile.as_of))
        reached = [instant for number in numbers for instant in reading.reaches(profile, number)]
        return [*reading.instants(profile), *turns, *reached]

    def until(profile: Profile, at: int) -> int | None:
        truth = holds(profile, at)
        ahead = reading.fades(profile, at).items() if reading.fades else ()
        return next((instant for instant, left in ahead if instant > at and judge(left, instant) != truth), None)

    if operator in RELATIVE:
        return leaf(condition, holds, instants, reading)
    if not reading.ages:
        return leaf(condition, holds, instants, reading, lambda _profile, _at: None)
    return leaf(condition, holds, instants, reading, until if reading.fades else None)


def performed_at(
    condition: Condition,
    filters: Sequence[EventFilter],
    operator: str,
    value: str,
    slots: Slots,
    *,
    oldest: bool = False,
) -> Node:
    """When something was done for the first or the last time: how long ago, or before or after a date."""
    slot = slots.marks(filters, 1, None, oldest=oldest)
    relative = operator in {"within_last", "older_than"}
    length = milliseconds(value) if relative else 0
    bound = 0 if relative else instant(value) or 0

    def time(profile: Profile) -> int | None:
        marks = profile.windows.get(slot)
        return None if not marks else marks[0 if oldest else -1].time

    def holds(profile: Profile, at: int) -> bool:
        done = time(profile)
        if done is None or done > at:
            return False
        match operator:
            case "within_last":
                return done > at - length
            case "older_than":
                return done <= at - length
            case "before":
                return done < bound
            case _:
                return done > bound

    def instants(profile: Profile) -> Iterable[int]:
        done = time(profile)
        return () if done is None else (done, done + length)

    reading = Reading(lambda profile, _at: time(profile), instants, frozenset({slot}), from_the_start=oldest)
    return leaf(condition, holds, instants, reading)


def drawn(condition: RandomBucket) -> Node:
    """One of a share of all, by a hash of the profile's id: the same for good, and evenly spread."""
    low, high = round(condition.low * LOTS / 100), round(condition.high * LOTS / 100)

    def lot(profile: Profile) -> int:
        drawn = hashlib.sha256(f"{condition.salt}\x1f{profile.profile_id}".encode()).digest()
        return int.from_bytes(drawn[:8]) % LOTS

    return leaf(
        condition,
        lambda profile, _at: low <= lot(profile) < high,
        lambda _: (),
        Reading(lambda profile, _at: lot(profile) * 100 / LOTS, lambda _: (), frozenset()),
        lambda _profile, _at: None,
    )


def _said(name: str, known: Callable[[Profile], Mapping[str, Trait]], key: str) -> Reading:
    def value(profile: Profile, _at: int) -> Any:
        found = known(profile).get(name)
        return found.value if found else None

    def instants(profile: Profile) -> Iterable[int]:
        found = known(profile).get(name)
        return (found.time,) if found else ()

    return Reading(value, instants, frozenset({key}))
