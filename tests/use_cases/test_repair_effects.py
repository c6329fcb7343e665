"""What campaigns should have heard of is decided as they would have: the same ids, the same refusals, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.memory import MemoryDefinitions
from attune.domain.campaigns.deliveries import State
from attune.domain.definitions.kinds import Trigger
from attune.domain.profiles.profile import Membership, Profile
from attune.ports import ProfileItem
from attune.use_cases.repairs.repair_effects import PAGE, Effects, EffectsFailedError, RepairEffects
from tests.builders import DAY, HOUR, NOW, campaign, definition_list, profile_id, vip_segment
from tests.faults.wires import wired
from tests.use_cases.campaign_story import ENTERED, MESSAGE, Story, outbox

SINCE = NOW - HOUR
MEMBER = f"{ENTERED.segment}\x1f{ENTERED.key}"
TOLD = {MEMBER: Membership(entered_at=NOW, announced=True)}


class Desk:
    """The story of an abandoned cart, of which the campaigns have not heard."""

    def __init__(self, *more: Any, **story: Any) -> None:
        self.story = Story(*more, **story)
        self.slept: list[float] = []
        self.keep()

    def keep(self, number: int = 1, **overrides: Any) -> None:
        self.story.store(self.shopper(number, **overrides))

    def shopper(self, number: int = 1, **overrides: Any) -> Profile:
        return self.story.shopper(number, **({"memberships": TOLD} | overrides))

    def repair(
        self, so_far: Effects | None = None, *, since: int = SINCE, dry_run: bool = False, time_for: int = 1_000
    ) -> Effects:
        story, left = self.story, iter(range(time_for))
        has_time: Callable[[], bool] = lambda: next(left, None) is not None  # noqa: E731
        return RepairEffects(
            everybody=story.profiles,
            circumstances=story._circumstances(),
            definitions=story.definitions,
            store=wired(story.wire, "deliveries", story.deliveries),
            queue=wired(story.wire, "queue", story.queue),
            sleep=self.slept.append,
            count=lambda name, _, dimensions: story.counted.append((name, dict(dimensions))),
        )(since, so_far or Effects(), dry_run=dry_run, has_time=has_time)


def test_a_lost_entry_is_claimed_under_the_id_that_the_live_path_gives_it() -> None:
    desk, live = Desk(), Story()
    done = desk.repair()
    assert (done.done, done.profiles, done.entries, done.claimed) == (True, 1, 1, 1)
    assert desk.story.one() == live.claimed()
    assert desk.story.queue.messages == live.queue.messages


def test_a_second_repair_changes_nothing() -> None:
    desk = Desk()
    desk.repair()
    desk.story.deliver()
    delivered = desk.story.one()
    assert delivered.state is State.DELIVERED
    again = desk.repair()
    assert (again.entries, again.claimed, again.not_sent, again.enqueued) == (1, 0, 0, 0)
    assert desk.story.one() == delivered
    assert len(desk.story.queue.messages) == 1


def test_what_the_live_path_has_claimed_is_put_on_the_queue_again_and_not_made_again() -> None:
    desk = Desk()
    assert desk.story.run(outbox()) == []
    claimed = desk.story.one()
    desk.story.now += 1
    done = desk.repair()
    assert (done.claimed, done.enqueued) == (0, 1)
    assert desk.story.one() == claimed
    assert desk.story.queue.messages == [(claimed.profile_id, claimed.delivery_id)] * 2


def test_the_live_path_that_comes_late_finds_what_the_repair_claimed() -> None:
    desk = Desk()
    desk.repair()
    claimed = desk.story.one()
    desk.story.run(outbox())
    assert desk.story.one() == claimed


def order(desk: Desk) -> None:
    ordered = desk.shopper()
    next(iter(ordered.timers.values()))["cart-1"].without = desk.story.now
    desk.story.store(ordered)


def withdraw(desk: Desk) -> None:
    desk.story.withdraw()
    shopper = desk.shopper()
    email = type(shopper.consent["email"])(False, desk.story.now, "shop")
    desk.keep(consent=shopper.consent | {"email": email})


def hold(desk: Desk) -> None:
    [key] = desk.shopper().links
    desk.story.holds.place(key, {"email": desk.story.now}, desk.story.now + DAY)


@pytest.mark.parametrize(("meanwhile", "reason"), [(order, "left_segment"), (withdraw, "no_consent"), (hold, "held")])
def test_what_speaks_against_it_by_now_is_the_decision(meanwhile: Callable[[Desk], None], reason: str) -> None:
    desk = Desk()
    meanwhile(desk)
    done = desk.repair()
    assert (done.claimed, done.not_sent) == (0, 1)
    decided = desk.story.one()
    assert (decided.state, decided.reason, desk.story.queue.messages) == (State.NOT_SENT, reason, [])


def test_what_stops_it_between_repair_and_sending_stops_it() -> None:
    desk = Desk()
    desk.repair()
    order(desk)
    desk.story.deliver()
    assert (desk.story.one().reason, desk.story.sender.posts) == ("left_segment", [])


def test_a_campaign_that_is_gone_starts_nothing() -> None:
    desk = Desk()
    [(version, _)] = desk.story.definitions.versions("campaign")
    desk.story.definitions.delete("campaign", "cart_reminder", read_version=version)
    assert desk.repair().entries == 1
    assert desk.story.deliveries.all() == []


def test_a_campaign_that_came_after_the_entry_does_not_start_for_it() -> None:
    desk = Desk()
    desk.story.definitions = MemoryDefinitions(
        definition_list(campaign(message=MESSAGE), campaign(id="newer")), clock=lambda: NOW + 1
    )
    assert (desk.repair().claimed, desk.story.deliveries.all()) == (0, [])
    desk.keep(memberships={MEMBER: Membership(entered_at=NOW + 1, announced=True)})
    assert desk.repair().claimed == 2


@pytest.mark.parametrize(
    "stay",
    [
        Membership(entered_at=NOW),
        Membership(entered_at=NOW, left_at=NOW + 1, announced=True),
        Membership(entered_at=SINCE - 1, announced=True),
        Membership(entered_at=NOW, announced=True, told=("", 0)),
    ],
    ids=["never told", "ended", "entered before", "told to nobody"],
)
def test_an_entry_that_is_not_for_the_repair_is_left_alone(stay: Membership) -> None:
    desk = Desk()
    desk.keep(memberships={MEMBER: stay})
    assert desk.repair().entries == 0
    assert desk.story.deliveries.all() == []


def test_the_first_instant_that_counts_is_within() -> None:
    assert Desk().repair(since=NOW).entries == 1
    assert Desk().repair(since=NOW + 1).entries == 0


def test_every_key_and_every_campaign_has_its_own() -> None:
    desk = Desk(campaign(id="second", message=MESSAGE))
    keyed = next(iter(desk.shopper().timers))
    timer = desk.shopper().timers[keyed]["cart-1"]
    stays = {f"abandoned_cart\x1f{cart}": Membership(entered_at=NOW, announced=True) for cart in ("cart-1", "cart-2")}
    desk.keep(memberships=stays, timers={keyed: {"cart-1": timer, "cart-2": timer}})
    assert (desk.repair().entries, len(desk.story.deliveries.all())) == (2, 4)
    assert {(one.campaign, one.cause.key) for one in desk.story.deliveries.all()} == {
        (name, cart) for name in ("cart_reminder", "second") for cart in ("cart-1", "cart-2")
    }


def test_a_segment_without_keys_is_told_as_well() -> None:
    desk = Desk(vip_segment(), campaign(id="welcome", trigger=Trigger(segment="vip")))
    desk.keep(memberships={"vip": Membership(entered_at=NOW, announced=True)})
    desk.repair()
    assert [(one.campaign, one.cause.segment, one.cause.key) for one in desk.story.deliveries.all()] == [
        ("welcome", "vip", "")
    ]


def test_tombstones_hold_nothing() -> None:
    desk = Desk()
    desk.story.commit(ProfileItem(profile_id=profile_id(2), version=1, merged_into=profile_id(1)))
    done = desk.repair()
    assert (done.profiles, done.entries) == (2, 1)


def test_everybody_is_met_once_page_by_page_and_the_table_is_read_gently() -> None:
    desk = Desk()
    for number in range(2, PAGE + 2):
        desk.keep(number, memberships={})
    done = desk.repair()
    assert (done.done, done.profiles, len(desk.slept)) == (True, PAGE + 1, 1)


def test_an_invocation_ends_in_time_and_the_next_goes_on_behind_it() -> None:
    desk = Desk()
    for number in range(2, PAGE + 2):
        desk.keep(number)
    first = desk.repair(time_for=0)
    assert (first.done, first.profiles) == (False, PAGE)
    second = desk.repair(first, time_for=0)
    assert (second.done, second.profiles, second.entries, second.claimed) == (True, PAGE + 1, PAGE + 1, PAGE + 1)


class Out:
    """Calls of this name are out of reach, after so many."""

    def __init__(self, name: str, after: int = 0) -> None:
        self.name, self.after = name, after

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        if name.startswith(self.name):
            self.after -= 1
            if self.after < 0:
                raise ConnectionError(name)
        return call()


@pytest.mark.parametrize("port", ["profiles", "holds", "deliveries", "queue"])
def test_what_is_out_of_reach_fails_the_invocation_and_is_made_up_for_by_the_next(port: str) -> None:
    desk = Desk()
    out = Out(port)
    desk.story.wire = out
    with pytest.raises(EffectsFailedError):
        desk.repair()
    out.after = 1_000
    assert desk.repair().done
    assert desk.story.one().state is State.CLAIMED
    assert desk.story.queue.messages == [(desk.story.one().profile_id, desk.story.one().delivery_id)]


def test_pages_that_were_done_before_something_was_out_of_reach_are_told() -> None:
    desk = Desk()
    for number in range(2, PAGE + 2):
        desk.keep(number)
    desk.story.wire = Out("deliveries", PAGE)
    partly = desk.repair()
    assert (partly.done, partly.profiles, partly.claimed) == (False, PAGE, PAGE)


def test_a_dry_run_tells_what_would_be_made_and_changes_nothing() -> None:
    desk = Desk()
    told = desk.repair(dry_run=True)
    assert (told.done, told.entries, told.claimed) == (True, 1, 1)
    assert (desk.story.deliveries.all(), desk.story.queue.messages, desk.story.counted) == ([], [], [])
    desk.repair()
    desk.story.now += 1
    again = desk.repair(dry_run=True)
    assert (again.claimed, again.enqueued, len(desk.story.queue.messages)) == (0, 1, 1)
