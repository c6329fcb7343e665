"""A shop whose nights are learned from: customers in the real process_events, a run's steps, stores in memory.

The lake is compacted and asked by DuckDB in this process; what is learned is no mathematics (`PlainTrainer`).
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from attune.adapters.memory import MemoryDefinitions, MemoryFeatureTable, MemoryRegistry
from attune.domain.learning.clusters import Clusters, cluster
from attune.domain.learning.features import features_at
from attune.domain.learning.models import SHOPPER_CLUSTERS, Champion, encode_model
from attune.domain.profiles.consent import permits
from attune.domain.profiles.profile import Profile, Score
from attune.domain.profiles.state import decode_profile
from attune.use_cases.learning.permit_rows import PermitRows
from attune.use_cases.learning.refresh_scores import RefreshScores, pace_of
from attune.use_cases.learning.train_models import TrainModels
from tests.builders import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    consent_event,
    event,
    identifiers,
    identify,
    model,
    score_event,
)
from tests.faults.training import PlainTrainer
from tests.faults.wires import Steady, Wire, wired
from tests.faults.world import World
from tests.lakes import AFTER, FIELDS, TODAY, LakeOfTests

NAME = SHOPPER_CLUSTERS
FILES = ("model.json", "metrics.json", "lineage.json")
#: the second night's model is better than the first; the third night's is not enough better than the second
WORTH = {"run-1": 0.4, "run-2": 0.5, "run-3": 0.505}
ARRIVALS = {"run-2": TODAY, "run-3": AFTER}
#: two scores at once and once a wave, so that there are waves
PACE = msgspec.structs.replace(pace_of(1), bursts=1, burst=2)


@dataclass
class Watching:
    """Looks after every call, also one that breaks."""

    inner: Wire
    look: Callable[[], None]

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return self.inner.carry(name, call)
        finally:
            self.look()


@dataclass
class Night:
    """One run: what its steps have answered so far, as the machine remembers it."""

    run: str
    cutoff: int
    compacted: bool = False
    trained: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=lambda: {"done": False, "position": 0, "sent": 0})


class Shop:
    """Customers, the lake, the registry and the stream outlive every process; the steps of a night may not."""

    def __init__(self, lake: LakeOfTests, *, champion: str | None = "run-1") -> None:
        self.world = World(tick=0)
        #: the same story is told in the same words, so that a lake that remembers knows its days
        self._numbers = itertools.count(1)
        self.lake = lake
        self.lake.empty(self.world.profiles)
        self.lake.holds = self.world.holds
        self.registry = MemoryRegistry()
        self.features = MemoryFeatureTable(self._rows)
        self.champions: list[str | None] = []
        self._laid = 0
        if champion is not None:
            files = {"model.json": encode_model(model(champion)), "metrics.json": b"{}", "lineage.json": b"{}"}
            self.registry.keep(NAME, champion, files)
            self.registry.promote(NAME, Champion(version=champion), read=None)
        self._first_day()
        if champion is not None:
            self._score_everybody(model(champion))

    # ---------------------------------------------------------------------------------------------------- customers

    def _first_day(self) -> None:
        self.shop("ann", orders=5)
        self.shop("ben")
        self.shop("cid")
        self.shop("dee")
        self.shop("eve", orders=5, personalization=False)
        self.shop("fay", orders=5)
        self.shop("guest", orders=2)
        self.turn_out_to_be("guest", "ann")
        self.world.settle()

    def _score_everybody(self, by: Clusters) -> None:
        """An earlier night did."""
        now = self.world.time.now
        for one in self.profiles():
            if one.activity is not None and permits("personalization", one.consent):
                value = cluster(by, features_at(one.activity, now))
                self.world.send(score_event(one.profile_id, value, at=now, version=by.version))
        self.world.settle()

    def another_day(self) -> None:
        """One has become a good customer, one wants it no more, two turn out to be one, and one is new."""
        self.world.time.now += DAY
        self.shop("ben", orders=8)
        self.world.send(consent_event({"personalization": False}, **self._now(), **who("fay")))
        self.turn_out_to_be("dee", "cid")
        self.shop("new")
        self.world.settle()

    def shop(self, name: str, *, orders: int = 0, personalization: bool = True) -> None:
        consent = EVERYTHING | {"personalization": personalization}
        for number in range(orders):
            self.world.time.now += MINUTE
            said = {"order_id": f"{name}-{number}", "total": 100.0}
            self._send("Order Completed", name, consent=consent, properties=said)
        self._send("Product Viewed", name, consent=consent)

    def turn_out_to_be(self, device: str, name: str) -> None:
        both = identifiers(anonymous_id=device, user_id=f"user-{name}")
        for one in (both, identifiers(anonymous_id=name, user_id=f"user-{name}")):
            self.world.send(identify(identifiers=one, **self._now()))

    def _send(self, what: str, name: str, **overrides: Any) -> None:
        self.world.send(event(what, **self._now(), **who(name), **overrides))

    def _now(self) -> dict[str, Any]:
        return {"time": self.world.time.now, "message_id": f"said-{next(self._numbers)}"}

    # --------------------------------------------------------------------------------------------------- the night

    def night(self, run: str) -> Night:
        """Begins an hour later, when the day's rows lie in the lake."""
        self.world.time.now += HOUR
        rows = self.world.lake.rows[self._laid :]
        self._laid += len(rows)
        self.lake.arrive(*rows, day=ARRIVALS[run], at=self.world.time.now)
        return Night(run, self.world.time.now)

    def go_on(self, night: Night, wire: Wire | None = None) -> None:
        """The machine, from where it stands; every call of a step is a process of its own."""
        watching = Watching(wire or Steady(), self.look)
        while not night.compacted:
            night.compacted = self.lake.compact(night.cutoff, wire=watching)["done"]
        if not night.trained:
            night.trained = self._training(watching)(night.cutoff, night.run)
        while not night.scores["done"]:
            location, position, sent = night.trained["features"], night.scores["position"], night.scores["sent"]
            night.scores = self._refreshing(watching)(location, night.cutoff, position=position, sent=sent)

    def look(self) -> None:
        """The version that the pointer names, if any; all of it must be there, and it must load."""
        found = self.registry.champion(NAME)
        self.champions.append(found[1].version if found else None)
        if found is not None:
            assert self.registry.model(NAME, found[1].version).version == found[1].version
            assert all(self.registry.document(NAME, found[1].version, file) for file in FILES)

    def _training(self, wire: Wire) -> TrainModels:
        return TrainModels(
            features=wired(wire, "features", self.features),
            rows=PermitRows(
                features=self.features,  # its reads break in test_learning.py
                everybody=self.world.profiles,
                holds=self.lake.holds,
                definitions=MemoryDefinitions(),
                clock=self.world.time,
                count=lambda *_: None,
            ),
            registry=wired(wire, "registry", self.registry),
            trainer=PlainTrainer({**WORTH}),
            clock=self.world.time,
            count=lambda *_: None,
        )

    def _refreshing(self, wire: Wire) -> RefreshScores:
        return RefreshScores(
            features=wired(wire, "features", self.features),
            profiles=self.world.profiles,
            holds=self.lake.holds,
            definitions=MemoryDefinitions(),
            registry=wired(wire, "registry", self.registry),
            stream=wired(wire, "stream", self.world.stream),
            clock=self.world.time,
            sleep=lambda _: None,
            pace=PACE,
            count=lambda *_: None,
        )

    def _rows(self, cutoff: int) -> bytes:
        text = io.StringIO()
        rows = [(profile_id, *values) for profile_id, values in sorted(self.lake.features(cutoff).items())]
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([FIELDS, *rows])
        return text.getvalue().encode()

    # --------------------------------------------------------------------------------------------- what came of it

    def profiles(self) -> list[Profile]:
        return [decode_profile(item.state) for item in self.world.live_items()]

    def champion(self) -> Clusters:
        found = self.registry.champion(NAME)
        assert found is not None
        served = self.registry.model(NAME, found[1].version)
        assert isinstance(served, Clusters)
        return served

    def check_everybody(self, night: Night) -> None:
        """Once the stream is worked off: who permits it holds what the champion says of them, and nobody else does."""
        self.world.settle()
        champion = self.champion()
        scored = 0
        for one in self.profiles():
            if not permits("personalization", one.consent):
                assert one.scores == {}
                continue
            assert one.activity is not None
            held = one.scores[NAME]
            assert (held.value, held.version) == (
                cluster(champion, features_at(one.activity, night.cutoff)),
                champion.version,
            )
            assert held.at <= night.cutoff
            scored += 1
        assert scored >= 3

    def scores(self) -> dict[str, Score]:
        return {one.profile_id: one.scores[NAME] for one in self.profiles() if one.scores}


def who(name: str) -> dict[str, Any]:
    return {"identifiers": identifiers(anonymous_id=name)}
