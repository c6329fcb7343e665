"""What is told of a segment beside who is in it: the truth of every part, when it will change, and how it was before.

By the oracle of docs/segments.md, for histories that were drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from attune.domain import segments
from attune.domain.definitions.kinds import Definitions, decode_definition, snapshot
from attune.domain.past.rebuilding import Told
from attune.domain.past.reliving import relive, turns
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Profile
from attune.domain.segments import compile_segments
from attune.domain.segments.why import Part, standings
from tests.builders import DAY, score_event
from tests.faults.effort import seeds
from tests.faults.segment_cases import ASKED, Case, draw_case
from tests.faults.segment_happenings import Happening, Written
from tests.faults.segment_leaves import LEAVES
from tests.faults.segment_oracle import critical_instants, holds, keyed_part
from tests.faults.segment_subject import SHOP, Subject, as_event

#: instants of a case at which it is looked
LOOKS = 12


def definitions_of(case: Case) -> Definitions:
    return snapshot(tuple(decode_definition(dict(one)) for one in case.documents))


def known_at(case: Case, at: int) -> Subject:
    """Somebody to whom everything happened until then."""
    subject = Subject(compile_segments(definitions_of(case)), case.profile_id)
    for one in case.history:
        if one.time <= at:
            subject.happens(one)
    segments.advance(subject.compiled, subject.profile, at)
    segments.evaluate(subject.compiled, subject.profile)
    return subject


def parts_of(part: Part, written: Written, case: Case) -> Iterator[tuple[Part, Written]]:
    """Each with what was written; of another segment that has keys only whether it holds."""
    yield part, written
    inner: Sequence[Any] = written.get("conditions", ())
    if written["type"] == "not":
        inner = [written["condition"]]
    if written["type"] == "segment":
        referred = case.conditions[written["segment"]]
        inner = [] if keyed_part(referred) else [referred]
    for one, its in zip(part.parts, inner, strict=bool(inner)):
        yield from parts_of(one, its, case)


def looked_at(case: Case) -> list[int]:
    begun = case.history[0].time
    after = [instant for instant in case.instants if instant >= begun]
    return sorted(Random(case.seed).sample(after, min(LOOKS, len(after))))


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_part_stands_as_the_manual_says(name: str, seed: int) -> None:
    case = draw_case(name, seed)
    for at in looked_at(case):
        subject = known_at(case, at)
        for standing in standings(subject.compiled, definitions_of(case), ASKED, subject.profile):
            assert standing.inside == (standing.key in case.truth(at)[ASKED]), (case, at)
            for part, written in parts_of(standing.condition, case.conditions[ASKED], case):
                told = (str(case), at, standing.key, part)
                now = holds(written, case.history, at, key=standing.key, around=case.around)
                assert part.holds == now, told
                assert part.changes_at == next_turn(case, written, at, standing.key), told


def next_turn(case: Case, written: Written, at: int, key: str) -> int | None:
    """When the truth is next another one, if nothing more happens."""
    past = [one for one in case.history if one.time <= at]
    now = holds(written, past, at, key=key, around=case.around)
    critical = critical_instants(past, [*case.conditions.values(), *case.computed.values(), case.kept])
    ahead = (instant for instant in critical if instant > at)
    return next((one for one in ahead if holds(written, past, one, key=key, around=case.around) != now), None)


# ------------------------------------------------------------------------------------------------------- how it was


def without_consent(case: Case) -> Case:
    """Of consent only the last word is known afterwards."""
    history = [one for one in case.history if not one.consent]
    return Case(case.name, case.seed, case.conditions, case.computed, history, kept=case.kept)


def as_told(one: Happening, number: int, profile_id: str) -> list[Told]:
    if not one.scores:
        return [Told(as_event(one, f"m{number}"), one.rank)]
    said: dict[str, Any] = {"at": one.time, "version": f"v{number:03d}"}
    spoken = [
        score_event(profile_id, value, model=model, percentile=one.percentiles.get(model), **said)
        for model, value in one.scores.items()
    ]
    return [Told(event, one.rank) for event in spoken]


def told_of(case: Case) -> list[Told]:
    """In no order."""
    told = [told for number, one in enumerate(case.history) for told in as_told(one, number, case.profile_id)]
    Random(case.seed).shuffle(told)
    return told


def stored(case: Case) -> Profile:
    consent = {"personalization": Consent(granted=True, at=0, source=SHOP)}
    return Profile(profile_id=case.profile_id, consent=consent, events=len(case.history))


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("name", sorted(LEAVES))
def test_who_was_in_at_any_past_instant_is_who_the_manual_says(name: str, seed: int) -> None:
    case = without_consent(draw_case(name, seed))
    if not case.history or case.has_ties:
        return
    compiled = compile_segments(definitions_of(case))
    turned = turns(stored(case), told_of(case), compiled, ASKED, case.instants[-1] + 40 * DAY)
    begun = min(one.time for one in case.history)
    for at in case.instants:
        inside = set[str]()
        for turn in turned:
            if turn.at <= at:
                inside = inside | {turn.key} if turn.inside else inside - {turn.key}
        assert inside == (case.truth(at)[ASKED] if at >= begun else set()), (str(case), at, turned)


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("name", sorted(LEAVES))
def test_a_past_instant_is_explained_as_it_was(name: str, seed: int) -> None:
    case = without_consent(draw_case(name, seed))
    if not case.history or case.has_ties:
        return
    compiled, definitions = compile_segments(definitions_of(case)), definitions_of(case)
    for at in looked_at(case)[:4]:
        profile = relive(stored(case), told_of(case), compiled, at)
        for standing in standings(compiled, definitions, ASKED, profile):
            assert standing.inside == (standing.key in case.truth(at)[ASKED]), (str(case), at)
            for part, written in parts_of(standing.condition, case.conditions[ASKED], case):
                now = holds(written, case.history, at, key=standing.key, around=case.around)
                assert part.holds == now, (str(case), at, part)
