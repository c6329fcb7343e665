"""Policies, expiry and restriction as people live through them: what is stored, who is in which segment and what is
sent is what was promised, at every instant and a millisecond on either side of it, whatever arrives late or twice.
"""

from __future__ import annotations

import contextlib
import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from attune.domain.consent.hearing import voice
from attune.domain.definitions.conditions import ConsentTest, Performed
from attune.domain.definitions.kinds import Segment, snapshot
from attune.domain.definitions.purposes import Notice, Purpose
from attune.domain.events import PREFERENCE_UPDATE, Event, Origin
from attune.domain.processing.fold import finish, fold_event
from attune.domain.processing.working import Working
from attune.domain.profiles.consent import RESTRICTION
from attune.domain.profiles.profile import Profile, Score
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import advance, compile_segments, evaluate, members, next_due
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, consent_event, event, identifiers, record, source
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.world import World
from tests.lakes import LakeOfTests

ME = identifiers(anonymous_id="me")
CART = {"cart_id": "c1", "product_id": "p1"}
DUE, GRACE = 15 * MINUTE, 2 * MINUTE
VIEWED = Segment(id="seen", when=Performed(event="Product Viewed"))
MAILED = Segment(id="mailed", when=ConsentTest(purpose="email"))


def living(*purposes: Purpose, granted_at: int = NOW, **more: Any) -> tuple[Working, Any]:
    """Somebody who granted everything at `granted_at` and viewed a product then, and the segments compiled."""
    compiled = compile_segments(snapshot((VIEWED, MAILED, *purposes)))
    working = Working(Profile(profile_id="p"), policies=compiled.policies)
    said = event(time=granted_at, identifiers=ME, **more)
    sent = record(said)
    working.hear(said, sent, granted_at, voice([working.profile], said, sent), lambda *_: "")
    working.locate(said, sent, b"1")
    fold_event(working.profile, said, b"1", compiled)
    finish(working.profile, compiled, granted_at, granted_at)
    return working, compiled


# ----------------------------------------------------------------------------------------------------------- expiry


@pytest.mark.parametrize("seed", seeds(20))
def test_nobody_is_in_a_segment_from_the_instant_on_at_which_their_grant_ends(seed: int) -> None:
    rng = Random(seed)
    lifetimes = {purpose: rng.randint(1, 30) * HOUR for purpose in ("personalization", "email")}
    working, compiled = living(
        *(Purpose(id=name, expires_after=f"{length}ms" if length < 10**6 else f"{length // HOUR}h")
          for name, length in lifetimes.items())
    )  # fmt: skip
    profile = working.profile
    ends = {name: NOW + length for name, length in lifetimes.items()}
    for turn in ends.values():
        for at in (turn - 1, turn, turn + 1):
            expected = []
            if at < ends["personalization"]:
                expected = ["mailed", "seen"] if at < ends["email"] else ["seen"]
            assert members(compiled, profile, at) == expected
    assert next_due(compiled, profile) == min(ends.values())
    advance(compiled, profile, NOW + 60 * HOUR)
    left = {name: stay.left_at for name, stay in profile.memberships.items()}
    assert left == {"seen": ends["personalization"], "mailed": min(ends.values())}
    assert next_due(compiled, profile) is None


def test_what_a_model_said_goes_when_the_grant_ends() -> None:
    working, compiled = living(Purpose(id="personalization", expires_after="1h"))
    working.profile.scores = {"m": Score(0.5, "v", NOW)}
    finish(working.profile, compiled, NOW + HOUR - 1, NOW)
    assert working.profile.scores
    finish(working.profile, compiled, NOW + HOUR, NOW)
    assert not working.profile.scores


def abandoned(*purposes: Purpose, **more: Any) -> World:
    world = World(*purposes, **more)
    world.send(event("Product Added", message_id="add", identifiers=ME, properties=CART))
    return world


def outcomes(world: World) -> list[tuple[str, str]]:
    return [(str(one.state), one.reason) for one in world.deliveries.all()]


@pytest.mark.parametrize("purpose", ["email", "personalization"])
@pytest.mark.parametrize("minutes", [10, 16, 20, 40])
def test_a_grant_that_ends_before_a_message_leaves_stops_it(purpose: str, minutes: int) -> None:
    """Personalization ends: the person leaves the segment, or the send is refused; e-mail ends: the send is."""
    world = abandoned(Purpose(id=purpose, expires_after=f"{minutes}m"))
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    world.pass_time(HOUR if minutes >= 20 else 0, sending=False)
    world.pass_time(HOUR)
    assert world.sender.posts == []
    assert {state for state, _ in outcomes(world)} <= {"not_sent"}
    if minutes > 18:
        assert outcomes(world) == [("not_sent", "expired")]


