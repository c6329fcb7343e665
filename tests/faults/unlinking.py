"""People who were taken for one, an operator who says so, and what each of them must come out as."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec

from attune.domain.events import UNLINK, Event, short_hash
from attune.domain.identifiers import Identifier, by_strength
from attune.domain.identity.resolution import expired
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, event, identifiers
from tests.faults import oracles
from tests.faults.rebuilding import rebuild_all
from tests.faults.simulator import Schedule
from tests.faults.wires import Unreliable
from tests.faults.world import ROUND, World

ROUGH = Schedule(again=0.1, zombie=0.02, parallel=4)
#: by person, strongest first; no limit keeps them from being taken for one
PEOPLE: dict[str, tuple[Identifier, ...]] = {
    "ann": (
        *identifiers(user_id="u-ann", loyalty_id="card-ann"),
        Identifier("anonymous_id", "ann-phone"),
        Identifier("anonymous_id", "ann-tablet"),
    ),
    "ben": (
        Identifier("email", "ben@example.com"),
        Identifier("anonymous_id", "ben-phone"),
        Identifier("anonymous_id", "ben-tv"),
    ),
    "cid": identifiers(phone="+491701234567", anonymous_id="cid-phone"),
}
EVERYTHING_NAMED = frozenset(one for named in PEOPLE.values() for one in named)
NAMES = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Order Completed")


def unlink_event(profile_id: str, *leaving: Identifier, **overrides: Any) -> Event:
    """What the API puts on the stream."""
    content = short_hash("unlink", profile_id, *(f"{one.namespace}:{one.value}" for one in leaving)).hex()
    return event(
        "",
        type=UNLINK,
        message_id=f"unlink_{content}",
        identifiers=by_strength(leaving),
        properties={"profile_id": profile_id, "reason": "a shared tablet"},
        consent=None,
        **overrides,
    )


class Mistaken:
    """Ann, Ben and Cid do what people do, on a stream where anything breaks; some events name two of them."""

    def __init__(self, seed: int, *, rate: float = 0.03, world: Callable[..., World] = World, **options: Any) -> None:
        self.rng = Random(seed)
        self.wire = Unreliable(Random(seed + 1), rate=rate)
        options = {"shards": 1 + seed % 3, "schedule": ROUGH} | options
        self.world = world(seed=seed, wire=self.wire, **options)
        self.done: list[Event] = []
        #: by message id: what stayed and what left
        self.apart: dict[str, tuple[set[Identifier], set[Identifier]]] = {}
        self._times = self.rng.sample(range(NOW - 30 * HOUR - ROUND // 2, NOW, ROUND), 500)
        self._number = 0

    # ------------------------------------------------------------------------------------------------ what happens

    def live(self, sends: int = 12, *, wrong: float = 0.15) -> Mistaken:
        """`wrong`: how many events name somebody else's device too."""
        for _ in range(sends):
            person = self.rng.choice(sorted(PEOPLE))
            named = self._some(person)
            if self.rng.random() < wrong:
                named += self._some(self.rng.choice([one for one in sorted(PEOPLE) if one != person]))[-1:]
            self.send(*named)
            if self.rng.random() < 0.1 and self.done:
                self.world.send(self.rng.choice(self.done), received_at=self.world.time.now)
        return self

    def join(self, *people: str) -> Mistaken:
        """Somebody is heard under all names of these at once."""
        self.send(*(one for person in people for one in PEOPLE[person]))
        return self

    def send(self, *named: Identifier, name: str = "", **fields: Any) -> Event:
        self._number += 1
        name = name or self.rng.choice(NAMES)
        properties: dict[str, Any] = {}
        if name != "Product Viewed":
            cart = f"cart-{by_strength(named)[0].value}"
            properties = {"cart_id": cart, "product_id": "p", "total": self._number + 0.25}
        traits = {}
        if self.rng.random() < 0.5:
            traits = {f"trait-{self.rng.randint(0, 2)}": self.rng.choice([self._number, None])}
        told = event(
            name,
            **{
                "message_id": f"m-{self._number}",
                "time": self._times.pop(),
                "identifiers": by_strength(named),
                "properties": properties,
                "traits": traits,
            }
            | fields,
        )
        self.done.append(told)
        self.world.send(told, received_at=self.world.time.now)
        return told

    def settle(self, wait: int = 0) -> Mistaken:
        self.world.pass_time(wait)
        return self

    def calm(self) -> Mistaken:
        """Everything works again."""
        self.wire.rate = 0.0
        return self.settle()

    def unlink(self, person: str, other: str, *, again: bool = False) -> str | None:
        """As an operator would who looks at the profile of both; answers its id, None where they are not one."""
        mine = self.home(*PEOPLE[person])
        for profile_id in sorted(mine & self.home(*PEOPLE[other])):
            leaving = [one for one in PEOPLE[other] if self.owner(one) == profile_id]
            staying = {one for one in EVERYTHING_NAMED if self.owner(one) == profile_id} - {*leaving}
            for _ in range(1 + again):
                one = unlink_event(profile_id, *leaving, time=self.world.time.now)
                self.world.send(one, received_at=self.world.time.now)
                self.apart[one.message_id] = (staying, {*leaving})
            return profile_id
        return None

    def separate(self) -> Mistaken:
        """Every two who are still one are unlinked, until nobody is."""
        for _ in range(9):
            found = [self.unlink(*pair) for pair in (("ann", "ben"), ("ann", "cid"), ("ben", "cid"))]
            self.settle()
            if not any(found):
                return self
        raise AssertionError("they stay one")

    def rebuild(self, **options: Any) -> dict[str, int]:
        return rebuild_all(self.world, **options)

    def _some(self, person: str) -> tuple[Identifier, ...]:
        own = PEOPLE[person]
        return by_strength(self.rng.sample(own, self.rng.randint(1, len(own))))

    # -------------------------------------------------------------------------------------------------- what is read

    def owner(self, identifier: Identifier) -> str | None:
        """The live profile that an identifier leads to."""
        key = self.world.pseudonyms.key(identifier)
        identity = self.world.profiles.identities([key], consistent=True).get(key)
        if identity is None or expired(identity, self.world.time.now):
            return None
        return self._root(identity.profile_id)

    def home(self, *named: Identifier) -> set[str]:
        return {owner for one in named if (owner := self.owner(one)) is not None}

    def lost_races(self) -> set[str]:
        """Messages whose row that counts is of a fold that lost its race: it does not open, or is under somebody else.

        That is known of the lake (docs/architecture.md): versions say little across people. No matter of unlinking.
        """
        rows = [msgspec.json.decode(row) for row in self.world.lake.rows]
        stored = {item.profile_id for item in self.world.profiles.all_items()}
        keys = {state["data_key"] for state in self.world.states()}
        merges = [b64decode(row["sealed"]) for row in rows if row["verdict"] == "merged"]
        for _ in merges:  # each round opens the merges of one generation more
            keys |= {plain for sealed in merges if (plain := self._open(keys, sealed))}
        counting: dict[str, dict[str, Any]] = {}
        for row in rows:
            if row["verdict"] == "applied" and row["profile_id"] in stored:
                known = counting.setdefault(row["message_id"], row)
                counting[row["message_id"]] = max(known, row, key=lambda one: (one["version"], one["processed_at"]))
        strongest = {one.message_id: one.identifiers[0] for one in self.done}
        return {
            name
            for name, row in counting.items()
            if self._open(keys, b64decode(row["sealed"])) is None
            or (name in strongest and self._root(row["profile_id"]) not in self._may_hold(strongest[name]))
        }

    def _may_hold(self, strongest: Identifier) -> set[str]:
        """Whose the identifier is, and whose it was."""
        found, ahead = set[str](), {self.owner(strongest) or ""}
        while ahead:
            found |= ahead
            states = [state for state in self.world.states() if state["profile_id"] in ahead]
            others = {split[4] for state in states for split in state.get("splits", {}).values() if split[4]}
            ahead = set(map(self._root, others)) - found
        return found

    def _root(self, profile_id: str) -> str:
        items = {item.profile_id: item for item in self.world.profiles.all_items()}
        while into := items[profile_id].merged_into:
            profile_id = into
        return profile_id

    def _open(self, keys: set[bytes], sealed: bytes) -> bytes | None:
        for key in keys:
            try:
                return self.world.seal.open(key, sealed)
            except ValueError:
                continue
        return None

    def state_of(self, profile_id: str) -> dict[str, Any]:
        [state] = [state for state in self.world.states() if state["profile_id"] == profile_id]
        return state

    # ---------------------------------------------------------------------------------------------- the judgement

    def check(self) -> None:
        """Who was unlinked stays so, and each profile is what those did whose strongest name leads there."""
        applied = {row["message_id"] for row in map(msgspec.json.decode, self.world.lake.rows)}
        for staying, leaving in [two for name, two in self.apart.items() if name in applied]:
            # what was left over and unlinked later may be whoever's it is
            left_since = set().union(*(others for _, others in self.apart.values()))
            assert self.home(*(staying - left_since)).isdisjoint(self.home(*leaving))
        for state in self.world.states():
            mine = [one for one in self.done if self.owner(one.identifiers[0]) == state["profile_id"]]
            check_state(state, mine, self.world.time.now)


