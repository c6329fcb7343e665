"""An erasure that takes more actions than a transaction has, cut off after any of its parts."""

from __future__ import annotations

import msgspec

from attune.domain.identifiers import Identifier
from attune.ports import Claim, Commit
from attune.use_cases.profiles.find_profiles import find, markers
from tests.builders import HOUR, event
from tests.faults.erasing import erase_event
from tests.faults.wires import BreakAt, Fault, Moment, Steady, Wire
from tests.faults.world import World

USER = Identifier("user_id", "ada")
DEVICES = tuple(Identifier("anonymous_id", f"device-{n}") for n in range(49))
TOKENS = tuple(Identifier("cart_token", f"token-{n}") for n in range(50))
#: as many people, each with one number that a shop gave out
PEOPLE = tuple(Identifier("loyalty_id", f"card-{n:03}") for n in range(100))
COMMIT = "process_events.profiles.commit"


def many_identifiers(wire: Wire) -> World:
    """One person of a hundred."""
    world = World(wire=wire)
    for part in (DEVICES[:25], DEVICES[25:], TOKENS[:25], TOKENS[25:]):
        world.send(event(identifiers=(USER, *part)))
    world.settle()
    world.send(erase_event(USER, time=world.time.now), received_at=world.time.now)
    return world


def many_people(wire: Wire) -> World:
    """A hundred people that one word names, some of whom nobody knows."""
    world = World(wire=wire)
    for one in PEOPLE[:95]:
        world.send(event(identifiers=(one,)))
    world.settle()
    world.send(erase_event(*PEOPLE, time=world.time.now), received_at=world.time.now)
    return world


def parts(steady: Steady, before: int) -> list[int]:
    return [place for place, name in enumerate(steady.calls) if name == COMMIT and place >= before]


def begun(steady: Steady, world: World) -> list[int]:
    """Where the parts of the erasure are committed."""
    before = len(steady.calls)
    world.settle()
    return parts(steady, before)


def test_an_erasure_of_many_identifiers_is_cut_off_after_any_part() -> None:
    steady = Steady()
    places = begun(steady, many_identifiers(steady))
    assert len(places) == 2
    for place in places:
        for moment in Moment:
            world = many_identifiers(BreakAt(place, Fault.CRASH, moment))
            world.settle()
            keys = [world.pseudonyms.key(one) for one in (USER, *DEVICES, *TOKENS)]
            known = world.profiles.identities(keys, consistent=True)
            assert min(one.erased_at for one in known.values()) > 0
            assert len(known) == len(keys)
            assert [bool(item.erased_at) for item in world.profiles.all_items()] == [True]


def test_an_erasure_that_names_many_is_cut_off_after_any_part() -> None:
    steady = Steady()
    places = begun(steady, many_people(steady))
    assert len(places) == 3
    for place in places:
        for moment in Moment:
            world = many_people(BreakAt(place, Fault.CRASH, moment))
            world.settle()
            keys = {world.pseudonyms.key(one) for one in PEOPLE}
            assert find(world.profiles, keys, consistent=True) == {}
            assert markers(world.profiles, keys, consistent=True).keys() == keys
            world.time.now += HOUR
            world.send(event(identifiers=PEOPLE[:1], time=world.time.now - 2 * HOUR), received_at=world.time.now)
            world.settle()
            assert find(world.profiles, keys, consistent=True) == {}


def test_what_a_word_that_was_cut_off_has_marked_another_word_still_finds() -> None:
    world = World()
    world.send(event(identifiers=(USER, DEVICES[0])))
    world.settle()
    key, now = world.pseudonyms.key(DEVICES[0]), world.time.now
    read = world.profiles.identities([key], consistent=True)[key]
    marked = msgspec.structs.replace(read, erased_at=now)
    world.profiles.commit(Commit(items=(), claims=(Claim(identity_key=key, read=read, identity=marked),)))
    world.send(erase_event(DEVICES[0], time=now), received_at=now)
    world.settle()
    assert [bool(item.erased_at) for item in world.profiles.all_items()] == [True]