def test_a_grant_that_lasts_a_little_longer_does_not_stop_it() -> None:
    world = abandoned(*(Purpose(id=name, expires_after="30m") for name in ("email", "personalization")))
    world.pass_time(DUE + GRACE + MINUTE)
    assert outcomes(world) == [("delivered", "")]


@pytest.mark.parametrize("seed", seeds(20))
def test_crashes_and_redeliveries_change_nothing_of_when_a_stay_ends(seed: int) -> None:
    rough = Schedule(again=0.3, zombie=0.02, parallel=1)
    world = World(Purpose(id="personalization", expires_after="1h"), VIEWED, seed=seed, schedule=rough)
    world.send(event(message_id="view", identifiers=ME))
    world.settle()
    world.pass_time(2 * HOUR)
    [state] = world.states()
    assert state["memberships"]["seen"][:2] == [NOW, NOW + HOUR]


def test_a_grant_that_begins_and_ends_within_one_batch_ends_its_stays() -> None:
    world = World(Purpose(id="personalization", expires_after="1h"), VIEWED)
    world.time.now = NOW + 3 * HOUR
    stored = {"analytics": True}
    world.send(event(message_id="1", identifiers=ME, consent=stored))
    world.send(consent_event({"personalization": True}, identifiers=ME, time=NOW + MINUTE))
    world.send(event("Page", message_id="2", identifiers=ME, consent=stored, time=NOW + 2 * HOUR))
    world.settle()
    [state] = world.states()
    assert state["memberships"]["seen"][:2] == [NOW + MINUTE, NOW + MINUTE + HOUR]


def test_a_new_notice_that_asks_again_ends_what_was_agreed_to_before() -> None:
    notices = (Notice(version="1", since="2024-01-01"), Notice(version="2", since="2025-06-16", asks_again=True))
    since = 1_750_032_000_000
    working, compiled = living(Purpose(id="personalization", notices=notices))
    assert members(compiled, working.profile, since - 1) == ["mailed", "seen"]
    assert members(compiled, working.profile, since) == []
    assert next_due(compiled, working.profile) == since
    advance(compiled, working.profile, since + 5)
    assert {stay.left_at for stay in working.profile.memberships.values()} == {since}


# ------------------------------------------------------------------------------------------------------- jurisdictions

AMERICAN = tuple(
    Purpose(id=name, jurisdictions={"US": "opt_out"}) for name in ("analytics", "personalization", "email")
)


def somewhere(country: str, name: str = "Product Viewed", **overrides: Any) -> Event:
    context = {"location": {"country": country}} if country else {}
    return event(name, **({"identifiers": ME, "consent": None, "context": context} | overrides))


@pytest.mark.parametrize(("country", "stored"), [("US", 1), ("USA", 1), ("DE", 0), ("United States", 0), ("", 0)])
def test_who_said_nothing_is_stored_and_counted_in_where_the_policy_permits_it(country: str, stored: int) -> None:
    world = World(*AMERICAN, VIEWED)
    world.send(somewhere(country))
    world.settle()
    assert len(world.states()) == stored
    if stored:
        [state] = world.states()
        assert "seen" in state["memberships"]
        assert "consent" not in state


def test_a_source_says_where_its_people_are_when_an_event_does_not() -> None:
    world = World(*AMERICAN, source(country="US"))
    world.send(somewhere(""))
    world.send(somewhere("DE", identifiers=identifiers(anonymous_id="other")))
    world.settle()
    assert [state["events"] for state in world.states()] == [1]


def test_a_message_leaves_under_a_policy_and_not_after_an_objection() -> None:
    for objects in (False, True):
        world = World(*AMERICAN)
        world.send(somewhere("US", "Product Added", message_id="add", properties=CART))
        world.pass_time(DUE + GRACE + MINUTE, sending=False)
        if objects:
            world.send(consent_event({"email": False}, identifiers=ME, time=world.time.now))
            world.settle(sending=False)
        world.settle()
        assert outcomes(world) == ([("not_sent", "no_consent")] if objects else [("delivered", "")])


