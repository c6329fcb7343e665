"""Stories of a few people in whose lives a segment becomes another one, and what should be heard of them."""

from __future__ import annotations

from random import Random
from typing import Any

from attune.domain.events import Event
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from tests.builders import HOUR, NOW, event, identifiers
from tests.faults import oracles
from tests.faults.definition_changes import Changing, Lives, tree_segment
from tests.faults.simulator import Schedule

START = NOW - 60 * HOUR
FIRST = START - 3 * HOUR
PEOPLE = ("ann", "ben", "cid")
NAMES = ("Product Viewed", "Product Added", "Order Completed")
VIEWED, SEARCHED, CLICKED = (
    {"type": "performed", "event": name, "at_least": 5} for name in ("Product Viewed", "Searched", "Clicked")
)


def tree(rng: Random, depth: int = 2) -> dict[str, Any]:
    """A condition as people write it."""
    kind = rng.choice(["performed", "performed", "performed", "trait", *(["all", "any", "not"] if depth else [])])
    if kind == "performed":
        within = {"within": rng.choice(["12h", "24h", "90m"])} if rng.random() < 0.8 else {}
        where = [{"property": "price", "operator": "at_least", "value": 10}] if rng.random() < 0.3 else []
        at_least = rng.choice([1, 1, 2, 2, 3, 4, 5])
        return {"type": kind, "event": rng.choice(NAMES), "at_least": at_least, "where": where, **within}
    if kind == "trait":
        return {"type": kind, "trait": "city", "operator": "equals", "value": rng.randint(0, 2)}
    if kind == "not":
        return {"type": kind, "condition": tree(rng, depth - 1)}
    return {"type": kind, "conditions": [tree(rng, depth - 1) for _ in range(rng.randint(1, 3))]}


def history(rng: Random, who: str) -> list[Event]:
    """What one person did, one event an instant; many lie a window's width apart, give or take 1 ms."""
    offsets = [0, 0, 0, -1, 1]
    hours = [0, 0.25, 1.5, 12, 13.5, 24, 25.5, 36, 48]
    times = {START + int(rng.choice(hours) * HOUR) + rng.choice(offsets) for _ in range(rng.randint(4, 20))}
    return [
        event(
            rng.choice(NAMES),
            message_id=f"{who} {time}",
            time=time,
            identifiers=identifiers(anonymous_id=who),
            properties={"price": rng.choice([5, 10, 15])},
            traits={"city": rng.choice([None, 0, 1, 2])} if rng.random() < 0.3 else {},
        )
        for time in sorted(times)
    ]


class Story:
    """Lives, an old and a new condition, and the instant at which the second is applied."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        self.old = self.new = tree(rng)
        while self.new == self.old:
            self.new = tree(rng)
        self.applied_at = START + rng.randint(0, 48 * HOUR)
        schedule = Schedule(again=0.0, parallel=rng.choice((1, 3)))
        world = Changing(tree_segment(self.old), at=FIRST, seed=seed, shards=2, tick=0, schedule=schedule)
        histories = {who: history(rng, who) for who in PEOPLE}
        delays = oracles.delays_of(self.old) | oracles.delays_of(self.new)
        self.instants = {
            who: oracles.critical_instants([one.time for one in lived], delays) for who, lived in histories.items()
        }
        self.lives = Lives(world, histories, sorted({at for each in self.instants.values() for at in each}))
        self.lives.begin()

    def truth(self, who: str, at: int, takeover: int) -> bool:
        return self.lives.truth(self.old if at < takeover else self.new, who, at)

    def heard(self, who: str, takeover: int) -> list[tuple[type, int]]:
        """What campaigns should hear: every turn of what serves; of who is in at the takeover nothing, nor of their
        going, unless they were in before.
        """
        said: list[tuple[type, int]] = []
        inside = told = False
        for at in sorted({FIRST, takeover, *self.instants[who]}):
            now = self.truth(who, at, takeover)
            if now == inside:
                continue
            # a turn of the new condition at this very instant is news as any other
            turned = at != takeover or self.lives.truth(self.new, who, at - 1) != now
            if now and turned:
                said.append((SegmentEntered, at))
            elif not now and told and turned:
                said.append((SegmentLeft, at))
            inside, told = now, now and turned
        return said

    def check(self, takeover: int, settled_at: int) -> None:
        world, lives = self.lives.world, self.lives
        for at, who, inside in lives.inside:
            if at < takeover or at > settled_at:
                assert inside == self.truth(who, at, takeover), (who, at - START, takeover - START)
        for who in PEOPLE:
            told, heard = lives.told(who), self.heard(who, takeover)
            assert told == heard, who
        assert world.standing("tree").settled
