"""Traits, windows and counters are equal under any order, duplication and batching; what windows and counters say is
what happened.

Links are fixed before: which identifiers belong together depends on order by design.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from attune.domain.events import Event
from attune.domain.profiles import carts
from attune.domain.profiles.carts import Cart
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from tests.builders import DAY, HOUR, MINUTE, NOW, event, identifiers
from tests.faults import oracles
from tests.faults.effort import LONG, examples
from tests.faults.world import World

#: every run tries the same examples; more of them with ATTUNE_FAULTS=long
fixed = settings(
    derandomize=True,
    max_examples=examples(60),
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink) if LONG else (Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

START = NOW - 60 * HOUR
FIRST = START - 3 * HOUR
WINDOW, CART_TIMER = DAY, 15 * MINUTE
ME = {"anonymous_id": "me", "user_id": "u-me"}
#: few distinct instants close to each other and to the window's width, so that edges meet
instants = st.builds(
    lambda hours, offset: START + hours * HOUR + offset,
    st.sampled_from([0, 1, 12, 23, 24, 25, 36, 48]),
    st.integers(-1, 1),
)
CART_EVENTS = ("Product Added", "Product Removed", "Cart Viewed", "Order Completed")
lines = st.fixed_dictionaries(
    {"product_id": st.sampled_from(["p", "q", "r"]), "quantity": st.integers(1, 3)},
    optional={"price": st.sampled_from([5, 10])},
)
contents = st.lists(lines, max_size=3, unique_by=lambda line: line["product_id"])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """One event of one person, by one or both of the identifiers that are already theirs."""
    name = draw(st.sampled_from(["Product Viewed", "Product Viewed", *CART_EVENTS]))
    number = draw(st.integers(0, 10**9))
    claimed = draw(st.sampled_from([ME, {"anonymous_id": "me"}, {"user_id": "u-me"}]))
    cart: dict[str, Any] = {} if name == "Product Viewed" else {"cart_id": draw(st.sampled_from(["c1", "c2"]))}
    if name in {"Product Added", "Product Removed"}:
        cart |= draw(lines)
    elif name == "Cart Viewed":
        cart |= draw(st.fixed_dictionaries({}, optional={"products": contents, "currency": st.just("EUR")}))
    elif name == "Order Completed":
        cart |= draw(st.fixed_dictionaries({}, optional={"total": st.sampled_from([7, 19.99, "0.35", 250.5])}))
    traits = draw(
        st.dictionaries(st.sampled_from(["name", "city"]), st.one_of(st.none(), st.integers(0, 3)), max_size=2)
    )
    return event(
        name,
        message_id=f"m{number}",
        time=draw(instants),
        identifiers=identifiers(**claimed),
        properties=cart,
        traits=traits,
    )


histories = st.lists(events(), min_size=1, max_size=14, unique_by=lambda one: one.message_id)
#: no two events in one millisecond, where each of them would be an instant of its own
histories_of_instants = st.lists(
    events(), min_size=1, max_size=14, unique_by=(lambda one: one.time, lambda one: one.message_id)
)


def linked_world(**world: Any) -> World:
    made = World(**world)
    made.time.now = FIRST
    made.send(event("Signed Up", message_id="first", time=made.time.now, identifiers=identifiers(**ME)))
    made.settle()
    return made


def delivered(history: list[Event], rng: Random, *, shuffled: bool, repeated: bool, shards: int) -> dict[str, Any]:
    """The profile after the history came in some order, in some batches, with some repeats."""
    world = linked_world(seed=rng.randint(0, 10**6), shards=shards)
    world.time.now = NOW
    sends = list(history)
    if shuffled:
        rng.shuffle(sends)
    if repeated:
        sends += rng.choices(sends, k=len(sends) // 2)
    while sends:
        # a request holds events of one partition key
        size = rng.randint(1, 3)
        request, sends = sends[:size], sends[size:]
        keys = {one.identifiers[0]: [e for e in request if e.identifiers[0] == one.identifiers[0]] for one in request}
        for one in keys.values():
            world.send(*one)
        if rng.random() < 0.5:
            world.settle()
    world.settle()
    [state] = world.states()
    return state


def stated(state: dict[str, Any]) -> dict[str, Any]:
    """What is promised to be equal: traits, windows, counters, activity, and the timers, carts and truth that go
    with them.
    """
    timers = {slot: {key: timer[:2] for key, timer in keys.items()} for slot, keys in state.get("timers", {}).items()}
    inside = sorted(name for name, stay in state.get("memberships", {}).items() if stay[1] is None)
    return {
        "traits": state.get("traits", {}),
        "windows": state.get("windows", {}),
        "counters": (state["events"], state["first_seen"], state["last_seen"]),
        "activity": state["activity"],
        "timers": timers,
        "inside": inside,
        "carts": state.get("carts", {}),
    }


@fixed
@given(history=histories, seed=st.integers(0, 10**6), shards=st.integers(1, 3))
def test_any_order_duplication_and_batching_ends_in_the_same_state(
    history: list[Event], seed: int, shards: int
) -> None:
    straight = delivered(history, Random(seed), shuffled=False, repeated=False, shards=1)
    rough = delivered(history, Random(seed), shuffled=True, repeated=True, shards=shards)
    assert stated(rough) == stated(straight)


@fixed
@given(history=histories_of_instants, seed=st.integers(0, 10**6))
def test_a_cart_holds_what_was_last_listed_put_in_and_taken_out_in_any_order(history: list[Event], seed: int) -> None:
    state = delivered(history, Random(seed), shuffled=True, repeated=True, shards=2)
    stored = {name: carts.view(cart) for name, cart in msgspec.convert(state.get("carts", {}), dict[str, Cart]).items()}
    happened = [oracles.Happening(one.time, one.name, one.properties) for one in history]
    for name in ("c1", "c2"):
        lying = {line["product_id"]: line["quantity"] for line in stored.get(name, {"products": []})["products"]}
        assert lying == oracles.cart_contents(happened, name)


@fixed
@given(history=histories, seed=st.integers(0, 10**6), shards=st.integers(1, 3))
def test_activity_is_what_was_done_in_any_order_duplication_and_batching(
    history: list[Event], seed: int, shards: int
) -> None:
    state = delivered(history, Random(seed), shuffled=True, repeated=True, shards=shards)
    happened = [oracles.Happening(one.time, one.name, one.properties) for one in history]
    assert state["activity"] == oracles.counted([oracles.Happening(FIRST, "Signed Up"), *happened])


# --------------------------------------------------------------------------------------------- truth over time


def truth(history: list[Event], at: int) -> set[str]:
    """Which segments, and for carts which keys, hold at `at`: from the raw events."""
    viewed = [one.time for one in history if one.name == "Product Viewed"]
    holding = {"keen"} if oracles.did_within(viewed, 4, WINDOW, at) else set()
    for cart in ("c1", "c2"):
        added, ordered = (
            [one.time for one in history if one.name in names and one.properties["cart_id"] == cart]
            for names in (("Product Added", "Cart Viewed"), ("Order Completed",))
        )
        if oracles.is_abandoned(added, ordered, CART_TIMER, at):
            holding.add(f"abandoned_cart\x1f{cart}")
    return holding


def stays(world: World) -> dict[str, tuple[int, int | None]]:
    [state] = world.states()
    return {name: (stay[0], stay[1]) for name, stay in state.get("memberships", {}).items()}


def inside(world: World) -> set[str]:
    return {name for name, (_, left_at) in stays(world).items() if left_at is None}


def critical(history: list[Event]) -> list[int]:
    return oracles.critical_instants([one.time for one in history], (WINDOW, CART_TIMER))


def live(history: list[Event]) -> Iterator[tuple[World, int, list[Event]]]:
    """Everything as it happens, each event at its time; stops at every critical instant, before and after it."""
    world = linked_world(tick=0)
    waiting = sorted(history, key=lambda one: one.time)
    done: list[Event] = []
    for instant in critical(history):
        world.time.now = instant
        while waiting and waiting[0].time <= instant:
            done.append(waiting.pop(0))
            world.send(done[-1])
        world.wake()
        world.settle()
        yield world, instant, done


@fixed
@given(history=histories)
def test_live_memberships_are_the_truth_of_the_raw_events_at_every_instant(history: list[Event]) -> None:
    for world, instant, done in live(history):
        assert inside(world) == truth(done, instant), instant - START


def _views(*hours: int) -> list[Event]:
    return [event("Product Viewed", time=START + hour * HOUR, identifiers=identifiers(**ME)) for hour in hours]


@fixed
@given(history=histories_of_instants)
@example(history=_views(0, 1, 12, 23, 24))
def test_entries_and_exits_carry_the_instants_at_which_the_truth_turned(history: list[Event]) -> None:
    """Also where an event comes at the very instant at which the window slides: then nothing turns."""
    turns = sorted({FIRST, *critical(history)})
    for world, instant, done in live(history):
        for name, (entered_at, left_at) in stays(world).items():
            now = name in truth(done, instant)
            since = oracles.true_since(
                lambda at, name=name, now=now, done=done: (name in truth(done, at)) is now, turns, instant
            )
            assert (entered_at if left_at is None else left_at) == since, (name, instant - START)
            assert (left_at is None) is now


@fixed
@given(history=histories, seed=st.integers(0, 10**6))
def test_events_in_any_order_leave_the_truth_of_all_that_arrived(history: list[Event], seed: int) -> None:
    """At every critical instant from now on, whatever came late."""
    arriving = list(history)
    Random(seed).shuffle(arriving)
    world = linked_world(tick=0)
    world.time.now = max(one.time for one in history)
    for number, one in enumerate(arriving, 1):
        world.send(one)
        world.settle()
        assert inside(world) == truth(arriving[:number], world.time.now)
    for instant in critical(history):
        if instant > world.time.now:
            world.time.now = instant
            world.wake()
            world.settle()
            assert inside(world) == truth(history, instant), instant - START


@fixed
@given(history=histories)
def test_campaigns_hear_of_each_stay_once_and_of_its_end_once(history: list[Event]) -> None:
    world = linked_world()
    for made, _, _ in live(history):
        world = made
    told = [change for image in world.profiles.images() for change in image.outbox]
    assert len(told) == len(set(told))
    for name in {(change.segment, change.key) for change in told}:
        heard = [change for change in told if (change.segment, change.key) == name]
        if name[0] == "abandoned_cart":
            continue  # a cart is told once until an order closes it: test_a_cart_is_told_once
        kinds = [type(change) for change in heard]
        assert kinds == [SegmentEntered, SegmentLeft] * (len(kinds) // 2) + [SegmentEntered] * (len(kinds) % 2)


@pytest.mark.parametrize("width", [0, 1, 2])
def test_the_oracle_itself_knows_the_edges(width: int) -> None:
    assert oracles.did_within([0], 1, 10, 9)
    assert not oracles.did_within([0], 1, 10, 10)
    assert not oracles.did_within([5], 1, 10, 4)
    assert not oracles.is_abandoned([0], [], 10, 9)
    assert oracles.is_abandoned([0], [], 10, 10 + width)
    assert not oracles.is_abandoned([0], [0], 10, 10 + width)
    assert not oracles.is_abandoned([0, 5], [], 10, 14)
    assert not oracles.is_abandoned([0], [12], 10, 12 + width)
    assert oracles.is_abandoned([0], [12], 10, 11)
