"""Lives whose profiles are folded anew from the lake, and who does it: alone, or in the midst of everything else."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from attune.adapters.memory_history import MemoryHistory
from attune.adapters.memory_profiles import MemoryProfiles
from attune.domain.definitions.kinds import Definition
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile, encode_profile
from attune.ports import Commit
from attune.ports.rebuilding import History
from attune.use_cases.past.rebuild_profiles import RebuildProfiles
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    SECOND,
    consent_event,
    event,
    identifiers,
    identify,
    model,
    score_event,
    vip_segment,
)
from tests.faults.simulator import Batch, Schedule, Simulator
from tests.faults.wires import Steady, TurnTaking, Wire, wired
from tests.faults.world import World

#: somebody
ME = identifiers(anonymous_id="me")
NAMES = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Cart Viewed", "Order Completed")
ROUGH = Schedule(again=0.2, parallel=3)
#: what was laid out lies there for the next invocation
_HISTORIES: WeakKeyDictionary[MemoryProfiles, MemoryHistory] = WeakKeyDictionary()


def rebuilder(
    world: World,
    *,
    wire: Wire | None = None,
    profiles: MemoryProfiles | None = None,
    history: History | None = None,
    pause: Callable[[int], None] = lambda _: None,
    page: int = 200,
) -> RebuildProfiles:
    """The use case on the world's stores; `profiles`, `history`: on others."""
    carried = wire or Steady()
    stores = profiles or world.profiles
    lake = history or _HISTORIES.setdefault(stores, MemoryHistory(lambda: list(world.lake.rows), stores))
    return RebuildProfiles(
        profiles=wired(carried, "rebuild_profiles.profiles", stores),
        history=wired(carried, "rebuild_profiles.history", lake),
        definitions=wired(carried, "rebuild_profiles.definitions", world._definitions),
        pseudonyms=world.pseudonyms,
        seal=world.seal,
        clock=world.time,
        count=lambda *_: None,
        pause=pause,
        page=page,
    )


def rebuild_all(world: World, **options: Any) -> dict[str, int]:
    """Everybody, in as many calls as it takes; answers the counts."""
    answer: dict[str, Any] = {"done": False, "position": None}
    while not answer["done"]:
        answer = rebuilder(world, **options)([], answer["position"], lambda: False)
    return {name: count for name, count in answer.items() if name not in {"done", "position"}}


def states(profiles: MemoryProfiles) -> dict[str, Profile]:
    """Live profiles by id."""
    return {one.profile_id: decode_profile(one.state) for one in profiles.all_items() if one.state}


def content(profile: Profile) -> dict[str, Any]:
    """All that must be equal whatever came late, stays in segments aside."""
    timers = {
        slot: {key: (timer.did, timer.without) for key, timer in keys.items()} for slot, keys in profile.timers.items()
    }
    return {
        "traits": profile.traits,
        "gone": profile.gone,
        "windows": profile.windows,
        "timers": timers,
        "carts": profile.carts,
        "activity": profile.activity,
        "seen": (profile.events, profile.first_seen, profile.last_seen, profile.as_of),
    }


def inside(profile: Profile) -> dict[str, int]:
    """The segments that somebody is in, and since when."""
    return {name: stay.entered_at for name, stay in profile.memberships.items() if stay.left_at is None}


def withdrew(profile: Profile) -> bool:
    """Whether storing was ever refused, as far as is known: of what was accepted then, a rebuild leaves things out."""
    said = profile.consent.get("analytics")
    return said is not None and (not said.granted or said.since > 0)


def the_one(world: World) -> Profile:
    [profile] = states(world.profiles).values()
    return profile


def told(world: World) -> list[Any]:
    """Everything that campaigns ever heard."""
    return [change for image in world.profiles.images() for change in image.outbox]


def kept_only(profile: Profile) -> Profile:
    """What a rebuild does not take from the lake; the rest empty."""
    kept = decode_profile(encode_profile(profile))
    kept.traits, kept.windows, kept.timers, kept.carts, kept.memberships = {}, {}, {}, {}, {}
    kept.activity, kept.last_seen = None, 0
    return kept


def emptied(world: World) -> MemoryProfiles:
    """Another store: tombstones, and live profiles that hold what a rebuild keeps."""
    store = MemoryProfiles()
    for item in world.profiles.all_items():
        bare = (
            item
            if item.merged_into
            else msgspec.structs.replace(item, state=encode_profile(kept_only(decode_profile(item.state))), outbox=())
        )
        store.commit(Commit(items=((None, bare),)))
    return store


def write(world: World, profile: Profile) -> None:
    """As somebody else would, without a word of it."""
    [item] = [one for one in world.live_items() if one.profile_id == profile.profile_id]
    changed = msgspec.structs.replace(item, version=item.version + 1, state=encode_profile(profile), outbox=())
    world.profiles.commit(Commit(items=((item.version, changed),)))


