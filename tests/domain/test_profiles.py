"""Two who turn out to be one: whoever absorbs whom, and in whatever order, one profile comes of it."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from attune.domain.learning.models import SHOPPER_CLUSTERS
from attune.domain.profiles import memory
from attune.domain.profiles.activity import Activity
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Profile, Score
from attune.domain.profiles.state import decode_profile, encode_profile

small = st.integers(0, 3)
activities = st.none() | st.builds(Activity, small, small, small, small, small, small)
#: few instants, versions and values, so that scores meet at the same instant
scores = st.builds(Score, st.sampled_from(["vip", "new", 0.5]), st.sampled_from(["run-1", "run-2"]), st.integers(1, 2))
granted = st.sampled_from([True, False, None])


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Somebody with a past; only who permits it has scores."""
    word = draw(granted)
    return Profile(
        profile_id="p",
        consent={} if word is None else {"personalization": Consent(word, 0, "shop")},
        activity=draw(activities),
        scores={SHOPPER_CLUSTERS: draw(scores)} if word and draw(st.booleans()) else {},
    )


def merged(*of: Profile) -> tuple[Activity | None, dict[str, Score]]:
    one, *others = copy.deepcopy(of)
    for other in others:
        merge_profiles(one, other, {})
    return one.activity, one.scores


@given(profiles(), profiles(), profiles())
def test_what_was_done_and_what_models_say_is_the_same_whoever_absorbs_whom(a: Profile, b: Profile, c: Profile) -> None:
    both = copy.deepcopy(b)
    merge_profiles(both, copy.deepcopy(c), {})
    assert merged(a, b) == merged(b, a)
    assert merged(a, b, c) == merged(a, both) == merged(c, b, a)


@given(profiles(), profiles())
def test_what_two_did_adds_up_and_of_their_scores_the_later_counts_if_both_permit_it(a: Profile, b: Profile) -> None:
    activity, said = merged(a, b)
    known = [one.activity for one in (a, b) if one.activity]
    assert (activity is None) == (not known)
    if activity is not None:
        assert activity.first == min(one.first for one in known)
        assert activity.last == max(one.last for one in known)
        for name in ("orders", "revenue", "views", "carts"):
            assert getattr(activity, name) == sum(getattr(one, name) for one in known)
    words = [one.consent["personalization"].granted for one in (a, b) if one.consent]
    ats = [score.at for one in (a, b) for score in one.scores.values()] if all(words) else []
    assert [score.at for score in said.values()] == sorted(ats)[-1:]


def test_a_message_that_both_met_is_remembered_since_it_was_received_last() -> None:
    earlier, later = (memory.remember(b"", b"message1", b"content1", at) for at in (1_000, 9_000))
    for mine, theirs in ((earlier, later), (later, earlier)):
        one, other = Profile(profile_id="a", seen=mine), Profile(profile_id="b", seen=theirs)
        merge_profiles(one, other, {})
        assert one.seen == later


@given(profiles())
def test_a_profile_is_read_as_it_was_written(one: Profile) -> None:
    assert decode_profile(encode_profile(one)) == one


def test_a_profile_of_before_there_were_scores_can_still_be_read() -> None:
    assert decode_profile(encode_profile(Profile(profile_id="p"))).scores == {}