def check_state(state: dict[str, Any], mine: list[Event], now: int) -> None:
    """A stored profile against what it was told, by oracles that share no code with what made it."""
    assert state.get("events", 0) == len(mine)
    happened = [oracles.Happening(one.time, one.name, one.properties) for one in mine]
    assert state.get("activity") == (oracles.counted(happened) if mine else None)
    said = [(one.time, name, value) for one in mine for name, value in one.traits.items()]
    known = {name: value for name, (value, *_) in state.get("traits", {}).items() if value is not None}
    assert known == oracles.last_words(said)
    inside = {name for name, (_, left_at, *_) in state.get("memberships", {}).items() if left_at is None}
    assert inside == expected_segments(mine, now)


def expected_segments(mine: list[Event], now: int) -> set[str]:
    views = [one.time for one in mine if one.name == "Product Viewed"]
    found = {"keen"} if oracles.did_within(views, 4, DAY, now) else set()
    for cart in {one.properties["cart_id"] for one in mine if "cart_id" in one.properties}:
        of_cart = [one for one in mine if one.properties.get("cart_id") == cart]
        added = [one.time for one in of_cart if one.name == "Product Added"]
        ordered = [one.time for one in of_cart if one.name == "Order Completed"]
        if oracles.is_abandoned(added, ordered, 15 * MINUTE, now):
            found.add(f"abandoned_cart\x1f{cart}")
    return found


__all__ = ["DAY", "HOUR", "MINUTE", "PEOPLE", "SECOND", "Mistaken", "check_state", "unlink_event"]
