"""Traits whose time is up: in no answer from that very instant on, soon not in the store, and nothing permitted by it.

What conditions make of them is asked with the rest of their language (`test_segment_language`, `test_segment_worlds`,
`test_segment_why`).
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from attune.domain.consent.gate import Edge, allowed, may_store
from attune.domain.consent.trait_lifetimes import lifetimes_of
from attune.domain.definitions.conditions import Performed, TraitTest
from attune.domain.definitions.kinds import Segment, snapshot
from attune.domain.definitions.purposes import Purpose, Retention
from attune.domain.events import Event
from attune.domain.identity.unlinking import split_off
from attune.domain.past.rebuilding import rebuild
from attune.domain.processing.fold import finish, fold_event
from attune.domain.profiles.changes import SegmentLeft
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Link, Profile, Trait
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.domain.segments import Compiled, advance, compile_segments, members, next_due, traits_at
from attune.domain.segments.evidence import Seen
from attune.domain.segments.why import standings
from tests.builders import DAY, HOUR, MINUTE, NOW, event, identifiers, identify, record
from tests.faults.definition_changes import Changing, Lives, Run, profile_of
from tests.faults.effort import seeds
from tests.faults.rebuilding import Life, content, emptied, inside, rebuild_all, states, withdrew

ME = identifiers(anonymous_id="me")


def keeps(purpose: str = "surveys", /, **traits: str) -> Purpose:
    """`others` stands for `*`."""
    return Purpose(
        id=purpose, retention=Retention(traits={"*" if one == "others" else one: traits[one] for one in traits})
    )


def trait_set(name: str) -> Segment:
    return Segment(id=f"has_{name}", when=TraitTest(trait=name, operator="is_set"))


# ------------------------------------------------------------------------------------------- folded anew, and changed


@pytest.mark.parametrize("seed", seeds(15, long=1_000))
def test_who_is_folded_anew_from_the_lake_holds_what_they_held(seed: int) -> None:
    """Late events, merges, redelivery; times that are shorter than events are late."""
    kept = keeps(city=Random(seed).choice(["1h", "5h", "3d"]), others="20h")
    world = Life(seed, kept, trait_set("city"), trait_set("age"), late=seed % 3 != 0).tell().world
    world.pass_time(MINUTE)
    store = emptied(world)
    rebuild_all(world, profiles=store)
    live, anew = states(world.profiles), states(store)
    for one in (one for one in live if not withdrew(live[one]) and (anew[one].activity or not live[one].activity)):
        assert content(anew[one]) == content(live[one])
        assert inside(anew[one]).keys() == inside(live[one]).keys()
        assert all(said.time + 20 * HOUR > live[one].as_of for name, said in live[one].traits.items() if name != "city")


CITY_AT, AGE_AT = NOW - 40 * DAY, NOW - 2 * DAY


def asleep(*more: Segment) -> tuple[Changing, Lives]:
    """Two people who said something once, and then nothing for long."""
    world = Changing(trait_set("city"), trait_set("age"), *more, at=NOW - 50 * DAY)
    told = {
        who: [
            identify(
                {"city": who, "shoe": 43}, identifiers=identifiers(anonymous_id=who), message_id=f"{who}1", time=CITY_AT
            ),
            identify({"age": 7}, identifiers=identifiers(anonymous_id=who), message_id=f"{who}2", time=AGE_AT),
        ]
        for who in ("ann", "ben")
    }
    lives = Lives(world, told, [])
    lives.until(NOW)
    return world, lives


def answer(world: Changing, who: str) -> tuple[dict[str, Any], list[str]]:
    compiled = compile_segments(world.store.current())
    profile = states(world.profiles)[profile_of(who)]
    return traits_at(compiled, profile, world.time.now), members(compiled, profile, world.time.now)


def stored(world: Changing, who: str) -> set[str]:
    return set(states(world.profiles)[profile_of(who)].traits)


def awaits(world: Changing, purpose: str) -> bool:
    return next(one.awaits_run for one in world.store.standings("purpose") if one.definition.id == purpose)


def test_a_new_time_counts_at_once_and_when_the_run_is_over_nothing_is_left() -> None:
    world, lives = asleep()
    assert answer(world, "ann") == ({"age": 7, "city": "ann", "shoe": 43}, ["has_age", "has_city"])
    world.apply(keeps(city="30d", shoe="100d"))
    assert answer(world, "ann") == ({"age": 7, "shoe": 43}, ["has_age"])
    assert stored(world, "ann") == {"age", "city", "shoe"}
    assert awaits(world, "surveys")
    Run(world, lives.pass_time)()
    assert stored(world, "ann") == stored(world, "ben") == {"age", "shoe"}
    assert lives.told("ann", "has_city")[-1] == (SegmentLeft, CITY_AT + 30 * DAY)
    assert not awaits(world, "surveys")
    assert Run(world, lives.pass_time)()["settled"] == 0


def test_a_time_that_is_not_up_yet_is_armed_by_the_run_for_who_sleeps() -> None:
    world, lives = asleep()
    world.apply(keeps(others="60d", age="5d"))
    Run(world, lives.pass_time)()
    assert [item.due_at for item in world.profiles.all_items()] == [AGE_AT + 5 * DAY] * 2
    world.time.now = AGE_AT + 5 * DAY
    world.wake()
    world.settle()
    assert stored(world, "ann") == {"city", "shoe"}
    assert lives.told("ann", "has_age")[-1] == (SegmentLeft, AGE_AT + 5 * DAY)
    assert {item.due_at for item in world.profiles.all_items()} == {CITY_AT + 60 * DAY}


def test_another_description_needs_no_run_and_a_shorter_time_does() -> None:
    world, lives = asleep()
    world.apply(keeps(city="60d"))
    Run(world, lives.pass_time)()
    world.apply(replace(keeps(city="60d"), description="Surveys"))
    assert not awaits(world, "surveys")
    world.apply(Purpose(id="other", name="Another"))
    assert not awaits(world, "other")
    world.apply(keeps(city="60d", shoe="20d"))
    assert awaits(world, "surveys")
    Run(world, lives.pass_time)()
    assert stored(world, "ben") == {"age", "city"}


def test_a_run_waits_until_every_container_knows_of_the_new_time() -> None:
    """Else one that does not would write a profile behind the run's back, with nobody to take the trait out of it."""
    world, lives = asleep()
    applied_at = world.time.now
    world.apply(keeps(city="30d"))
    assert Run(world, lives.pass_time)._function()((), None, lambda: True)["done"]
    assert world.time.now >= applied_at + 10_000


