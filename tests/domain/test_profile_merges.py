"""What stays of each thing two people had, when they turn out to be one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from attune.domain.identifiers import Identifier
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import (
    NOBODY,
    Link,
    Membership,
    Position,
    Profile,
    Timer,
    Trait,
    cause_of,
    set_trait,
)
from attune.domain.profiles.windows import Mark
from tests.builders import NOW


def both(one: dict[str, Any], other: dict[str, Any], capacities: dict[str, int] | None = None) -> Profile:
    """The first with the second absorbed; what it holds is the same the other way round."""
    sides = Profile(profile_id="a", **one), Profile(profile_id="b", **other)
    forth, back = copy.deepcopy(sides), copy.deepcopy(sides)
    merge_profiles(forth[0], forth[1], capacities or {})
    merge_profiles(back[1], back[0], capacities or {})
    for name in one.keys() | other.keys():
        assert getattr(forth[0], name) == getattr(back[1], name), name
    return forth[0]


def test_events_add_up_and_the_first_and_the_last_are_the_outermost() -> None:
    merged = both(
        {"events": 3, "first_seen": NOW, "last_seen": NOW + 5, "as_of": NOW + 9},
        {"events": 4, "first_seen": NOW - 1, "last_seen": NOW + 2, "as_of": NOW + 7},
    )
    assert (merged.events, merged.first_seen, merged.last_seen, merged.as_of) == (7, NOW - 1, NOW + 5, NOW + 9)


def test_who_did_nothing_yet_was_not_seen_first() -> None:
    """Somebody may be known by a word of consent alone."""
    assert both({"first_seen": 0}, {"first_seen": NOW}).first_seen == NOW
    assert both({"first_seen": 0}, {"first_seen": 0}).first_seen == 0


def test_every_profile_that_was_absorbed_counts() -> None:
    people = [Profile(profile_id=name) for name in "abcd"]
    merge_profiles(people[0], people[1], {})
    merge_profiles(people[2], people[3], {})
    merge_profiles(people[0], people[2], {})
    assert people[0].merges == 3


# -------------------------------------------------------------------------------------------- identifiers, traits


@pytest.mark.parametrize(("namespace", "since"), [("email", NOW), ("cart_token", NOW + 5)])
def test_an_identifier_is_held_since_the_earlier_and_lapses_by_the_later(namespace: str, since: int) -> None:
    """A cart's instant is that of its last use, by which it lapses."""
    shared = Identifier(namespace, "x")
    merged = both({"links": {"k": Link(shared, NOW + 5)}}, {"links": {"k": Link(shared, NOW)}})
    assert merged.links == {"k": Link(shared, since)}


def test_what_was_vouched_for_to_either_is_vouched_for() -> None:
    shared, own = Identifier("email", "x"), Identifier("email", "y")
    merged = both({"links": {"k": Link(shared, NOW, verified=True)}}, {"links": {"k": Link(shared, NOW)}})
    assert merged.links["k"].verified
    merged = both({"links": {"k": Link(shared, NOW)}}, {"links": {"l": Link(own, NOW, verified=True)}})
    assert [link.verified for link in merged.links.values()] == [False, True]


def test_the_last_word_on_a_trait_counts() -> None:
    early, late = Trait("early", NOW, b"9"), Trait("late", NOW + 1, b"1")
    assert both({"traits": {"t": early}}, {"traits": {"t": late}}).traits == {"t": late}
    assert both({"traits": {"t": early}}, {"traits": {"u": late}}).traits == {"t": early, "u": late}
    twin = Trait("twin", NOW, b"8")
    assert both({"traits": {"t": early}}, {"traits": {"t": twin}}).traits == {"t": early}


def test_of_two_places_that_events_came_from_the_newer_counts() -> None:
    here, there = Trait("US", NOW, b"2"), Trait("DE", NOW + 1, b"1")
    assert both({"place": here}, {"place": there}).place == there
    assert both({"place": here}, {"place": None}).place == here
    assert both({"place": here}, {"place": Trait("DE", NOW, b"1")}).place == here


def test_what_was_said_of_a_trait_once_is_not_said_again() -> None:
    """The same event, met again: it is not taken for a later one."""
    traits = {"t": Trait("first", NOW, b"1")}
    set_trait(traits, "t", Trait("second", NOW, b"1"))
    assert traits["t"].value == "first"


# ----------------------------------------------------------------------------------------------- windows, timers


def marks(*times: int) -> list[Mark]:
    return [Mark(time, b"%d" % time) for time in times]


def test_a_window_keeps_the_newest_of_both_as_many_as_it_needs() -> None:
    one, other = {"windows": {"w": marks(1, 3, 5)}}, {"windows": {"w": marks(2, 3, 6), "v": marks(1)}}
    merged = both(one, other, {"w": 4, "v": 2})
    assert merged.windows == {"w": marks(2, 3, 5, 6), "v": marks(1)}


