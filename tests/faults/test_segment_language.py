"""Any condition, on any history, arriving in any order, under any clock: live membership is what docs/segments.md says.

At every event, at every instant at which time alone changes something, and 1 ms to either side. A case is one
(condition, history, order of arrival, clock).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from random import Random
from typing import Any, get_args

import pytest

from attune.domain.definitions.computations import Computation
from attune.domain.definitions.conditions import Condition, InstantOperator, NumberOperator, Operator
from attune.domain.profiles.changes import SegmentEntered
from tests.faults.effort import seeds
from tests.faults.segment_caps import CAPPED, draw_capped
from tests.faults.segment_cases import Case, draw_case
from tests.faults.segment_figures import computed
from tests.faults.segment_happenings import Happening
from tests.faults.segment_histories import BORN
from tests.faults.segment_leaves import LEAVES
from tests.faults.segment_oracle import draw
from tests.faults.segment_subject import Subject, compile_documents

NAMES, LIMITED = sorted(LEAVES), sorted(CAPPED)
#: of these there are so many that a short run needs but one of each
MANY_ALIKE = ("aggregate", "frequency", "monetary")


def subject_of(case: Case) -> Subject:
    return Subject(compile_documents(case.documents), case.profile_id, BORN)


# ------------------------------------------------------------------------------------------------- ways of living it


def on_time(case: Case) -> None:
    """Every event at its time; woken up when the profile asks for it and not otherwise."""
    subject, waiting = subject_of(case), list(case.history)
    heard = subject.pass_time(BORN)
    for instant in case.instants:
        for together in _arriving(waiting, instant):
            heard += _woken(subject, together[0].time - 1)
            for one in together:
                heard += subject.happens(one)
            heard += subject.pass_time(together[0].time)
        heard += _woken(subject, instant)
        _shows(subject, case, instant)
    if not case.has_ties:
        for segment in case.conditions:
            told = [change for change in heard if change.segment == segment]
            if not case.is_keyed(segment):
                assert [change.at for change in told] == case.turns(segment), segment
                assert all(isinstance(change, SegmentEntered) for change in told[::2]), segment


def late(case: Case) -> None:
    """Every event at its time; woken up now and then."""
    subject, waiting = subject_of(case), list(case.history)
    visited = Random(case.seed).sample(case.instants, k=max(2, len(case.instants) // 8))
    for instant in sorted(visited):
        for together in _arriving(waiting, instant):
            for one in together:
                subject.happens(one)
        subject.pass_time(instant)
        _shows(subject, case, instant)
        if not case.has_ties and not case.looks:
            _shows_since(subject, case, instant)


def never(case: Case) -> None:
    """Every event at its time; time never passes by itself, and still every question is answered."""
    subject, waiting = subject_of(case), list(case.history)
    for instant in case.instants:
        for together in _arriving(waiting, instant):
            for one in together:
                subject.happens(one)
        _answers(subject, case, instant)


def in_any_order(case: Case) -> None:
    """All of it late, and out of order."""
    rng = Random(case.seed)
    _out_of_order(case, rng.sample(case.history, len(case.history)), rng)


def some_late(case: Case) -> None:
    """Nearly all at their time, a few long after."""
    rng = Random(case.seed)
    delays = {one: rng.choice([0, 0, 0, 0, 3, 9]) for one in range(len(case.history))}
    arriving = [case.history[one] for one in sorted(delays, key=lambda one: (one + delays[one], one))]
    _out_of_order(case, arriving, rng)


def of_two(case: Case) -> None:
    """On two devices, which turn out to be one person's."""
    rng = Random(case.seed)
    one, other = subject_of(case), subject_of(case)
    waiting, joined = list(case.history), rng.randrange(1, len(case.history) + 1)
    for instant in case.instants:
        for together in _arriving(waiting, instant):
            for happening in together:
                if joined == 0:
                    one.absorb(other, happening.time)
                joined -= 1
                # of two who are one, who withdraws consent speaks for both: that is not asked here
                side = rng.choice([one, other]) if joined >= 0 and not happening.consent else one
                side.happens(happening)
            if rng.random() < 0.3:
                one.pass_time(together[0].time)
        if joined < 0:
            _answers(one, case, instant)
            if rng.random() < 0.1:
                one.pass_time(instant)
                _shows(one, case, instant)


WAYS: tuple[Callable[[Case], None], ...] = (on_time, late, never, in_any_order, some_late, of_two)


# --------------------------------------------------------------------------------------------------------- the steps


def _arriving(waiting: list[Happening], until: int) -> Iterator[list[Happening]]:
    """What happens up to an instant, that of one millisecond together."""
    while waiting and waiting[0].time <= until:
        time = waiting[0].time
        yield [waiting.pop(0) for _ in range(sum(1 for one in waiting if one.time == time))]


def _woken(subject: Subject, until: int) -> list[Any]:
    heard: list[Any] = []
    while (due := subject.due()) is not None and due <= until:
        heard += subject.pass_time(due)
        following = subject.due()
        assert following is None or following > due, "asks to be woken up for the same again"
    return heard


