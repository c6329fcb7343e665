"""Wake-ups early, late, double or missing, and a clock that jumps: of an abandoned cart exactly one message is sent, or
none, as what happened says. (Times are UTC, so a night of 23 or 25 hours is a night like any other.)
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from tests.builders import HOUR, MINUTE, SECOND, event, identifiers, wake_event
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import World

DUE, GRACE = 15 * MINUTE, 2 * MINUTE
ME = identifiers(anonymous_id="me")
ROUGH = Schedule(again=0.1, zombie=0.02, parallel=2)
#: an ordinary day, 29 February, both nights in which clocks change, the end of a year
DAYS = (
    datetime(2025, 6, 15, 15, 6, 40, tzinfo=UTC),
    datetime(2024, 2, 29, 23, 50, tzinfo=UTC),
    datetime(2025, 3, 30, 0, 50, tzinfo=UTC),
    datetime(2025, 10, 26, 0, 50, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 50, tzinfo=UTC),
)


class Adrift(World):
    """Time passes as the test says, and nobody is woken but by it."""

    def _wait(self, until: int) -> bool:
        tries = [self.process.next_try(), self.campaigns.next_try(), self.delivery.next_visible()]
        upcoming = [max(at, self.time.now) for at in tries if at is not None and at <= until]
        self.time.now = min(upcoming, default=self.time.now)
        return bool(upcoming)


class Cart:
    """One cart from its first product on, minute by minute; the clock of our functions is wrong by `skew` at times."""

    def __init__(self, seed: int, *, ahead: bool = False) -> None:
        self.rng = Random(seed)
        self._ahead = ahead
        self.world = Adrift(seed=seed, schedule=ROUGH, wire=Unreliable(Random(seed + 1), rate=0.02))
        self.start = int(DAYS[seed % len(DAYS)].timestamp() * 1_000)
        self.touched = self.start
        self.ordered: int | None = None
        self._skew = 0
        self._woken = self.rng.choice([0.0, 0.2, 0.8])

    def live(self, *, minutes: int, order_at: int | None) -> None:
        """A cart that is touched for ten minutes at most."""
        touches = {0, *(self.rng.randint(1, 10) for _ in range(self.rng.randint(0, 3)))}
        for minute in range(minutes):
            now = self.start + minute * MINUTE
            if minute in touches:
                self.touched = now
                self._send("Product Added", now)
            if minute == order_at:
                self.ordered = now
                self._send("Order Completed", now)
            self._turn_the_clock()
            self._let_it_work(now)

    def end(self) -> None:
        """The clock is right again and somebody looks every minute, for two hours."""
        now = max(self.world.time.now, self.start + HOUR)
        for minute in range(0, 120, 5):
            self.world.time.now = max(self.world.time.now, now + minute * MINUTE)
            self.world.wake()
            self.world.settle()

    def _send(self, name: str, now: int) -> None:
        properties = {"cart_id": "c", "product_id": "p"}
        one = event(name, message_id=f"{name}-{now}", time=now, identifiers=ME, properties=properties)
        self.world.send(one, received_at=now)

    def _turn_the_clock(self) -> None:
        if self.rng.random() < 0.1:
            self._skew = self.rng.choice([0, -SECOND, -5 * MINUTE, -HOUR, *([5 * MINUTE, HOUR] if self._ahead else [])])

    def _let_it_work(self, now: int) -> None:
        self.world.time.now = now + self._skew
        self.world.settle()
        for _ in range(self.rng.choice([1, 2])):
            if self.rng.random() < self._woken:
                self.world.wake()
            if self.rng.random() < self._woken / 2:
                for item in self.world.live_items():
                    self.world.send(wake_event(item.profile_id, time=self.world.time.now))
        self.world.settle()

    def messages(self) -> int:
        """How many an endpoint got, repeats of one id aside."""
        assert all(one.state != "claimed" for one in self.world.deliveries.all())
        return len({post.headers["webhook-id"] for post in self.world.sender.posts})


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_a_cart_that_is_left_alone_brings_exactly_one_message(seed: int) -> None:
    cart = Cart(seed, ahead=seed % 2 == 1)
    cart.live(minutes=40, order_at=None)
    cart.end()
    assert cart.messages() == 1


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_a_cart_that_is_ordered_in_time_brings_none(seed: int) -> None:
    cart = Cart(seed)
    cart.live(minutes=40, order_at=cart.rng.randint(11, (DUE + GRACE) // MINUTE - 1))
    cart.end()
    assert cart.ordered is not None
    assert cart.ordered < cart.touched + DUE + GRACE
    assert cart.messages() == 0


@pytest.mark.parametrize("seed", seeds(25, long=1_000))
def test_a_cart_that_is_ordered_later_brings_one_or_none_whatever_the_clock_says(seed: int) -> None:
    cart = Cart(seed, ahead=True)
    cart.live(minutes=40, order_at=cart.rng.randint(11, 39))
    cart.end()
    assert cart.messages() <= 1