class Life:
    """A few people on a few devices, some of whom turn out to be one; a shop, an app and a model speak of them."""

    def __init__(
        self,
        seed: int,
        *more: Definition,
        late: bool = True,
        wire: Wire | None = None,
        world: type[World] = World,
    ) -> None:
        """`late`: events are told up to three days after they happened."""
        self._rng, self._late = Random(seed), late
        self._sent: list[Any] = []
        self._number = 0
        lag = 0.2 if late else 0.0
        calm = Schedule(again=0.0, parallel=1)
        self.world = world(
            vip_segment(),
            *more,
            models=[model()],
            seed=seed,
            shards=2,
            lag=lag,
            schedule=ROUGH if late else calm,
            wire=wire,
        )

    def tell(self, rounds: int = 8, after: Callable[[World], Any] = lambda _: None) -> Life:
        """`after` each round."""
        for _ in range(rounds):
            for _ in range(self._rng.randint(1, 5)):
                self._send()
                if not self._late:
                    self.world.settle()
            self.world.settle()
            self.world.pass_time(self._rng.choice((SECOND, 5 * MINUTE, 20 * MINUTE, HOUR, 7 * HOUR)))
            after(self.world)
        return self

    def _send(self) -> None:
        rng, now = self._rng, self.world.time.now
        self._number += 1
        roll = rng.random()
        # what is told again later counts again: test_an_event_that_was_counted_twice_counts_once_after_a_rebuild
        fresh = [(one, source) for one, source, sent_at in self._sent if now - sent_at < 23 * HOUR]
        if fresh and roll < 0.1:
            one, source = rng.choice(fresh)
            if roll < 0.05:  # the same id with another content
                one = msgspec.structs.replace(
                    one, properties={"other": self._number}, fingerprint=f"{self._number:016x}"
                )
        elif roll < 0.15 and (found := self.world.live_items()):
            said = rng.choice(["vip", "lapsed"])
            one = score_event(rng.choice(found).profile_id, said, at=now - MINUTE, version=f"run-{self._number}")
            self.world.send(one)
            return
        else:
            one, source = self._event(now), rng.choice(("shop", "app"))
        self._sent.append((one, source, now))
        self.world.send(one, received_at=now, source=source)

    def _event(self, now: int) -> Any:
        rng = self._rng
        who: dict[str, str] = {"anonymous_id": rng.choice(("ann", "ben", "cid", "dee"))}
        at = now - (rng.choice((0, 0, SECOND, HOUR, 3 * DAY)) if self._late else 0)
        fields: dict[str, Any] = {"message_id": f"m{self._number}", "time": at}
        roll = rng.random()
        traits = {name: rng.choice((None, 1, "a")) for name in ("city", "age") if rng.random() < 0.3}
        if roll < 0.2:
            claimed = identifiers(**who, user_id=rng.choice(("u1", "u2")))
            return identify(traits, identifiers=claimed, **fields)
        if roll < 0.3:
            said = {"analytics": rng.random() < 0.9, "personalization": rng.random() < 0.6}
            return consent_event(said, identifiers=identifiers(**who), **fields | {"time": now})
        name = rng.choice(NAMES)
        properties: dict[str, Any] = {"product_id": rng.choice("pqr"), "total": rng.choice((12.5, "0.35", 7))}
        if name != "Product Viewed":
            properties["cart_id"] = rng.choice(("c1", "c2"))
        return event(
            name,
            identifiers=identifiers(**who),
            properties=properties,
            traits=traits,
            consent=EVERYTHING | {"personalization": rng.random() < 0.95},
            **fields,
        )


class Busy(World):
    """A world in which everybody is folded anew again and again, side by side with everything else."""

    rebuilding: RebuildMapping | None = None

    def settle(self, *, until: int | None = None, sending: bool = True) -> Simulator:
        """As of a world without."""
        self.rebuilding = self.rebuilding or RebuildMapping(self)
        self.rebuilding.left = 2
        simulator = Simulator(
            self.rng,
            [self.process, self.campaigns, *([self.delivery] if sending else []), self.rebuilding],
            self.turns,
            self._schedule,
            idle=lambda: self._wait(self.time.now if until is None else until),
        )
        simulator.run()
        return simulator


class RebuildMapping:
    """Starts a rebuild of everybody at some point, as often as there is one `left`; one that breaks starts again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._busy = False
        self.left = 0
        self.counts: list[dict[str, int]] = []

    def invoke(self, _: list[Any]) -> None:
        world = self._world
        carried = TurnTaking(world.turns, world.wire)
        self.counts.append(rebuild_all(world, wire=carried, pause=lambda _: world.turns.give_away(), page=2))

    def take(self, rng: Random) -> Batch | None:
        if self._busy or not self.left or rng.random() < 0.5:
            return None
        self._busy = True
        return Batch(0, [])

    def settle(self, batch: Batch, answer: Any, *, failed: bool, again: bool) -> None:
        self._busy = False
        self.left -= not failed