@pytest.mark.parametrize("agreed", [None, {"analytics": True}])
def test_who_moves_to_where_they_must_be_asked_leaves_all_segments_then(agreed: dict[str, bool] | None) -> None:
    """Also if nothing may be kept of the event that tells it."""
    world = World(*AMERICAN, VIEWED)
    world.send(somewhere("US", message_id="1", consent=agreed))
    world.time.now += MINUTE
    moved = world.time.now
    traits = {"country": "DE"}
    world.send(somewhere("US", message_id="2", type="identify", name="", traits=traits, consent=agreed, time=moved))
    world.settle()
    [state] = world.states()
    assert state["memberships"]["seen"][:2] == [NOW, moved]
    assert state["events"] == (2 if agreed else 1)
    assert ("traits" in state) is bool(agreed)
    world.send(somewhere("", message_id="3", time=moved + 1), received_at=moved + 1)
    world.settle()
    assert [state["events"] for state in world.states()] == [3 if agreed else 1]


@pytest.mark.parametrize("told", [{"context": {"location": {"country": "US"}}}, {"traits": {"country": "US"}}])
@pytest.mark.parametrize("again", [False, True])
def test_a_strangers_browser_moves_nobody_to_where_they_need_not_be_asked(told: dict[str, Any], again: bool) -> None:
    """Bob is bound to his tablet; somebody else names his address."""
    world = World(*AMERICAN, VIEWED)
    bob = identifiers(anonymous_id="tablet", email="bob@example.com")
    agreed = {"analytics": True}
    world.send(event(message_id="1", identifiers=bob, consent=agreed), trusted=False)
    stranger = identifiers(anonymous_id="strange", email="bob@example.com")
    world.time.now += MINUTE
    fields: dict[str, Any] = {"identifiers": stranger, "consent": agreed, "time": world.time.now, **told}
    world.send(event("", type="identify", message_id="2", **fields), trusted=False)
    if again:
        world.time.now += MINUTE
        home: dict[str, Any] = {"context": {"location": {"country": "DE"}}}
        world.send(event(message_id="3", identifiers=bob, consent=agreed, time=world.time.now, **home), trusted=True)
    world.settle()
    for item in world.live_items():
        profile = decode_profile(item.state)
        if any(link.identifier.value == "tablet" for link in profile.links.values()):
            policies = compile_segments(world._definitions.current()).policies
            assert "personalization" not in policies.standing(profile)


@pytest.mark.parametrize("seed", seeds(20))
def test_where_somebody_is_does_not_depend_on_what_arrives_first(seed: int) -> None:
    rng = Random(seed)
    sent = [
        somewhere(
            rng.choice(["US", "US", "DE"]), message_id=f"m{n}", time=NOW + n * MINUTE, consent={"analytics": True}
        )
        for n in range(6)
    ]
    found = []
    for order in (sent, rng.sample(sent, len(sent))):
        world = World(*AMERICAN, VIEWED)
        world.time.now = NOW + HOUR
        for one in order:
            world.send(one, received_at=NOW + HOUR)
        world.settle()
        [item] = world.live_items()
        profile = decode_profile(item.state)
        compiled = compile_segments(world._definitions.current())
        found.append((profile.place, members(compiled, profile, NOW + HOUR)))
    assert found[0] == found[1]
    newest = sent[-1].context["location"]["country"]
    assert ("seen" in found[0][1]) is (newest == "US")


# -------------------------------------------------------------------------------------------------------- restriction


def restriction(at: int, *, ends: bool = False) -> Event:
    return consent_event({RESTRICTION: ends}, identifiers=ME, time=at, message_id=f"restriction-{at}")


def test_who_is_restricted_is_stored_and_used_for_nothing_until_it_ends() -> None:
    world = World(VIEWED)
    world.send(event(message_id="1", identifiers=ME))
    world.settle()
    world.time.now += MINUTE
    began = world.time.now
    world.send(restriction(began))
    world.send(event(message_id="2", identifiers=ME, time=began + 1, properties={"product_id": "p", "price": 5}))
    world.settle()
    [state] = world.states()
    assert state["events"] == 2
    assert state["memberships"]["seen"][:2] == [NOW, began]
    row = next(one for one in map(json.loads, world.lake.rows) if one["message_id"] == "2")
    assert (row["verdict"], row.get("properties", {})) == ("applied", {})
    world.time.now += MINUTE
    ended = world.time.now
    world.send(restriction(ended, ends=True))
    world.settle()
    [state] = world.states()
    assert state["memberships"]["seen"][0] == ended
    assert state["memberships"]["seen"][1] is None