def test_a_window_of_a_segment_that_is_gone_keeps_what_the_larger_side_had() -> None:
    merged = both({"windows": {"w": marks(1, 2, 3)}}, {"windows": {"w": marks(4)}})
    assert merged.windows == {"w": marks(2, 3, 4)}
    assert both({"windows": {}}, {"windows": {"w": marks(1, 4)}}).windows == {"w": marks(1, 4)}


def test_of_a_timer_the_newest_start_the_newest_end_and_what_was_told_last_count() -> None:
    merged = both(
        {"timers": {"cart": {"c1": Timer(did=5, without=2, announced=None), "c2": Timer(did=1)}}},
        {"timers": {"cart": {"c1": Timer(did=3, without=4, announced=3), "c3": Timer(without=7)}}},
    )
    assert merged.timers == {
        "cart": {"c1": Timer(did=5, without=4, announced=3), "c2": Timer(did=1), "c3": Timer(without=7)}
    }


def test_a_timer_that_only_one_had_is_kept() -> None:
    assert both({"timers": {}}, {"timers": {"cart": {"c1": Timer(did=1)}}}).timers == {"cart": {"c1": Timer(did=1)}}


# -------------------------------------------------------------------------------------------------- stays, positions


def stay(one: Membership | None, other: Membership | None) -> Membership:
    mine, theirs = ({"memberships": {} if side is None else {"s": side}} for side in (one, other))
    return both(mine, theirs).memberships["s"]


def test_a_stay_that_lasts_goes_before_one_that_ended() -> None:
    lasts, ended = Membership(9), Membership(1, left_at=20, announced=True)
    assert stay(lasts, ended) == lasts


def test_of_two_that_last_the_earlier_entry_counts() -> None:
    assert stay(Membership(9), Membership(5)) == Membership(5)


def test_of_two_that_ended_the_one_that_ended_last_counts_then_the_later_entry() -> None:
    assert stay(Membership(1, left_at=8), Membership(3, left_at=7)) == Membership(1, left_at=8)
    assert stay(Membership(1, left_at=8), Membership(3, left_at=8)) == Membership(3, left_at=8)
    assert stay(Membership(3, left_at=8), Membership(3, left_at=8, announced=True)).announced


def test_of_two_that_ended_alike_it_does_not_matter_who_absorbs_whom() -> None:
    for mine, theirs in ((("c", 3), ("d", 3)), (("c", 3), None), (("c", 1), ("c", 2))):
        merged = stay(
            Membership(3, left_at=8, announced=True, told=mine), Membership(3, left_at=8, announced=True, told=theirs)
        )
        assert merged.told in (mine, theirs or ("b", 3))


def test_a_stay_of_one_of_them_is_a_stay_of_both() -> None:
    assert stay(None, Membership(9)) == Membership(9)


def test_who_was_told_of_an_entry_is_known_after_a_merge() -> None:
    """A message carries whose entry it is about: after a merge the entry is the survivor's, or of another instant."""
    told = stay(Membership(9, announced=True), Membership(5))
    assert told == Membership(5, announced=True, told=("a", 9))
    assert cause_of(Profile(profile_id="c"), told) == ("a", 9)


def test_of_two_that_were_told_the_earlier_message_counts() -> None:
    told = stay(Membership(9, announced=True), Membership(5, announced=True))
    assert told == Membership(5, announced=True, told=("b", 5))
    twins = stay(Membership(5, announced=True), Membership(5, announced=True))
    assert twins.told == ("a", 5)


def test_what_was_told_to_nobody_gives_way_to_what_was_told() -> None:
    silenced = Membership(1, announced=True, told=NOBODY)
    assert stay(silenced, Membership(5, announced=True)).told == ("b", 5)
    assert stay(silenced, Membership(5)).told == NOBODY


def test_an_entry_is_told_as_that_of_the_profile_that_made_it() -> None:
    profile = Profile(profile_id="p")
    assert cause_of(profile, Membership(5)) is None
    assert cause_of(profile, Membership(5, announced=True)) == ("p", 5)
    assert cause_of(profile, Membership(5, announced=True, told=("q", 3))) == ("q", 3)


def test_of_two_positions_the_one_further_on_counts() -> None:
    near, far = Position(1, b"\x05", NOW + 1), Position(1, b"\x06", NOW)
    anew = Position(2, b"\x01", NOW)
    assert both({"cursors": {"k": near}}, {"cursors": {"k": far}}).cursors == {"k": far}
    assert both({"cursors": {"k": far}}, {"cursors": {"k": anew}}).cursors == {"k": anew}
    assert both({"cursors": {"k": far}}, {"cursors": {"l": near}}).cursors == {"k": far, "l": near}
