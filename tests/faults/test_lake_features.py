"""What the lake says of a profile is what the profile says of itself: two ways from the same events, bit by bit.

Random lives go through the real process_events, merges, duplicates, refusals and redelivery included; its rows are laid
down as Firehose would, compacted, and asked. Models are trained on the one and score the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from attune.adapters.memory import MemoryProfiles
from attune.domain.learning.features import FEATURES, features_at
from attune.domain.profiles.consent import permits
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import decode_profile
from tests.builders import DAY, EVERYTHING, HOUR, MINUTE, NOW, SECOND, consent_event, event, identifiers, identify
from tests.faults.effort import seeds
from tests.faults.simulator import Schedule
from tests.faults.world import World
from tests.lakes import AFTER, TODAY, LakeOfTests

NAMES = ("Product Viewed", "Product Viewed", "Product Added", "Cart Viewed", "Order Completed", "Searched")
WORTH: tuple[Any, ...] = (12.5, "19.99", 7, "free", None, 0.285, 1e-5, True, "1e3", 999_999_999_999.99)


class Life:
    """A few people on a few devices, some of whom turn out to be one."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._sent: list[Any] = []
        # Every record may be delivered again, and reads lag: rows are archived more than once.
        self.world = World(seed=seed, shards=2, lag=0.2, schedule=Schedule(again=0.2, parallel=2))

    def tell(self) -> Life:
        for _ in range(8):
            for _ in range(self._rng.randint(1, 4)):
                self.world.send(self._event(), **self._sender())
            self.world.settle()
            self.world.pass_time(self._rng.choice((SECOND, 5 * MINUTE, HOUR)))
        return self

    def _event(self) -> Any:
        rng, now = self._rng, self.world.time.now
        if self._sent and rng.random() < 0.15:
            return rng.choice(self._sent)
        who: dict[str, str] = {"anonymous_id": rng.choice(("ann", "ben", "cid", "dee"))}
        at = now - rng.choice((0, SECOND, 3 * DAY))
        roll = rng.random()
        if roll < 0.2:
            made = identify(identifiers=identifiers(**who, user_id=rng.choice(("u1", "u2"))), time=at)
        elif roll < 0.3:
            said = {"analytics": rng.random() < 0.9, "personalization": rng.random() < 0.6}
            made = consent_event(said, identifiers=identifiers(**who), time=now)
        else:
            consent = EVERYTHING | {"analytics": rng.random() < 0.95, "personalization": rng.random() < 0.95}
            properties = {name: rng.choice(WORTH) for name in ("total", "revenue", "value") if rng.random() < 0.5}
            made = event(
                rng.choice(NAMES), identifiers=identifiers(**who), time=at, consent=consent, properties=properties
            )
        self._sent.append(made)
        return made

    def _sender(self) -> dict[str, Any]:
        return {"received_at": self.world.time.now}


@pytest.fixture(scope="module")
def lake() -> Iterator[LakeOfTests]:
    lake = LakeOfTests()
    yield lake
    lake.close()


def of_profiles(profiles: MemoryProfiles, cutoff: int) -> dict[str, tuple[float, ...]]:
    """What the profiles say that may be asked."""
    states = [decode_profile(item.state) for item in profiles.all_items() if item.merged_into is None]
    return {
        one.profile_id: features_at(one.activity, cutoff)
        for one in states
        if one.activity is not None and permits("personalization", one.consent) and not is_to_be_scrubbed(one)
    }


def is_to_be_scrubbed(profile: Profile) -> bool:
    """Whether it holds what was done after storing had been withdrawn: nobody learns from that."""
    stored = profile.consent.get("analytics")
    return stored is not None and not stored.granted and (stored.since or stored.at) <= profile.last_seen - MINUTE


@pytest.mark.parametrize("seed", seeds(6))
def test_the_lake_and_the_profile_tell_the_same_of_everybody(seed: int, lake: LakeOfTests) -> None:
    world = Life(seed).tell().world
    cutoff = world.time.now
    lake.empty(world.profiles)
    rng = Random(seed)
    for one in world.lake.rows:  # some arrive late
        lake.arrive(one, day=rng.choice((TODAY, TODAY, AFTER)))
    lake.compact(NOW + DAY)
    expected = of_profiles(world.profiles, cutoff)
    assert {found: values[: len(FEATURES)] for found, values in lake.features(cutoff).items()} == expected


def test_the_lives_that_are_compared_have_everything_in_them() -> None:
    """Or the comparison would prove little."""
    rows: list[bytes] = []
    items = []
    for seed in seeds(6):
        world = Life(seed).tell().world
        rows += world.lake.rows
        items += world.profiles.all_items()
    for verdict in ("applied", "dropped", "merged"):
        assert any(f'"{verdict}"'.encode() in one for one in rows), verdict
    live = [decode_profile(item.state) for item in items if item.merged_into is None]
    assert len(live) < len(items)
    assert any(one.activity and one.activity.revenue for one in live)
    assert any(not permits("personalization", one.consent) for one in live)
    assert len({one.split(b'"verdict"')[0] for one in rows}) < len(rows), "nothing was archived twice"