@pytest.mark.parametrize("held", [True, False])
def test_a_restriction_stops_a_message_on_its_way(held: bool) -> None:
    world = abandoned()
    world.pass_time(DUE + GRACE + MINUTE, sending=False)
    if held:
        [key] = [world.pseudonyms.key(identifier) for identifier in ME]
        world.holds.place(key, {RESTRICTION: world.time.now}, world.time.now // 1_000 + 86_400)
    else:
        world.send(restriction(world.time.now))
        world.settle(sending=False)
    world.settle()
    assert outcomes(world)[0] == ("not_sent", "restricted")
    assert world.sender.posts == []


def test_no_statement_of_a_client_ends_a_restriction() -> None:
    world = World()
    world.send(event(message_id="1", identifiers=ME))
    world.send(restriction(NOW))
    world.time.now += MINUTE
    world.send(event(PREFERENCE_UPDATE, message_id="2", identifiers=ME, consent={RESTRICTION: True}))
    world.settle()
    [state] = world.states()
    assert state["consent"][RESTRICTION][0] is False


def test_of_two_who_turn_out_to_be_one_a_restriction_of_either_stands() -> None:
    world = World(VIEWED)
    world.send(event(message_id="1", identifiers=ME))
    world.send(restriction(NOW))
    other = identifiers(user_id="u")
    world.send(event(message_id="2", identifiers=other))
    world.settle()
    world.time.now += MINUTE
    world.send(event(message_id="3", identifiers=identifiers(anonymous_id="me", user_id="u"), time=world.time.now))
    world.settle()
    [state] = world.states()
    assert state["consent"][RESTRICTION][0] is False
    assert all(stay[1] is not None for stay in state["memberships"].values())


# ----------------------------------------------------------------------------------------------- counted as nobody's


def test_what_may_not_be_stored_may_be_counted_as_nobodys() -> None:
    world = World(Purpose(id="analytics", without="keep_unidentified"))
    said = {"product_id": "p1", "price": 5, "order_id": "o-77", "cart_id": "c-9", "note": "Ada"}
    refused = event(message_id="m-ada", identifiers=ME, consent={"analytics": False}, properties=said)
    world.send(refused, origin=Origin.CLIENT)
    world.settle()
    [row] = [json.loads(one) for one in world.lake.rows]
    assert (row["verdict"], row["reason"], row["event"]) == ("dropped", "unidentified", "Product Viewed")
    assert row["properties"] == {"product_id": "p1", "price": 5}
    assert row["time"] == refused.time - refused.time % HOUR
    for trace in ("m-ada", "o-77", "c-9", "Ada", refused.fingerprint):
        assert trace not in json.dumps(row)
    assert row.get("profile_id", "") == ""
    assert "sealed" not in row
    assert world.states() == []


def test_two_rows_of_nobody_do_not_say_that_they_are_of_one_request_and_are_counted_all_the_same() -> None:
    world = World(Purpose(id="analytics", without="keep_unidentified"))

    def refuse(*names: str) -> None:
        events = [event(message_id=one, identifiers=ME, consent={"analytics": False}) for one in names]
        world.send(*events, origin=Origin.CLIENT)
        world.settle()

    refuse("1", "2")
    world.time.now += SECOND
    refuse("1", "3")
    rows = [json.loads(one) for one in world.lake.rows]
    assert len({(one["message_id"], one.get("copy", 0)) for one in rows}) == 4
    for one in rows:
        del one["message_id"], one["copy"]
    assert all(one == rows[0] for one in rows)
    assert all(rows[0][name] % HOUR == 0 for name in ("received_at", "processed_at", "time"))
    with contextlib.closing(LakeOfTests()) as lake:
        lake.arrive(*world.lake.rows)
        lake.compact()
        [counted] = lake.ledger()["sources"]
        assert (counted["received"], counted["dropped"], counted["duplicate"]) == (4, {"unidentified": 3}, 1)
        assert len(lake.table()) == 3


def test_a_stay_that_a_policy_took_is_told_as_an_exit() -> None:
    working, compiled = living(*AMERICAN, consent=None, context={"location": {"country": "US"}})
    profile = working.profile
    assert members(compiled, profile, NOW) == ["mailed", "seen"]
    stricter = compile_segments(snapshot((VIEWED, MAILED)))
    assert members(stricter, profile, NOW) == []
    profile.as_of = NOW + 5
    assert {(change.segment, change.at) for change in evaluate(stricter, profile)} == {
        ("mailed", NOW + 5),
        ("seen", NOW + 5),
    }


def test_a_grant_without_an_end_never_ends() -> None:
    working, compiled = living()
    assert next_due(compiled, working.profile) is None
    assert members(compiled, replace(working.profile), NOW + 9_999 * DAY) == ["mailed", "seen"]