# ------------------------------------------------------------------------------------ late, again, and two who are one


@pytest.mark.parametrize("seed", seeds(60, long=5_000))
def test_what_is_held_of_two_who_are_one_does_not_depend_on_what_came_first(seed: int) -> None:
    rng = Random(seed)
    compiled = compile_segments(snapshot((keeps(city="5h", others="2d"), trait_set("city"))))
    said = [_said(rng, number) for number in range(rng.randint(3, 9))]
    now = max(one.time for one in said) + rng.choice([0, 1, 5 * HOUR, 3 * DAY])
    found = []
    for order in (said, rng.sample(said, len(said))):
        sides = [Profile(profile_id="p"), Profile(profile_id="q")]
        joined = rng.randrange(len(order) + 1)
        for number, one in enumerate(order):
            if number == joined:
                merge_profiles(sides[0], sides[1], compiled.capacities)
            side = sides[0] if number >= joined else rng.choice(sides)
            fold_event(side, one, one.message_id.encode(), compiled)
            if rng.random() < 0.5:
                finish(side, compiled, max(side.as_of, rng.choice([one.time, now])), 0)
        if joined == len(order):
            merge_profiles(sides[0], sides[1], compiled.capacities)
        finish(sides[0], compiled, now, 0)
        found.append((sides[0].traits, sides[0].gone))
    last = {name: one for one in sorted(said, key=lambda one: one.time) for name in one.traits}
    kept = {
        name: one.traits[name]
        for name, one in last.items()
        if now < one.time + (5 * HOUR if name == "city" else 2 * DAY)
    }
    assert {name: word.value for name, word in found[0][0].items()} == kept
    assert found[0] == found[1]


def _said(rng: Random, number: int) -> Event:
    at = NOW - rng.randint(0, 72) * HOUR + number
    names = rng.sample(["city", "age", "country", "address"], rng.randint(1, 3))
    values: dict[str, list[Any]] = {
        "country": ["US", "DE", None],
        "address": [{"country": "US"}, {"city": "Kiel"}, "Kiel"],
    }
    return identify(
        {name: rng.choice(values.get(name, [1, "a", None])) for name in names}, message_id=f"m{number}", time=at
    )


# ------------------------------------------------------------------------------------------------ where somebody is

AMERICAN = tuple(Purpose(id=name, jurisdictions={"US": "opt_out"}) for name in ("analytics", "personalization"))
VIEWED = Segment(id="seen", when=Performed(event="Product Viewed"))


def test_of_two_times_that_are_there_all_the_same_the_shorter_counts() -> None:
    kept = lifetimes_of((keeps("a", city="5h"), keeps("b", city="2h", others="9h"), keeps("c", city="3h")))
    assert [kept.of("city"), kept.of("age")] == [2 * HOUR, 9 * HOUR]


def test_what_a_condition_rests_on_is_not_told_of_a_trait_that_is_gone() -> None:
    definitions = snapshot((keeps(city="5h"), trait_set("city")))
    compiled, profile = compile_segments(definitions), Profile(profile_id="p")
    profile.consent["personalization"] = Consent(granted=True, at=0, source="shop")
    fold_event(profile, identify({"city": "Kiel"}, time=NOW), b"1", compiled)
    rested = []
    for at in (NOW + 5 * HOUR - 1, NOW + 5 * HOUR):
        advance(compiled, profile, at)
        [one] = standings(compiled, definitions, "has_city", profile)
        rested.append((one.inside, one.changes_at, one.condition.rests_on))
    assert rested[0] == (True, NOW + 5 * HOUR, {"value": "Kiel", "events": [Seen(NOW, b"1")]})
    assert rested[1] == (False, None, {"value": None})


