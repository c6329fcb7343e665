"""Nobody is woken for hours, or nobody reads who is; then it drains: the oldest first, each once, beside live events.

The stream and its reader are a model here, second by second, so that tens of thousands of profiles cost nothing.
`test_everybody_ends_as_if_woken_in_time` drives the real processor.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from attune.adapters.memory import MemoryProfiles
from attune.domain.profiles.timers import DUE_SHARDS
from attune.ports import Commit, Due, Marks
from attune.use_cases.processing.wake_profiles import PATIENCE, SHARE, SLICES, WakeProfiles
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, event, identifiers, profile_item
from tests.faults.effort import examples
from tests.faults.test_timers import Adrift
from tests.faults.wires import BreakAt, Crash, Fault, Moment, wired
from tests.faults.world import LONG_ENOUGH, World

#: records that a shard takes in a second, and that the processor reads
CAPACITY: Final = 1_000
RUN: Final = SHARE * SLICES
#: those who lie in one due shard of 16
NEIGHBOURS: Final = range(3, 3 + 16 * 20_000, 16)


def somebody(number: int = 1) -> str:
    """A profile id; neighbours in number lie in different due shards."""
    return f"{number:08x}".ljust(32, "0")


@dataclass
class Town:
    """A stream of one shard with live events on it, its reader, and everybody who is due, with the instant."""

    due: dict[str, int]
    live: int = 700
    now: int = NOW
    lag: int = 0
    profiles: MemoryProfiles = field(default_factory=MemoryProfiles)
    reads: Callable[[int], bool] = lambda _: True
    #: what lies on the stream: when it was put, live events or somebody who was woken
    waiting: deque[tuple[int, int | str]] = field(default_factory=deque)
    #: who was woken, in order, and how many in each second
    woken: list[str] = field(default_factory=list)
    pace: Counter[int] = field(default_factory=Counter)
    handled: dict[str, int] = field(default_factory=dict)
    #: the longest that a live event lay on the stream, ms
    delay: int = 0

    def __post_init__(self) -> None:
        for one, due_at in self.due.items():
            self.arm(one, due_at)
        self.wake = self.waker()

    def waker(self, **ports: Any) -> WakeProfiles:
        """An instance of the function."""
        ours: dict[str, Any] = {"due": self.profiles, "stream": self, "clock": lambda: self.now, "sleep": self.sleep}
        return WakeProfiles(**(ours | ports), stream_shards=1, count=lambda *_: None)

    def arm(self, one: str, due_at: int | None) -> None:
        [stored] = self.profiles.items([one], consistent=True).values() or [None]
        version = stored.version if stored else None
        item = profile_item(profile_id=one, version=(version or 0) + 1, due_at=due_at)
        self.profiles.commit(Commit(items=((version, item),)))

    def put(self, records: Sequence[tuple[str, bytes]]) -> None:
        self.pace[self.now // SECOND] += len(records)
        self.woken += [key for key, _ in records]
        self.waiting.extend((self.now, key) for key, _ in records)

    def sleep(self, seconds: float) -> None:
        """Live events come, and the processor reads."""
        for _ in range(int(seconds)):
            self.now += SECOND
            self.waiting.append((self.now, self.live))
            self._read()

    def _read(self) -> None:
        room = CAPACITY if self.reads(self.now) else 0
        while room and self.waiting:
            put_at, one = self.waiting.popleft()
            if isinstance(one, str):
                room -= 1
                if self.due[one] <= self.now and one not in self.handled:
                    self.handled[one] = self.now
                    self.arm(one, None)
                continue
            read, room = min(room, one), max(0, room - one)
            self.delay = max(self.delay, self.now - put_at)
            if read < one:
                self.waiting.appendleft((put_at, one - read))

    def pass_minutes(self, minutes: int, wake: Callable[[], Any] | None = None) -> list[int]:
        """How many each run woke."""
        counts = []
        for _ in range(minutes):
            before, begun = len(self.woken), self.now
            (wake or self.wake)()
            counts.append(len(self.woken) - before)
            self.sleep((begun + MINUTE - self.now) // SECOND)
        return counts

    def repeats(self) -> Counter[str]:
        return Counter(self.woken)


def nobody() -> None:
    """The rule is off."""


def over(hours: int, count: int) -> dict[str, int]:
    """So many who come due evenly in these hours."""
    return {somebody(n): NOW + n * hours * HOUR // count for n in range(count)}


def check_pace(town: Town, runs: Iterable[int]) -> None:
    """A fifth of what the stream takes, in any second as in a run."""
    assert max(town.pace.values()) <= CAPACITY // 5
    assert max(runs) <= CAPACITY // 5 * 60


# --------------------------------------------------------------------------------------------------- who is not woken


def test_after_hours_without_wake_ups_all_are_woken_once_the_oldest_first_beside_live_events() -> None:
    town = Town(over(5, 50_000))
    town.now = NOW + 5 * HOUR
    runs = town.pass_minutes(-(-50_000 // RUN))
    check_pace(town, runs)
    assert town.woken == sorted(town.due, key=lambda one: town.due[one])
    assert town.handled.keys() == town.due.keys()
    assert town.delay <= SECOND


@pytest.mark.parametrize("apart", [0, 1, SECOND], ids=["one instant", "a millisecond apart", "a second apart"])
@pytest.mark.parametrize("people", [NEIGHBOURS, range(20_000)], ids=["one due shard", "all due shards"])
def test_a_crowd_is_woken_at_full_pace_wherever_and_whenever_it_is_due(people: Sequence[int], apart: int) -> None:
    """Also while nobody reads: who lies at the instant at which a run has to stop is neither skipped nor repeated."""
    town = Town({somebody(n): NOW + place * apart for place, n in enumerate(people)}, reads=lambda _: False)
    town.now = NOW + DAY
    runs = town.pass_minutes(3)
    assert runs[:2] == [RUN, RUN]
    assert len(set(town.woken[: len(people)])) == len(people)


def test_who_comes_due_while_older_ones_are_still_woken_has_their_turn_after_them() -> None:
    town = Town(over(5, 20_000))
    town.now = NOW + 5 * HOUR
    later = {somebody(n): town.now + n * MINUTE // 10_000 for n in range(20_000, 30_000)}
    town.due |= later
    for one, due_at in later.items():
        town.arm(one, due_at)
    runs = town.pass_minutes(5)
    check_pace(town, runs)
    assert town.woken == sorted(town.due, key=lambda one: town.due[one])
    assert town.handled.keys() == town.due.keys()


# ------------------------------------------------------------------------------------------------------ who is not read


@pytest.mark.parametrize("hours", [1, 5, 20])
def test_while_nobody_reads_the_stream_repeats_do_not_fill_it(hours: int) -> None:
    """Twice more by the overlap; by sweeps five times in the first four hours, then every four hours."""
    town = Town(over(1, 5_000), live=0, reads=lambda _: False)
    runs = town.pass_minutes(hours * 60)
    check_pace(town, runs)
    assert max(town.repeats().values()) <= 1 + 2 + 5 + hours // 4
    town.reads = lambda _: True
    town.pass_minutes(5)
    assert town.handled.keys() == town.due.keys()
    assert not town.waiting


def test_of_a_crowd_that_nobody_reads_only_a_run_s_worth_is_repeated_by_a_sweep() -> None:
    town = Town({somebody(n): NOW for n in range(30_000)}, live=0, reads=lambda _: False)
    town.pass_minutes(5 * 60)
    assert len(set(town.woken)) == 30_000
    assert len(town.woken) <= 30_000 + 3 * RUN + 5 * RUN


def test_after_an_outage_of_the_processor_live_events_have_caught_up_as_soon_as_their_own_number_lets_them() -> None:
    down, hours = NOW + 10 * MINUTE, 3
    town = Town(over(4, 20_000), live=500, reads=lambda now: not down <= now < down + hours * HOUR)
    town.pass_minutes(10 + hours * 60)
    backlog = 500 * hours * 3_600
    wakes = sum(isinstance(one, str) for _, one in town.waiting)
    assert wakes <= 8 * len(town.due)
    town.pass_minutes(-(-(backlog + wakes) // ((CAPACITY - 500 - SHARE) * 60)))
    town.delay = 0
    town.pass_minutes(60)
    assert town.delay <= SECOND
    assert town.handled.keys() == town.due.keys()


# ------------------------------------------------------------------------------------------------- what is not as it is


class LaggingIndex(MemoryProfiles):
    """Shows who was armed only so long after it, and who is gone for as long."""

    def __init__(self) -> None:
        super().__init__()
        self.shown_at: dict[str, int] = {}
        self.now: Callable[[], int] = lambda: 0

    def due(self, shard: int, after: Due, until: int, limit: int) -> list[Due]:
        found = super().due(shard, after, until, 1_000_000)
        return [one for one in found if self.shown_at.get(one.profile_id, 0) <= self.now()][:limit]


@pytest.mark.parametrize(
    ("late", "found_within"), [(SECOND, MINUTE), (90 * SECOND, MINUTE), (10 * MINUTE, 16 * MINUTE)]
)
def test_who_is_shown_late_by_the_index_is_woken_soon_after_it(late: int, found_within: int) -> None:
    index = LaggingIndex()
    town = Town({}, profiles=index)
    index.now = lambda: town.now
    for minute in range(30):
        one = somebody(minute)
        town.due[one] = town.now + SECOND
        index.shown_at[one] = town.due[one] + late
        town.arm(one, town.due[one])
        town.pass_minutes(1)
    town.pass_minutes(30)
    waited = [town.handled[one] - index.shown_at[one] for one in town.due]
    assert max(waited) <= found_within + SECOND


@pytest.mark.parametrize("moved", [None, -DAY, -MINUTE, MINUTE, DAY], ids=str)
def test_marks_that_are_lost_or_wrong_cost_nobody_more_than_a_minute(moved: int | None) -> None:
    town = Town(over(1, 600))
    town.pass_minutes(20)
    marks = town.profiles.marks()
    reached = tuple(Due(mark.due_at + (moved or 0), mark.profile_id) for mark in marks.reached)
    town.profiles.set_marks(
        Marks() if moved is None else Marks(reached=reached, swept_at=marks.swept_at + moved),
    )
    town.pass_minutes(50)
    assert max(at - town.due[one] for one, at in town.handled.items()) <= MINUTE + SECOND
    assert town.repeats() == dict.fromkeys(town.due, 1)
    assert town.handled.keys() == town.due.keys()


@pytest.mark.parametrize("jump", [HOUR, DAY])
def test_a_clock_that_jumps_ahead_and_back_costs_nobody_their_wake_up(jump: int) -> None:
    town = Town(over(2, 1_200))
    ahead = town.waker(clock=lambda: town.now + jump)
    town.pass_minutes(10)
    town.pass_minutes(1, wake=ahead)
    town.pass_minutes(130)
    assert town.handled.keys() == town.due.keys()
    assert max(town.repeats().values()) <= 2  # too early by the wrong clock, and in time
    assert max(at - town.due[one] for one, at in town.handled.items()) <= MINUTE + SECOND


def test_somebody_who_was_passed_is_found_by_a_sweep_whatever_the_clock_of_the_last_one_said() -> None:
    town = Town({somebody(): NOW})
    town.now = NOW + HOUR
    passed = Marks(reached=(Due(town.now, ""),) * DUE_SHARDS, swept_at=town.now + DAY)
    town.profiles.set_marks(passed)
    town.pass_minutes(1)
    assert town.handled.keys() == town.due.keys()


# ------------------------------------------------------------------------------------------------- runs that do not end


def test_a_run_that_is_killed_anywhere_leaves_one_slice_to_be_woken_again() -> None:
    people = {somebody(n): NOW for n in range(1_000)}
    position = 0
    while True:
        town = Town(people, reads=lambda _: False)
        town.now = NOW + HOUR
        wire = BreakAt(position, Fault.CRASH, Moment.APPLIED)
        ports = {"due": wired(wire, "due", town.profiles), "stream": wired(wire, "stream", town)}
        try:
            town.waker(**ports)()
        except Crash:
            town.wake()
        assert set(town.woken) == people.keys()
        assert len(town.woken) <= len(people) + SHARE
        if position >= len(wire.calls):
            break
        position += 1
    assert wire.calls.count("stream.put") == 5


def test_two_runs_at_once_leave_nobody_out() -> None:
    town = Town(over(1, 20_000))
    town.now = NOW + HOUR
    begun = False

    def meanwhile(seconds: float) -> None:
        nonlocal begun
        if not begun:
            begun = True
            town.wake()
        town.sleep(seconds)

    town.pass_minutes(1, wake=town.waker(sleep=meanwhile))
    town.pass_minutes(20)
    assert town.handled.keys() == town.due.keys()


def test_a_run_ends_before_the_next_one_begins_however_slow_the_stream_is() -> None:
    town = Town({somebody(n): NOW for n in range(20_000)})

    class Slow:
        def put(self, records: Sequence[tuple[str, bytes]]) -> None:
            town.sleep(3)
            town.put(records)

    begun = town.now
    town.waker(stream=Slow())()
    assert town.now - begun <= PATIENCE + 5 * SECOND
    town.pass_minutes(20)
    assert town.repeats() == dict.fromkeys(town.due, 1)


# ---------------------------------------------------------------------------------------------------------- for real


def fill(world: World, people: int) -> None:
    """Carts that are left, some of them ordered later; windows that slide."""
    for n in range(people):
        me, at = identifiers(anonymous_id=f"a{n}"), NOW + n * 7
        cart = {"cart_id": f"c{n}", "product_id": "p"}
        happens = [event("Product Added", message_id=f"add{n}", identifiers=me, time=at, properties=cart)]
        happens += [event(message_id=f"v{n}-{k}", identifiers=me, time=at + k) for k in range(n % 5)]
        world.send(*happens, received_at=at + SECOND)
        if n % 3 == 0:
            ordered = at + (n % 40) * MINUTE
            order = event("Order Completed", message_id=f"order{n}", identifiers=me, time=ordered, properties=cart)
            world.send(order, received_at=ordered)


def told(world: World) -> set[tuple[str, Any]]:
    return {(image.profile_id, change) for image in world.profiles.images() for change in image.outbox}


def lives(world: World) -> list[dict[str, Any]]:
    """Without how far time has passed, and what was forgotten by then: of a producer's repeats, of a day's views."""
    passing = {"as_of", "seen", "webhooks", "seen_records", "pages", "windows"}
    lasting = [{name: state[name] for name in state.keys() - passing} for state in world.states()]
    recent = [
        [mark for marks in state.get("windows", {}).values() for mark in marks if mark[0] + DAY > NOW + LONG_ENOUGH]
        for state in world.states()
    ]
    return [one | {"recent": marks} for one, marks in zip(lasting, recent, strict=True)]


def test_everybody_ends_as_if_woken_in_time() -> None:
    people = examples(150, long=1_500)
    in_time, late = (kind(mapping={"batch_size": 500}) for kind in (World, Adrift))
    for world in (in_time, late):
        fill(world, people)
        world.settle(until=NOW)
    in_time.pass_time(LONG_ENOUGH)
    late.time.now = NOW + 6 * HOUR
    for _ in range(people // RUN + 3):
        late.time.now += MINUTE
        late.wake()
        late.settle()
    late.time.now = NOW + LONG_ENOUGH
    for _ in range(people // RUN + 3):
        late.time.now += MINUTE
        late.wake()
        late.settle()
    assert told(late) == told(in_time)
    sent = [{post.headers["webhook-id"] for post in world.sender.posts} for world in (late, in_time)]
    assert sent[0] == sent[1]
    assert len(sent[0]) > people // 3
    assert lives(late) == lives(in_time)
