"""Marks of unlinkings: who is apart from whom, whomever each has merged with, and what a new profile takes along."""

from __future__ import annotations

from typing import Any

from attune.domain.identifiers import Identifier
from attune.domain.identity.unlinking import split_off
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.splits import are_apart, has_moved, is_pending, unfolded
from tests.builders import NOW, key_of, profile_id

KEYS = {name: key_of("anonymous_id", name) for name in "abcde"}


def of(number: int, *names: str, **fields: Any) -> Profile:
    links = {KEYS[name]: Link(Identifier("anonymous_id", name), NOW) for name in names}
    return Profile(profile_id=profile_id(number), links=links, data_key=bytes([number] * 32), **fields)


def split(old: Profile, number: int, *names: str, version: int = 5) -> Profile:
    leaving, data_key = [KEYS[name] for name in names], bytes([number] * 32)
    return split_off(
        old, leaving, profile_id=profile_id(number), generation=1, version=version, at=NOW, data_key=data_key
    )


def merged(one: Profile, other: Profile) -> Profile:
    merge_profiles(one, other, {})
    return one


def test_two_sides_are_apart_and_strangers_are_not() -> None:
    old = of(1, "a", "b")
    new = split(old, 2, "b")
    assert are_apart([old, new])
    assert are_apart([of(3, "c"), old, new])
    assert not are_apart([old, of(3, "c")])
    assert not are_apart([new])


def test_they_are_apart_as_whomever_they_merge_into() -> None:
    old = of(1, "a", "b")
    new = split(old, 2, "b")
    one, other = merged(of(3, "c"), old), merged(of(4, "d"), new)
    assert are_apart([one, other])
    assert not are_apart([one, of(5, "e")])


def test_an_old_side_that_was_read_before_the_unlinking_is_known_by_its_name() -> None:
    before, old = of(1, "a", "b"), of(1, "a", "b")
    new = split(old, 2, "b")
    assert are_apart([before, new])


def test_who_is_split_again_stays_apart_from_whom_the_identifier_was_unlinked_from() -> None:
    old = of(1, "a", "b", "c")
    new = split(old, 2, "b", "c")
    third = split(new, 3, "c", version=7)
    assert are_apart([old, third])
    assert are_apart([new, third])
    later = of(4, "d")
    merged(new, later)
    newcomer = split(new, 5, "d", version=9)
    assert not are_apart([old, newcomer])  # nobody said that of d
    assert are_apart([new, newcomer])


def test_two_who_left_one_after_the_other_may_be_one() -> None:
    old = of(1, "a", "b", "c")
    first = split(old, 2, "b")
    second = split(old, 3, "c", version=7)
    assert not are_apart([first, second])
    both = merged(first, second)
    assert are_apart([old, both])
    assert len(both.splits) == 2


def test_an_identifier_is_known_to_have_moved_by_what_it_may_have_gone_to() -> None:
    before, old = of(1, "a", "b"), of(1, "a", "b")
    new = split(old, 2, "b")
    assert has_moved(old, KEYS["b"], old)
    assert has_moved(old, KEYS["b"], before)
    assert not has_moved(old, KEYS["b"], new)
    assert not has_moved(old, KEYS["b"], merged(of(3, "c"), new))
    assert not has_moved(old, KEYS["a"], old)
    assert not has_moved(new, KEYS["b"], new)


def test_both_sides_lead_to_each_other_until_they_are_folded_apart() -> None:
    old = of(1, "a", "b", "c")
    new = split(old, 2, "b", "c")
    assert is_pending(old)
    assert is_pending(new)
    assert unfolded(old) == {profile_id(2)}
    assert unfolded(new) == {profile_id(1), profile_id(2)}
    third = split(new, 3, "c", version=7)
    assert unfolded(third) == {profile_id(2), profile_id(3)}  # and over the second to the first
    assert not is_pending(of(4, "d"))
