"""What models say of a profile, taken from events or reckoned in the fold, and the segments that ask for it."""

from __future__ import annotations

from typing import Any

import pytest

from attune.domain.definitions.conditions import AnyOf, Performed, ScoreTest
from attune.domain.definitions.kinds import Segment, snapshot
from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.learning.scores import MAX_LENGTH, fold_score, read_score, score_online
from attune.domain.processing import fold
from attune.domain.processing.fold import fold_event
from attune.domain.profiles.activity import Activity
from attune.domain.profiles.changes import Change, SegmentEntered, SegmentLeft
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.duplicates import event_hash
from attune.domain.profiles.profile import Profile, Score
from attune.domain.segments import Compiled, compile_segments, holds
from tests.builders import DAY, HOUR, NOW, event, model, score_event, segments_of, vip_segment

SERVING = {SHOPPER_CLUSTERS: model()}
VIP = compile_segments(snapshot((vip_segment(),)))
GRANTED = {"personalization": Consent(granted=True, at=0, source="shop")}
BUSY = Activity(NOW - 300 * DAY, NOW - DAY, orders=20, revenue=200_000, views=90, carts=30)
IDLE = Activity(NOW - 90 * DAY, NOW - 90 * DAY)


def finish(profile: Profile, compiled: Compiled, now: int) -> list[Change]:
    """The stream is read as things happen."""
    return fold.finish(profile, compiled, now, read_up_to=now)


def shopper(**overrides: Any) -> Profile:
    fields: dict[str, Any] = {"profile_id": "p", "consent": dict(GRANTED), "as_of": NOW - DAY}
    return Profile(**(fields | overrides))


@pytest.mark.parametrize(
    "said",
    [
        {"model": "guessed"},
        {"model": None},
        {"model": [SHOPPER_CLUSTERS]},
        {"value": None},
        {"value": ""},
        {"value": True},
        {"value": ["vip"]},
        {"value": float("nan")},
        {"value": float("-inf")},
        {"value": 10**400},
        {"value": "x" * (MAX_LENGTH + 1)},
        {"version": None},
        {"version": 1},
        {"version": ""},
        {"version": "x" * (MAX_LENGTH + 1)},
        {"at": None},
        {"at": True},
        {"at": float(NOW)},
        {"at": str(NOW)},
        {"at": 0},
        {"at": -1},
        {"at": NOW + 1},
    ],
)
def test_what_cannot_be_a_score_is_none(said: dict[str, Any]) -> None:
    properties = score_event("p").properties
    assert read_score(score_event("p", properties=properties | said), NOW) is None
    for missing in said:
        left = {name: value for name, value in properties.items() if name != missing}
        assert read_score(score_event("p", properties=left), NOW) is None


@pytest.mark.parametrize("value", ["vip", 0.25, 0.0, 7, -1])
def test_a_score_is_a_name_or_a_number(value: str | float) -> None:
    read = read_score(score_event("p", value), NOW)
    assert read == (SHOPPER_CLUSTERS, Score(value, "run-1", NOW))
    assert isinstance(read[1].value, str | float)


def test_the_later_score_counts_and_at_the_same_instant_the_higher_version() -> None:
    profile = shopper()
    told = [Score("a", "2", NOW), Score("b", "1", NOW), Score("c", "3", NOW - 1), Score("d", "3", NOW)]
    news = [fold_score(profile, SHOPPER_CLUSTERS, score, VIP) is not None for score in told]
    assert news == [True, False, False, True]
    assert profile.scores == {SHOPPER_CLUSTERS: told[-1]}


def test_a_segment_on_a_score_is_entered_and_left_at_the_instants_of_the_scores() -> None:
    profile = shopper()
    fold_score(profile, SHOPPER_CLUSTERS, Score("vip", "1", NOW - HOUR), VIP)
    finish(profile, VIP, NOW)
    assert profile.memberships["vip"].entered_at == NOW - HOUR
    left = fold_score(profile, SHOPPER_CLUSTERS, Score("lapsed", "2", NOW + HOUR), VIP)
    assert left == [SegmentLeft("vip", NOW + HOUR)]


