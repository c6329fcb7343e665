"""Lives in the midst of which a segment becomes another one, backfilled while they go on."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from attune.adapters.memory import MemoryDefinitions
from attune.adapters.memory_history import MemoryHistory
from attune.adapters.memory_profiles import MemoryProfiles
from attune.domain.definitions.kinds import KINDS, Definition, Definitions, Segment, decode_definition
from attune.domain.events import Event
from attune.domain.past.readiness import serves_at_once
from attune.domain.past.takeovers import Standing, assemble
from attune.use_cases.past.backfill_segments import BackfillSegments
from attune.use_cases.past.settle_profiles import SettleProfiles
from tests.builders import MINUTE, SECOND, Pseudonyms, definition_list, event, identifiers, key_of
from tests.faults import oracles
from tests.faults.rebuilding import rebuilder, states
from tests.faults.wires import Crash, Steady, Wire, wired
from tests.faults.world import World

#: what Firehose holds back, and how long a run waits for it
HELD = 5 * MINUTE
WAIT = 6 * MINUTE


class Reader:
    """Definitions as a container reads them: up to 5 s old, and another snapshot when a takeover comes about."""

    def __init__(self, store: MemoryDefinitions, clock: Callable[[], int]) -> None:
        self._store, self._clock = store, clock
        self._read_at = -(10**15)
        self._until: int | None = None
        self._standings: list[Standing] = []
        self._snapshot = Definitions()

    def current(self) -> Definitions:
        now = self._clock()
        stale = now - self._read_at >= 5 * SECOND
        if stale:
            self._standings = [one for kind in KINDS for one in self._store.standings(kind)]
            self._read_at = now
        if stale or (self._until is not None and self._until <= now):
            self._snapshot, self._until = assemble(self._standings, now)
        return self._snapshot

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Changing(World):
    """A world whose definitions change; every container reads them for itself."""

    def __init__(self, *more: Definition, at: int, **options: Any) -> None:
        super().__init__(**options)
        self.time.now = at
        self.store = MemoryDefinitions(definition_list(*more))  # for ever there
        self.store._clock = lambda: self.time.now
        #: how many rows there were, by when
        self._rows: list[tuple[int, int]] = []
        self._read_up_to = 0

    @property
    def _definitions(self) -> Any:
        return Reader(self.store, lambda: self.time.now)

    @_definitions.setter
    def _definitions(self, _: Any) -> None:
        """Of a world whose definitions stay."""

    def _wait(self, until: int) -> bool:
        """The clock stands still while something is due: it is set by who visits instants."""
        is_due = any(item.due_at is not None and item.due_at <= until for item in self.profiles.all_items())
        if is_due:
            self.wake()
        return is_due

    def apply(self, definition: Definition) -> int:
        """As the editor does."""
        kind = str(type(definition).__struct_config__.tag)
        known = self.store.get(kind, definition.id)
        at_once = serves_at_once(definition, [one for each in KINDS for one in self.store.standings(each)])
        return self.store.put(definition, read_version=known[0] if known else None, at_once=at_once)

    def standing(self, name: str) -> Standing:
        [found] = [one for one in self.store.standings("segment") if one.definition.id == name]
        return found

    def read_by(self, container: Callable[[Any], Any]) -> None:
        """What was sent since the last time, by this container of process_events."""
        records = self._records(self._read_up_to)
        self._read_up_to += len(records)
        assert container(records) == []

    def note(self) -> None:
        """How far the lake has come."""
        self._rows.append((self.time.now, len(self.lake.rows)))

    def arrived(self) -> list[bytes]:
        """Rows that Firehose has let go of."""
        lengths = [length for at, length in self._rows if at <= self.time.now - HELD]
        return self.lake.rows[: max(lengths, default=0)]


class Run:
    """A backfill as the machine runs it; one that dies is begun again where its last answer was."""

    def __init__(
        self,
        world: Changing,
        pass_time: Callable[[int], None],
        wire: Wire | None = None,
        *,
        history: Callable[[Callable[[], list[bytes]], MemoryProfiles], Any] = MemoryHistory,
    ) -> None:
        """`pass_time` lets the world go on for so many ms."""
        self._world, self._pass_time, self._wire = world, pass_time, wire or Steady()
        self._visible: list[bytes] = []
        self._history = history(lambda: self._visible, world.profiles)

    def __call__(self, *ids: str) -> dict[str, Any]:
        """What it ended with."""
        position: Any = None
        self._compact()
        while True:
            try:
                answer = self._function()(ids, position, lambda: False)
            except Crash:
                continue
            position = answer["position"]
            if answer["done"]:
                return answer
            if answer["wait"]:
                self._compact()

    def _compact(self) -> None:
        self._pass_time(WAIT)
        self._visible = list(self._world.arrived())

    def _function(self) -> BackfillSegments:
        world, wire = self._world, self._wire
        return BackfillSegments(
            definitions=wired(wire, "backfill.definitions", world._definitions),
            history=wired(wire, "backfill.history", self._history),
            rebuild=rebuilder(world, wire=wire, history=self._history, page=2),
            settle=SettleProfiles(
                everybody=wired(wire, "backfill.everybody", world.profiles),
                profiles=wired(wire, "backfill.profiles", world.profiles),
                count=lambda *_: None,
                pause=lambda _: None,
                page=2,
            ),
            clock=world.time,
            sleep=lambda seconds: self._pass_time(int(seconds * 1_000) + 1),
        )


class Meanwhile:
    """At some calls of a run the world goes on by a little or by much, and sometimes the run dies."""

    def __init__(self, rng: Random, pass_time: Callable[[int], None], *, deaths: int = 0) -> None:
        self._rng, self._pass_time, self._deaths = rng, pass_time, deaths

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        rng = self._rng
        if rng.random() < 0.1:
            pause = rng.choice((1, SECOND, 20 * SECOND, 2 * MINUTE))
            # between reckoning the instant of a takeover and writing it down no more than ADR 22 allows
            self._pass_time(min(pause, SECOND) if name.endswith(".take_over") else pause)
        if self._deaths and rng.random() < 0.1:
            self._deaths -= 1
            if rng.random() < 0.5:
                call()
            raise Crash(name)
        return call()


def tree_segment(when: dict[str, Any], name: str = "tree") -> Segment:
    """The segment whose condition changes."""
    found = decode_definition({"kind": "segment", "id": name, "when": when})
    assert isinstance(found, Segment)
    return found


def profile_of(who: str) -> str:
    return Pseudonyms().profile_id(key_of("anonymous_id", who), 0)


class Lives:
    """What several people do, in order; each instant at which anything may change is visited."""

    def __init__(self, world: Changing, histories: dict[str, list[Event]], instants: list[int]) -> None:
        self.world: Changing = world
        self.histories: dict[str, list[Event]] = {who: [] for who in histories}
        self._waiting: list[tuple[int, str, Event]] = []
        for who, history in histories.items():
            self.wait_for(who, history)
        self._instants = sorted(instants)
        #: who was in the segment at each visited instant
        self.inside: list[tuple[int, str, bool]] = []

    def wait_for(self, who: str, events: list[Event]) -> None:
        """These will happen too."""
        self.histories[who] += events
        self._waiting = sorted([*self._waiting, *((one.time, who, one) for one in events)], key=lambda one: one[:2])

    def begin(self) -> None:
        """Everybody signs up."""
        for who in self.histories:
            signed = event(
                "Signed Up", time=self.world.time.now, identifiers=identifiers(anonymous_id=who), message_id=who
            )
            self.world.send(signed)
        self.world.settle()
        self.world.note()

    def until(self, end: int) -> None:
        """Visit every instant up to `end`."""
        while True:
            nexts = [self._waiting[0][0]] if self._waiting else []
            nexts += self._instants[:1]
            if not nexts or min(nexts) > end:
                break
            self._visit(min(nexts))
        self.world.time.now = max(self.world.time.now, end)

    def _visit(self, instant: int) -> None:
        world = self.world
        world.time.now = max(world.time.now, instant)
        while self._waiting and self._waiting[0][0] <= instant:
            world.send(self._waiting.pop(0)[2])
        while self._instants and self._instants[0] <= instant:
            self._instants.pop(0)
        world.settle()
        world.note()
        if world.time.now == instant:  # nobody was late
            self.inside += [(instant, who, self.is_inside(who)) for who in self.histories]

    def pass_time(self, milliseconds: int) -> None:
        self.until(self.world.time.now + milliseconds)

    def is_inside(self, who: str, segment: str = "tree") -> bool:
        stay = states(self.world.profiles)[profile_of(who)].memberships.get(segment)
        return stay is not None and stay.left_at is None

    def told(self, who: str, segment: str = "tree") -> list[tuple[type, int]]:
        images = [image for image in self.world.profiles.images() if image.profile_id == profile_of(who)]
        return [(type(one), one.at) for image in images for one in image.outbox if one.segment == segment]

    def truth(self, when: dict[str, Any], who: str, at: int) -> bool:
        """The slow way."""
        happened = [oracles.Happening(one.time, one.name, one.properties, one.traits) for one in self.histories[who]]
        return oracles.condition_holds(when, happened, "", at)
