"""Two streams of shop events in order of arrival, the same for the same seed: shoppers' sessions, and the worst case.

`sessions`: people by Zipf 1.1 come in bursts over 7 days, now and then pause about as long as a cart waits; some people
sit exactly on the boundaries of rules. `independent`: every event another person by the same law at a random time, so
that a batch holds hardly anybody twice. In both 2 % of the events are up to a minute late and 1 % arrive twice.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from attune.domain.events import Event, Origin, Record, encode_record, short_hash
from attune.domain.identifiers import Identifier, identity_key

if TYPE_CHECKING:
    from collections.abc import Iterator

#: 2025-06-15T00:00:00Z
START: Final = 1_749_945_600_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
DAYS: Final = 7
#: events are at most this late
LATE: Final = MINUTE - 100
SECRET: Final = b"identity secret of the benchmarks"
#: the shop's legal basis; a banner's answers on every event would cost about the same
BASIS: Final = {"analytics": True, "personalization": True}

VIEW, CART, ORDER, PAGE = range(4)
_NAMES: Final = ("Product Viewed", "Cart Viewed", "Order Completed", "")
_WEIGHTS: Final = (70, 8, 2, 20)
_EDGE_CASES: Final = 40
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 Version/17.5 Safari/605.1.15",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many events, arrivals that repeat one included, of how many people at most; `late`: with disorder."""

    events: int
    profiles: int
    seed: int = 7
    late: bool = True

    @property
    def distinct(self) -> int:
        """All but those that arrive a second time."""
        return self.events - self.events // 100


class Happening(NamedTuple):
    """Who did what when; `cart` is the number of the person's cart, for what touches one."""

    time: int
    person: int
    kind: int
    cart: int = 0


class Arrival(NamedTuple):
    """A record as it reaches the stream."""

    at: int
    key: str
    data: bytes


def sessions(plan: Plan) -> list[Happening]:
    """In order of time."""
    dice = random.Random(plan.seed)  # noqa: S311 - a reproducible stream, not a secret
    people = _people(plan, dice)
    found = list(_boundaries(plan.profiles))
    while len(found) < plan.distinct:
        person, time = next(people), START + dice.randrange(DAYS * DAY)
        for kind in dice.choices(range(4), _WEIGHTS, k=1 + int(dice.expovariate(1 / 7))):
            found.append(Happening(time, person, kind))
            time += 500 + int(dice.expovariate(1 / (25 * SECOND)))
            if dice.random() < 0.01:  # noqa: PLR2004
                time += dice.randrange(10 * MINUTE, 20 * MINUTE)
    return _with_carts(sorted(found[: plan.distinct], key=lambda one: one.time), dice)


def independent(plan: Plan) -> list[Happening]:
    """In order of time."""
    dice = random.Random(plan.seed)  # noqa: S311
    people = _people(plan, dice)
    kinds = dice.choices(range(4), _WEIGHTS, k=plan.distinct)
    times = sorted(START + dice.randrange(DAYS * DAY) for _ in kinds)
    return _with_carts([Happening(at, next(people), kind) for at, kind in zip(times, kinds, strict=True)], dice)


def arrivals(plan: Plan, happenings: list[Happening]) -> Iterator[Arrival]:
    """One record an event, encoded as collect_events puts it on the stream, in order of arrival."""
    dice = random.Random(plan.seed + 1)  # noqa: S311
    order = []
    for number, one in enumerate(happenings):
        late = dice.randrange(1, LATE) if plan.late and dice.random() < 0.02 else 0  # noqa: PLR2004
        order.append((one.time + late, number))
    repeated = dice.sample(range(len(happenings)), plan.events - len(happenings))
    order += [(happenings[number].time + (dice.randrange(LATE) if plan.late else 0), number) for number in repeated]
    for at, number in sorted(order):
        yield _record(number, happenings[number], at)


def write(plan: Plan, happenings: list[Happening], file: IO[bytes]) -> int:
    """`arrivals` as lines for `read`; answers their bytes on the wire."""
    total = 0
    for arrival in arrivals(plan, happenings):
        file.write(b"%d %s %s\n" % (arrival.at, arrival.key.encode(), arrival.data))
        total += len(arrival.data)
    return total


def read(file: IO[bytes]) -> Iterator[Arrival]:
    """What `write` wrote."""
    for line in file:
        at, key, data = line.split(b" ", 2)
        yield Arrival(int(at), key.decode(), data[:-1])


