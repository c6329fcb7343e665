"""A history of a few thousand shoppers of five habits, the same at every telling: what the models learn from."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

#: of one batch; the API takes 500 KB and 2,500 events, and counts the batch's context once for each event
BATCH_BYTES: Final = 450_000
BATCH_EVENTS: Final = 2_000
#: they were asked for both purposes
CONTEXT: Final = {"consent": {"categoryPreferences": {"analytics": True, "personalization": True}}}

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Habit:
    """How one sort of shopper behaves; pairs are a least and a most."""

    name: str
    share: float
    #: days since they first came, and since they came last
    known_for: tuple[float, float]
    away_for: tuple[float, float]
    views: tuple[int, int]
    carts: tuple[int, int]
    orders: tuple[int, int]
    #: what an order is worth
    worth: tuple[float, float]


HABITS: Final = (
    Habit("vip", 0.08, (250, 700), (0.5, 12), (7, 12), (4, 6), (6, 9), (120, 320)),
    Habit("loyal", 0.17, (120, 500), (2, 30), (4, 7), (2, 4), (2, 4), (30, 80)),
    Habit("browser", 0.30, (20, 200), (0.5, 25), (4, 9), (0, 1), (0, 0), (0, 0)),
    Habit("newcomer", 0.20, (0.1, 3), (0.02, 0.1), (1, 2), (0, 1), (0, 0), (0, 0)),
    Habit("lapsed", 0.25, (350, 800), (180, 340), (1, 3), (1, 2), (1, 2), (20, 60)),
)


def history(shoppers: int, now: datetime) -> Iterator[tuple[str, Habit, list[Event]]]:
    """Shopper by shopper: user id, habit, and what they did up to `now`, in order of time."""
    chance = Random(20260101)  # noqa: S311 - a story, not a secret
    weights = [habit.share for habit in HABITS]
    for number in range(shoppers):
        # the first five show one habit each, so that a story can name them
        habit = HABITS[number] if number < len(HABITS) else chance.choices(HABITS, weights)[0]
        user_id = f"shopper-{number:05d}"
        yield user_id, habit, _life(user_id, habit, chance, now)


def batches(shoppers: int, now: datetime) -> Iterator[bytes]:
    """The same history as bodies of `POST /v1/batch`; a shopper's events stay together."""
    batch: list[Event] = []
    size = 0
    for _, _, events in history(shoppers, now):
        weight = len(json.dumps(events)) + len(events) * len(json.dumps(CONTEXT))
        if batch and (size + weight > BATCH_BYTES or len(batch) + len(events) > BATCH_EVENTS):
            yield _body(batch)
            batch, size = [], 0
        batch += events
        size += weight
    yield _body(batch)


def _life(user_id: str, habit: Habit, chance: Random, now: datetime) -> list[Event]:
    first, last = chance.uniform(*habit.known_for), chance.uniform(*habit.away_for)
    done = [("Product Viewed", _product(chance)) for _ in range(chance.randint(*habit.views))]
    done += [("Product Added", _product(chance)) for _ in range(chance.randint(*habit.carts))]
    done += [("Order Completed", _order(habit, chance)) for _ in range(chance.randint(*habit.orders))]
    chance.shuffle(done)
    ages = [first, *sorted((chance.uniform(last, first) for _ in done[2:]), reverse=True), last]
    return [
        {
            "type": "track",
            "userId": user_id,
            "messageId": f"{user_id}-{number}",
            "event": name,
            "timestamp": (now - timedelta(days=age)).isoformat(timespec="milliseconds"),
            "properties": properties,
        }
        for number, (age, (name, properties)) in enumerate(zip(ages[-len(done) :], done, strict=True))
    ]


def _product(chance: Random) -> dict[str, Any]:
    number = chance.randint(1, 200)
    return {"product_id": f"p-{number}", "price": float(5 + number % 90), "quantity": 1}


def _order(habit: Habit, chance: Random) -> dict[str, Any]:
    return {
        "order_id": f"o-{chance.getrandbits(48):012x}",
        "total": round(chance.uniform(*habit.worth), 2),
        "currency": "EUR",
    }


def _body(events: list[Event]) -> bytes:
    """No event names a cart: nobody is to be reminded of one."""
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"batch": events, "context": CONTEXT, "sentAt": sent_at}).encode()
