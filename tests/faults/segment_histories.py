"""What somebody did over three days, drawn so that much lies exactly a window's width apart, give or take 1 ms."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

from tests.builders import HOUR, NOW
from tests.faults.segment_happenings import Happening
from tests.faults.segment_subject import rank_of

START = NOW - 60 * HOUR
#: when they were first seen
BORN = START - 3 * HOUR
NAMES = ("Product Viewed", "Product Added", "Order Completed", "page")
HOURS = (0, 0.25, 0.5, 1.5, 2, 12, 12.5, 13.5, 24, 25.5, 36, 48)
#: so that what runs out and what comes anew meet
IN_STEP = ((0, 12, 24, 36, 48), (0, 0.5, 1, 1.5, 2, 3, 4.5), (0, 24, 48, 72))
#: of two in the same instant each is an instant of its own, which no clock shows
TIES = 0.15


def spelt(instant: int) -> str:
    """An instant as people write it."""
    return datetime.fromtimestamp(instant / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


#: a number that a model says, and its percentile
RATINGS = ((0.0, 0.0), (5.0, 2.5), (9.0, 50.0), (9.0, 55.0), (15.0, 100.0))
#: what a trait or a property may be
VALUES: dict[str, tuple[Any, ...]] = {
    "number": (0, 1, 2, 2.0, 3, 2.5, "2", True, None),
    "text": ("", "alpha", "beta", "alphabet", "Alpha", "alpha" * 13 + "a", "alpha" * 13 + "b", 7, None),
    "items": ([], ["a"], ["a", "b"], ["b", 1], "a", "ab", None),
    "price": (5, 10, 12.5, "12.5", "-3", 0.1, "0.2", 1e9, "free", "1e3", True, 1_000_000_001, None),
    "date": (*(spelt(START + int(hours * HOUR)) for hours in (-1, 1, 12, 30)), "2025-06-13", "soon", 5, None),
}


def history(rng: Random) -> list[Happening]:
    """4 to 14 happenings, in their order."""
    hours, offsets = rng.choice([HOURS, HOURS, *IN_STEP]), rng.choice([(0, 0, 0, -1, 1), (0,)])
    drawn = [START + int(rng.choice(hours) * HOUR) + rng.choice(offsets) for _ in range(rng.randint(4, 14))]
    times = drawn if rng.random() < TIES else sorted(set(drawn))
    names = rng.choice([NAMES, NAMES, NAMES[:2], NAMES[2:3]])
    made = [_happening(rng, time, names, rank_of(f"m{number}")) for number, time in enumerate(times)]
    # what models and people say at once has no rank: of that there is one thing in an instant
    said = {one.time: one for one in made if not _is_event(one)}
    return sorted(
        (one for one in made if _is_event(one) or said[one.time] is one), key=lambda one: (one.time, one.rank)
    )


def _is_event(one: Happening) -> bool:
    return bool(one.name or one.lists)


def _happening(rng: Random, time: int, names: tuple[str, ...], rank: bytes) -> Happening:
    kind = rng.random()
    if kind < 0.08:
        cluster, rating = rng.choice([0, 1, 2, 3, 2.5, "alpha", "beta"]), RATINGS[time % len(RATINGS)]
        scores = {"shopper_clusters": cluster, "rfm": rating[0]}
        return Happening(time, scores=scores, percentiles={"rfm": rating[1]}, rank=rank)
    if kind < 0.13:
        return Happening(time, lists={"vips": rng.random() < 0.6}, rank=rank)
    if kind < 0.18:
        return Happening(time, consent={"email": rng.random() < 0.6}, rank=rank)
    name = "identify" if kind < 0.25 else rng.choice(names)
    traits = {one: rng.choice(VALUES[one]) for one in ("number", "text", "items", "date") if rng.random() < 0.3}
    return Happening(time, name, _properties(rng, name), traits, rank=rank)


def _properties(rng: Random, name: str) -> dict[str, Any]:
    said = {one: rng.choice(VALUES[one]) for one in VALUES if rng.random() < 0.8}
    if rng.random() < 0.8:
        said |= {"cart_id": rng.choice(["c1", "c1", "c2", 7]), "product_id": rng.choice("ab")}
    if name == "Order Completed":
        said |= {one: rng.choice(VALUES["price"]) for one in ("total", "revenue", "value") if rng.random() < 0.6}
        said["products"] = [{"product_id": one} for one in rng.sample("ab", rng.choice([0, 1, 2, 2]))]
    return said