def test_a_doubt_about_where_somebody_is_outlives_what_is_folded_anew_and_goes_to_both_who_were_unlinked() -> None:
    gone = {"country": Trait(True, NOW, b"1")}
    stored = Profile(profile_id="p", gone=gone, as_of=NOW, links={"ab": Link(ME[0], NOW)})
    assert rebuild(stored, [], compile_segments(snapshot((keeps(country="5h"),)))).gone == gone
    other = split_off(stored, ["ab"], profile_id="q", generation=0, version=1, at=NOW, data_key=b"")
    assert (stored.gone, other.gone) == (gone, gone)


def open_edges(compiled: Compiled, profile: Profile, at: int) -> set[Edge]:
    stands = compiled.policies.standing(profile)
    found = {edge for edge in (Edge.SEGMENT, Edge.RECOMMEND, Edge.TRAIN, Edge.LAKE) if allowed(edge, stands, at=at)}
    asked = event("Page", identifiers=ME, consent=None, time=at)
    if may_store([profile], asked, record(asked, received_at=at), compiled.policies):
        found.add(Edge.STORE)
    return found


@pytest.mark.parametrize("seed", seeds(150, long=10_000))
def test_nothing_is_permitted_because_a_trait_is_gone(seed: int) -> None:
    """At any instant, whatever was said of where somebody is: no more than if every word were kept for good."""
    rng = Random(seed)
    kept = keeps(**rng.choice([{"others": "5h"}, {"country": "5h"}, {"address": "5h", "others": "30h"}]))
    plain, limited = (compile_segments(snapshot((*AMERICAN, VIEWED, *more))) for more in ((), (kept,)))
    said = sorted((_said(rng, number) for number in range(rng.randint(1, 6))), key=lambda one: one.time)
    lives = [(plain, Profile(profile_id="p")), (limited, Profile(profile_id="p"))]
    instants = {one.time + wait for one in said for wait in (0, 1, 5 * HOUR - 1, 5 * HOUR, 30 * HOUR, 40 * DAY)}
    for at in sorted(instants):
        for compiled, profile in lives:
            for one in said:
                if one.time <= at and one.time > profile.as_of:
                    fold_event(profile, one, one.message_id.encode(), compiled)
            if rng.random() < 0.5:
                finish(profile, compiled, max(at, profile.as_of), 0)
        opened = [open_edges(compiled, profile, at) for compiled, profile in lives]
        assert opened[1] <= opened[0], (at, said)


def test_who_took_back_where_they_are_leaves_no_doubt_of_it() -> None:
    compiled = compile_segments(snapshot((*AMERICAN, VIEWED, keeps(country="5h"))))
    profile = Profile(profile_id="p", place=Trait("US", NOW, b"0"))
    for at, country in ((NOW, "DE"), (NOW + HOUR, None)):
        fold_event(profile, identify({"country": country}, time=at), b"1", compiled)
        assert bool(open_edges(compiled, profile, at)) is (country is None)
    finish(profile, compiled, NOW + DAY, 0)
    assert not profile.traits
    assert open_edges(compiled, profile, NOW + DAY)


def test_who_was_where_they_need_not_be_asked_is_asked_when_nobody_knows_any_more() -> None:
    """At that very instant; the removal changes nothing of it; and who says where they are again is not."""
    compiled = compile_segments(snapshot((*AMERICAN, VIEWED, keeps(country="5h"))))
    profile, end = Profile(profile_id="p"), NOW + 5 * HOUR
    fold_event(profile, identify({"country": "US"}, time=NOW), b"1", compiled)
    fold_event(profile, event(time=NOW + 1), b"2", compiled)
    finish(profile, compiled, NOW + 1, NOW + 1)
    assert next_due(compiled, profile) == end
    found = compiled.policies.record(profile, "personalization")
    assert found is not None
    assert found.until == end
    assert members(compiled, profile, end - 1) == ["seen"]
    assert members(compiled, profile, end) == []
    assert open_edges(compiled, profile, end - 1)
    assert not open_edges(compiled, profile, end)
    finish(profile, compiled, end, 0)
    assert profile.memberships["seen"].left_at == end
    assert not profile.traits
    profile = decode_profile(encode_profile(profile))
    assert not open_edges(compiled, profile, end)
    fold_event(profile, identify({"country": "US"}, time=end + 5), b"3", compiled)
    finish(profile, compiled, end + 5, 0)
    assert members(compiled, profile, end + 5) == ["seen"]
    assert not profile.gone
