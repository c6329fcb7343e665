"""A deployment in memory, step by step: entrances, the stream's functions, deliveries, the lake, its nights, repairs.

Nothing goes on by itself, so that something else may happen between any two steps, and `during` them at any call.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from attune.adapters.memory import MemoryDefinitions, MemoryFeatureTable, MemoryRegistry
from attune.adapters.memory_history import MemoryHistory
from attune.domain.definitions.kinds import Segment
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.domain.learning.models import Champion, encode_model
from attune.domain.learning.training import Order, Refusal
from attune.ports.deliveries import Answer
from attune.use_cases.learning.permit_rows import PermitRows
from attune.use_cases.learning.refresh_scores import RefreshScores, pace_of
from attune.use_cases.learning.train_models import TrainModels
from attune.use_cases.past.backfill_segments import BackfillSegments
from attune.use_cases.past.settle_profiles import SettleProfiles
from tests.builders import EVERYTHING, campaign, definition_list, model, vip_segment
from tests.faults.definition_changes import Reader
from tests.faults.importing import Imports
from tests.faults.learning_shop import NAME
from tests.faults.quarantine_desk import STORE, QuarantineDesk
from tests.faults.rebuilding import rebuild_all, rebuilder
from tests.faults.repairs import Repairs
from tests.faults.simulator import Simulator
from tests.faults.training import PlainCandidate, PlainTrainer
from tests.faults.wires import Crash, wired
from tests.lakes import FIELDS, LakeOfTests

#: a file of sales, of people who give their card and their address
TILLS = Source(
    id="tills",
    type="file",
    consent={"analytics": True, "personalization": True, "email": True},
    mapping=Mapping(
        event="'Order Completed'",
        time="sold_at",
        identifiers={"loyalty_id": "card", "email": "mail"},
        properties={"order_id": "receipt", "total": "to_number(total)"},
        traits={"said_in_file": "receipt"},
    ),
)
HEADER = "receipt,card,mail,total,sold_at"
#: says all that the profile holds
REMINDER = campaign(message={"who": {"value": "traits"}, "what": {"value": "cart.products"}})
DEFINITIONS = (TILLS, REMINDER, vip_segment())
#: ms before a failed batch is tried again
PAUSE = 30_000
GIVES_UP: dict[str, Any] = {"max_retries": 1, "bisect": True, "pause": PAUSE}


@dataclass
class Switch:
    """Carries every call; before calls of a name something else may happen once, or all such calls may break."""

    before: dict[str, Callable[[], Any]] = field(default_factory=dict)
    broken: str = ""
    left: int = 0
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        self.before.pop(name, lambda: None)()
        if name == self.broken and self.left:
            self.left -= 1
            raise Crash(name)
        return call()

    def breaks(self, name: str, times: int = 1_000) -> None:
        """The next calls of that name kill their process."""
        self.broken, self.left = name, times


class Trainer(PlainTrainer):
    """Each version is better than the one before. `taught`: whose rows each has seen; `taught_at`: when it began."""

    def __init__(self) -> None:
        super().__init__()
        self.taught: dict[str, set[str]] = {}
        self.taught_at: dict[str, int] = {}

    def __call__(self, order: Order, pieces: Iterable[bytes]) -> PlainCandidate | Refusal:
        content = b"".join(pieces)
        self.worth.setdefault(order.version, 0.5 + 0.1 * len(self.worth))
        made = super().__call__(order, [content])
        if isinstance(made, Refusal):
            return made
        rows = csv.DictReader(io.StringIO(content.decode()))
        self.taught[order.version] = {row["profile_id"] for row in rows}
        return replace(made, lineage={"run": order.version, "cutoff": order.cutoff})


class Shop:
    """`desk`: the entrances and quarantine; `world`: what it is a desk of."""

    def __init__(self, lake: LakeOfTests, *, seed: int = 1, rows: int = 4) -> None:
        """`rows` of a file are read at a time."""
        self.switch = Switch()
        self.desk = QuarantineDesk(*DEFINITIONS, seed=seed, wire=self.switch, mapping=GIVES_UP)
        self.world = self.desk.world
        self.imports = Imports(world=self.world, wire=self.switch, chunk=rows)
        self.repairs = Repairs(self.world, self.switch)
        self.lake = lake
        lake.empty(self.world.profiles)
        lake.holds = self.world.holds
        lake.holds = self.world.holds
        self.registry = MemoryRegistry()
        self.features = MemoryFeatureTable(self._rows)
        self.trainer = Trainer()
        self._asked: dict[str, Any] = {"holds": self.world.holds, "definitions": self, "count": lambda *_: None}
        self.history = MemoryHistory(self.landed, self.world.profiles)
        self._laid = 0

    def current(self) -> Any:
        """`DefinitionReader`: as they are now."""
        return self.world._definitions.current()

    # ------------------------------------------------------------------------------------------------- the stream

    def run(self, *mappings: Any) -> None:
        """These functions alone, until nothing is left for them at this instant."""
        Simulator(self.world.rng, mappings, self.world.turns, self.world._schedule).run()

    def process(self) -> None:
        self.run(self.world.process)

    def campaign(self) -> None:
        self.run(self.world.campaigns)

    def deliver(self, *answers: Answer) -> None:
        """Once to everybody whose turn it is; endpoints answer as told, then well."""
        self.world.sender._answers = list(answers)
        self.run(self.world.delivery)

    def wait(self, milliseconds: int) -> None:
        """Timers ring; nothing else happens."""
        self.world.time.now += milliseconds
        self.world.wake()

    # --------------------------------------------------------------------------------------------------- the lake

    def land(self) -> None:
        """Firehose lays down what it held."""
        rows = self.world.lake.rows[self._laid :]
        self._laid += len(rows)
        now = self.world.time.now
        if rows:
            self.lake.arrive(*rows, day=f"{datetime.fromtimestamp(now / 1_000, UTC):%Y-%m-%d}", at=now)

    def landed(self) -> list[bytes]:
        """Raw rows that queries may see."""
        files = self.lake.files
        found = [one.key for objects in files.raw(1 << 62).values() for one in objects]
        return [line for key in found for line in files.lines(key) if line.strip()]

    def compact(self) -> None:
        now = self.world.time.now
        while not self.lake.compact(now, wire=self.switch, now=now)["done"]:
            pass

    def serve(self, version: str) -> None:
        """A model of a time before anybody was known."""
        lineage = msgspec.json.encode({"run": version, "cutoff": 1})
        files = {"model.json": encode_model(model(version)), "metrics.json": b"{}", "lineage.json": lineage}
        self.registry.keep(NAME, version, files)
        self.registry.promote(NAME, Champion(version=version), read=None)
        self.world.champions.models = {NAME: model(version)}

    def train(self, run: str) -> str:
        """Answers where the features lie."""
        self.trainer.taught_at[run] = self.world.time()
        features = wired(self.switch, "train_models.features", self.features)
        use_case = TrainModels(
            features=features,
            rows=PermitRows(features=features, everybody=self.world.profiles, clock=self.world.time, **self._asked),
            registry=wired(self.switch, "train_models.registry", self.registry),
            trainer=self.trainer,
            clock=self.world.time,
            count=lambda *_: None,
        )
        location: str = use_case(self.world.time.now, run)["features"]
        if (version := self.champion()) is not None:
            self.world.champions.models = {NAME: self.registry.model(NAME, version)}
        return location

    def moved(self) -> tuple[int, str]:
        """When the champion became it, and which that is."""
        found = self.registry.champion(NAME)
        assert found is not None
        return found[1].moved_at or 0, found[1].version

    def champion(self) -> str | None:
        found = self.registry.champion(NAME)
        return None if found is None else found[1].version

    def score(self, location: str) -> None:
        """`$score` events for whoever is in these features."""
        use_case = RefreshScores(
            features=wired(self.switch, "refresh_scores.features", self.features),
            profiles=wired(self.switch, "refresh_scores.profiles", self.world.profiles),
            registry=self.registry,
            stream=self.world.stream,
            clock=self.world.time,
            sleep=lambda _: None,
            pace=pace_of(1),
            **self._asked,
        )
        assert use_case(location, self.world.time.now, position=0, sent=0)["done"]

    def _rows(self, cutoff: int) -> bytes:
        text = io.StringIO()
        rows = [(profile_id, *values) for profile_id, values in sorted(self.lake.features(cutoff).items())]
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([FIELDS, *rows])
        return text.getvalue().encode()

    # --------------------------------------------------------------------------------------------------- replays

    def rebuild(self) -> None:
        """Everybody, from the lake."""
        rebuild_all(self.world, history=self.history)

    def backfill(self, *more: Segment) -> None:
        """These segments are new, and everybody is folded anew for them."""
        world = self.world
        store = MemoryDefinitions(definition_list(*DEFINITIONS, STORE), clock=lambda: world.time.now)
        for one in store.standings("segment"):
            store.settle("segment", one.definition.id, one.version)
        for segment in more:
            store.put(segment, read_version=None, at_once=False)
        reader: Any = Reader(store, lambda: world.time.now)
        world._definitions = reader
        for function in (world.process, world.campaigns, world.delivery):
            function.invoke.idle.clear()  # type: ignore[attr-defined]
        answer: dict[str, Any] = {"position": None, "done": False}
        while not answer["done"]:
            answer = self._backfill(reader)((), answer["position"], lambda: True)

    def _backfill(self, reader: Any) -> BackfillSegments:
        world = self.world
        return BackfillSegments(
            definitions=reader,
            history=self.history,
            rebuild=rebuilder(world, history=self.history),
            settle=SettleProfiles(
                everybody=world.profiles, profiles=world.profiles, count=lambda *_: None, pause=lambda _: None
            ),
            clock=world.time,
            sleep=lambda seconds: self.wait(int(seconds * 1_000) + 1),
        )


def consents(granted: bool = True) -> dict[str, Any]:
    """A client's context."""
    return {"consent": {"categoryPreferences": dict.fromkeys(EVERYTHING, granted)}}


def plain(value: object) -> str:
    """Whatever was answered, as text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