@pytest.mark.parametrize("online", [False, True])
def test_a_score_at_the_very_instant_at_which_a_window_slides_turns_nothing(online: bool) -> None:
    viewed = Performed(event="Product Viewed", within="1h")
    either = AnyOf(conditions=(viewed, ScoreTest(model=SHOPPER_CLUSTERS, value="vip")))
    compiled = compile_segments(snapshot((vip_segment(when=either),)))
    profile = shopper(activity=BUSY)
    one = event(time=NOW)
    fold_event(profile, one, event_hash("shop", one), compiled)
    assert finish(profile, compiled, NOW) == [SegmentEntered("vip", NOW)]
    if online:
        told = score_online(profile, SERVING, compiled, NOW + HOUR)
    else:
        told = fold_score(profile, SHOPPER_CLUSTERS, Score("vip", "1", NOW + HOUR), compiled) or []
    assert told + finish(profile, compiled, NOW + HOUR) == []
    assert profile.memberships["vip"].entered_at == NOW


def test_a_score_is_compared_as_traits_are_and_none_is_no_value() -> None:
    tests = {
        "is_set": ScoreTest(model=SHOPPER_CLUSTERS, operator="is_set"),
        "other": ScoreTest(model=SHOPPER_CLUSTERS, operator="not_equals", value="vip"),
        "high": ScoreTest(model=SHOPPER_CLUSTERS, operator="at_least", value=0.5),
        "some": ScoreTest(model=SHOPPER_CLUSTERS, operator="in", value=["vip", 0.75]),
    }
    compiled = compile_segments(snapshot(tuple(Segment(id=name, when=test) for name, test in tests.items())))

    def true(score: Score | None) -> set[str]:
        profile = shopper(scores={SHOPPER_CLUSTERS: score} if score else {})
        return {name for name in tests if holds(compiled, profile, name, "", NOW)}

    assert true(None) == {"other"}
    assert true(Score("vip", "1", NOW)) == {"is_set", "some"}
    assert true(Score(0.75, "1", NOW)) == {"is_set", "other", "high", "some"}


def test_who_has_no_score_is_scored_from_what_they_did() -> None:
    busy, idle = shopper(activity=BUSY), shopper(activity=IDLE)
    for profile in (busy, idle):
        score_online(profile, SERVING, VIP, NOW)
    assert busy.scores == {SHOPPER_CLUSTERS: Score("vip", "run-1", NOW)}
    assert idle.scores == {SHOPPER_CLUSTERS: Score("lapsed", "run-1", NOW)}
    assert segments_of(busy) == ["vip"]
    assert busy.memberships["vip"].entered_at == NOW


@pytest.mark.parametrize(
    "nobody",
    [
        {},
        {"activity": BUSY, "consent": {}},
        {"activity": BUSY, "consent": {"personalization": Consent(granted=False, at=0, source="shop")}},
        {"activity": BUSY, "scores": {SHOPPER_CLUSTERS: Score("lapsed", "an older run", 1)}},
    ],
    ids=["nothing done", "nothing said", "refused", "scored already"],
)
def test_nobody_else_is_scored(nobody: dict[str, Any]) -> None:
    profile = shopper(**nobody)
    assert score_online(profile, SERVING, VIP, NOW) == []
    assert profile == shopper(**nobody)


def test_without_a_serving_model_nobody_is_scored() -> None:
    profile = shopper(activity=BUSY)
    score_online(profile, {}, VIP, NOW)
    assert profile.scores == {}


def test_nobody_is_scored_as_of_an_instant_before_their_last_event() -> None:
    profile = shopper(activity=BUSY, as_of=BUSY.last)
    score_online(profile, SERVING, VIP, BUSY.first - DAY)
    assert profile.scores[SHOPPER_CLUSTERS].at == BUSY.last
