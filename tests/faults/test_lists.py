"""What a company said of who is on its lists survives whatever happens to the profile that holds it."""

from __future__ import annotations

import pytest

from attune.domain.definitions.conditions import AllOf, ListTest, Performed
from attune.domain.definitions.kinds import Segment
from attune.domain.events import LIST, Event
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from tests.builders import HOUR, MINUTE, NOW, event
from tests.faults.rebuilding import ME, inside, rebuild_all, the_one, told, write
from tests.faults.world import World

GUESTS = Segment(id="guests", when=ListTest(list="fair_2026"))
KEEN_GUESTS = Segment(
    id="keen_guests",
    when=AllOf(conditions=(ListTest(list="fair_2026"), Performed(event="Product Viewed", within="24h"))),
)


def listed(at: int, *, on: bool, message_id: str = "") -> Event:
    said = {"list": "fair_2026", "on": on}
    return event(
        "", type=LIST, properties=said, identifiers=ME, consent=None, time=at, message_id=message_id or f"l{at}"
    )


@pytest.fixture
def guest() -> World:
    """Looked at something, then came to the fair."""
    world = World(GUESTS, KEEN_GUESTS)
    world.send(event(identifiers=ME, time=NOW - HOUR, traits={"name": "Ada"}))
    world.send(listed(NOW - MINUTE, on=True))
    world.settle()
    return world


def test_a_rebuild_finds_all_events_and_loses_no_list(guest: World) -> None:
    before, heard = the_one(guest), told(guest)
    counts = rebuild_all(guest)
    assert (counts["unchanged"], counts["incomplete"]) == (1, 0)
    spoilt = the_one(guest)
    spoilt.traits = {}
    write(guest, spoilt)
    assert rebuild_all(guest)["rebuilt"] == 1
    after = the_one(guest)
    assert after.lists["fair_2026"].value is True
    assert (after.traits, after.lists, inside(after)) == (before.traits, before.lists, inside(before))
    assert inside(after) == {"guests": NOW - MINUTE, "keen_guests": NOW - MINUTE}
    assert told(guest) == heard


def test_a_segment_that_is_new_dates_a_stay_from_the_list(guest: World) -> None:
    """Nobody was on it before they were put on it, although the view lies earlier."""
    profile = the_one(guest)
    profile.memberships = {}
    write(guest, profile)
    assert rebuild_all(guest)["rebuilt"] == 1
    assert inside(the_one(guest)) == {"guests": NOW - MINUTE, "keen_guests": NOW - MINUTE}


def test_who_was_listed_leaves_by_the_clock_too(guest: World) -> None:
    """The window runs out a day after the view, whenever the list was told of."""
    guest.pass_time(24 * HOUR)
    assert inside(the_one(guest)) == {"guests": NOW - MINUTE}
    assert SegmentLeft("keen_guests", NOW + 23 * HOUR) in told(guest)


def test_the_stream_read_again_says_what_it_said(guest: World) -> None:
    guest.send(listed(NOW + 1, on=False))
    guest.settle()
    guest.send(listed(NOW - 2 * MINUTE, on=True, message_id="late"))
    guest.settle()
    assert inside(the_one(guest)) == {}
    before, heard = the_one(guest), told(guest)
    guest.read_again(batch=1)
    guest.settle()
    assert the_one(guest).lists == before.lists
    assert told(guest) == heard
    assert heard.count(SegmentEntered("guests", NOW - MINUTE)) == 1


def test_nobody_is_counted_as_busier_for_being_listed(guest: World) -> None:
    assert (the_one(guest).events, the_one(guest).last_seen) == (1, NOW - HOUR)