def _people(plan: Plan, dice: random.Random) -> Iterator[int]:
    """Who comes next: rank k as often as 1 / k^1.1, ranks dealt out at random."""
    people = list(range(plan.profiles))
    dice.shuffle(people)
    weights = list(itertools.accumulate(rank**-1.1 for rank in range(1, plan.profiles + 1)))
    while True:
        yield from dice.choices(people, cum_weights=weights, k=1_000)


def _boundaries(first: int) -> Iterator[Happening]:
    """People from `first` on who do things exactly when a window or a timer ends, a millisecond later, or at once."""
    for case in range(_EDGE_CASES):
        at, person = START + 2 * HOUR + case * 10_007, first + 5 * case
        for who, last in ((person, DAY), (person + 1, DAY + 1)):
            for after in (0, SECOND, 2 * SECOND, 3 * SECOND, last):
                yield Happening(at + after, who, VIEW)
        wait = 15 * MINUTE
        for after in (0, wait, 2 * wait + 1):
            yield Happening(at + after, person + 2, CART)
        for after, kind in ((0, CART), (wait, ORDER), (2 * wait, CART), (3 * wait + 1, ORDER)):
            yield Happening(at + after, person + 3, kind)
        for kind in (VIEW, VIEW, VIEW, VIEW, CART, ORDER):
            yield Happening(at, person + 4, kind)


def _with_carts(happenings: list[Happening], dice: random.Random) -> list[Happening]:
    """Three in ten carts are new after an hour's rest, and every one after an order."""
    numbers: dict[int, int] = {}
    touched: dict[int, int] = {}
    for index, one in enumerate(happenings):
        if one.kind not in (CART, ORDER):
            continue
        rested = one.time - touched.get(one.person, 0) > HOUR
        if one.kind == CART and rested and dice.random() < 0.3:  # noqa: PLR2004
            numbers[one.person] = numbers.get(one.person, 0) + 1
        number = numbers.setdefault(one.person, 0)
        happenings[index] = one._replace(cart=number)
        touched[one.person] = one.time
        if one.kind == ORDER:
            numbers[one.person] = number + 1
    return happenings


def _record(number: int, one: Happening, at: int) -> Arrival:
    """As collect_events makes it of a browser's call."""
    user = Identifier("user_id", f"u{one.person}")
    email = Identifier("email", f"u{one.person}@example.com")
    device = Identifier("anonymous_id", f"a-{one.person * 2_654_435_761 % 2**32:08x}")
    message = f"{short_hash(b'message', str(number)).hex()}-{number:08x}"
    event = Event(
        type="page" if one.kind == PAGE else "track",
        message_id=message,
        time=one.time,
        identifiers=(user, email, device),
        name=_NAMES[one.kind],
        properties=_properties(number, one),
        context={
            "ip": f"10.{one.person % 250}.{one.person // 250 % 250}.7",
            "userAgent": _AGENTS[one.person % 2],
            "locale": "en-US",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "traits": {"email": email.value, "plan": "free", "country": "DE"},
        },
        basis=BASIS,
        fingerprint=short_hash(b"content", message).hex(),
    )
    key = identity_key(SECRET, user)
    record = Record(source="shop", origin=Origin.CLIENT, received_at=at, key=key, events=(event,))
    return Arrival(at, key, encode_record(record))


def _properties(number: int, one: Happening) -> dict[str, Any]:
    product = number * 2_654_435_761 % 2**32 % 5_000
    sku, price = f"sku-{product:05d}", product % 300 + 0.99
    match one.kind:
        case 0:
            return {
                "product_id": sku,
                "name": f"Product {product} é",
                "category": f"category{product % 37}",
                "price": price,
                "currency": "USD",
                "position": product % 20,
            }
        case 1:
            line = {"product_id": sku, "quantity": product % 4 + 1, "price": price}
            return {"cart_id": f"c{one.person}-{one.cart}", "products": [line], "currency": "USD"}
        case 2:
            return {
                "order_id": f"o{number}",
                "cart_id": f"c{one.person}-{one.cart}",
                "total": price,
                "currency": "USD",
                "products": [{"product_id": sku, "quantity": product % 4 + 1}],
            }
        case _:
            return {
                "url": f"https://shop.example.com/p/{product}",
                "path": f"/p/{product}",
                "title": f"Page {product}",
                "referrer": f"https://www.example.org/search?q={product}",
            }


def main(shape: str, events: int, profiles: int, path: str, *, late: bool) -> None:
    """Write one of the two streams into a file."""
    plan = Plan(events=events, profiles=profiles, late=late)
    happenings = {"sessions": sessions, "independent": independent}[shape](plan)
    with Path(path).open("wb") as file:
        total = write(plan, happenings, file)
    print(json.dumps({"bytes": total / events, "people": len({one.person for one in happenings})}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], late=sys.argv[5] == "late")