def _out_of_order(case: Case, arriving: list[Happening], rng: Random) -> None:
    subject, now = subject_of(case), BORN
    for number, one in enumerate(arriving, 1):
        now = max(now, one.time)
        subject.happens(one)
        if rng.random() < 0.7:
            subject.pass_time(now)
        if not case.looks or rng.random() < 0.1:
            truth = case.truth(now, arriving[:number])
            assert {name: subject.inside(name) for name in truth} == truth, (number, now)
    for instant in case.instants:
        if instant >= now:
            _answers(subject, case, instant)
            if rng.random() < 0.2:
                subject.pass_time(instant)
                _shows(subject, case, instant)


def _shows(subject: Subject, case: Case, instant: int) -> None:
    """The memberships and traits that lie in the profile."""
    assert subject.profile.trait_values() == case.told(instant), instant
    assert {name: subject.inside(name) for name in case.conditions} == case.truths[instant], instant


def _shows_since(subject: Subject, case: Case, instant: int) -> None:
    """Since when they are as they are."""
    for name, stay in subject.profile.memberships.items():
        segment, _, key = name.partition("\x1f")
        changed = stay.entered_at if stay.left_at is None else stay.left_at
        assert changed == case.since(segment, key, instant), (name, instant)


def _answers(subject: Subject, case: Case, instant: int) -> None:
    """What is asked right now, whatever lies in the profile."""
    assert subject.told(instant) == {name: one for name, one in case.told(instant).items() if name not in case.computed}
    for name, keys in case.truths[instant].items():
        if case.is_keyed(name):
            assert all(subject.holds(name, instant, key) for key in keys), (name, instant)
            assert not subject.holds(name, instant, "nothing of theirs"), (name, instant)
        else:
            assert subject.holds(name, instant) is bool(keys), (name, instant)
    for name, compute in case.computed.items():
        assert subject.value(name, instant) == computed(compute, case.history, instant), (name, instant)


# --------------------------------------------------------------------------------------------------------- the tests


def _live(case: Case, ways: tuple[Callable[[Case], None], ...]) -> None:
    for way in ways:
        try:
            way(case)
        except AssertionError as error:
            raise AssertionError(f"{way.__name__}: {case}") from error


@pytest.mark.parametrize("name", NAMES)
def test_membership_is_what_the_manual_says(name: str) -> None:
    """As many cases as there are `WAYS`, each time; in the long run more than 100,000 in all."""
    for seed in seeds(1 if name.startswith(MANY_ALIKE) else 4, long=80):
        _live(draw_case(name, seed), WAYS)


@pytest.mark.parametrize("name", LIMITED)
def test_beyond_what_a_profile_keeps_it_is_what_the_manual_says_of_the_limit(name: str) -> None:
    for seed in seeds(8 if name in {"sequence", "dwelled"} else 1, long=80):
        _live(draw_capped(name, seed), (late, never) if name.startswith("session") else WAYS[1:])


def test_whoever_draws_the_border_of_two_parts_is_in_the_upper_one() -> None:
    drawn = next(one for one in (f"p{number}" for number in count()) if draw("parts", one) == 25.5)
    part = {"type": "random_bucket", "salt": "parts"}
    lower, upper = ({"kind": "segment", "id": name, "when": {**part, "low": low, "high": high}}
                    for name, low, high in (("lower", 0, 25.5), ("upper", 25.5, 100)))  # fmt: skip
    subject = Subject(compile_documents([lower, upper]), drawn, BORN)
    assert (subject.inside("lower"), subject.inside("upper")) == (set(), {""})


def test_of_segments_that_ask_for_each_other_nobody_is_in_one() -> None:
    """They are refused; but two people may define one each at the same time."""
    named = {name: {"type": "segment", "segment": other} for name, other in (("one", "other"), ("other", "one"))}
    documents = [{"kind": "segment", "id": name, "when": when} for name, when in named.items()]
    subject = Subject(compile_documents(documents), "somebody", BORN)
    subject.happens(Happening(BORN, "Product Viewed", rank=b"1"))
    assert subject.inside("one") == subject.inside("other") == set()


@cache
def first_cases() -> list[Case]:
    return [draw_case(name, 0) for name in NAMES]


def test_in_most_of_the_cases_the_truth_turns() -> None:
    dull = [case.name for case in first_cases() if not case.is_lively()]
    assert len(dull) <= len(NAMES) / 20, dull


def test_every_type_with_every_operator_and_function_is_among_them() -> None:
    """By the names that stand in the types; what a name promises lies in the condition that is drawn."""
    conditions = {part.__struct_config__.tag for part in get_args(Condition)} - {"all", "any", "not"}
    functions = {part.__struct_config__.tag for part in get_args(Computation)}
    written = str([(case.conditions, case.computed) for case in first_cases()])
    assert {one for one in conditions if f"'type': '{one}'" not in written} == set()
    assert {one for one in functions if f"'function': '{one}'" not in written} == set()
    for type_, operators in {"trait": Operator, "aggregate": NumberOperator, "frequency": NumberOperator,
                             "monetary": NumberOperator, "first_performed": InstantOperator,
                             "last_performed": InstantOperator}.items():  # fmt: skip
        assert {one for one in get_args(operators) if not any(n.startswith(type_) and one in n for n in NAMES)} == set()
