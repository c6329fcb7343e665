"""Importing files within a world: dropped files, runs that call the function until it is done, what became of rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from attune.adapters.memory_imports import MemoryImportBucket
from attune.domain.collection.imports import report_key
from attune.domain.definitions.kinds import Definition
from attune.domain.definitions.mappings import Mapping
from attune.domain.definitions.sources import Source
from attune.use_cases.collection.import_files import Answer, ImportFiles
from attune.use_cases.collection.pace_stream import PaceStream
from attune.use_cases.collection.take_rows import TakeRows
from attune.use_cases.collection.take_turns import TakeTurns
from tests.faults.wires import Crash, Steady, Unavailable, Wire, wired
from tests.faults.world import World

KEY = "imports/tills/2025-06-15.csv"
HEADER = "receipt,card,total,sold_at"


def tills(**overrides: Any) -> Source:
    """A shop's tills: sales of customers with a loyalty card. The rows have no message id of their own."""
    mapping = Mapping(
        event="'Order Completed'",
        time="sold_at",
        identifiers={"loyalty_id": "card"},
        properties={"order_id": "receipt", "total": "to_number(total)"},
    )
    fields: dict[str, Any] = {
        "id": "tills",
        "type": "file",
        "consent": {"analytics": True, "personalization": True},
        "mapping": mapping,
    }
    return Source(**(fields | overrides))


def sale(number: int, card: str, day: str = "2025-06-15") -> str:
    return f"R-{number},{card},{number}.50,{day}T10:00:{number % 60:02}Z"


def table(rows: Iterable[str]) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


class NoTables:
    """No Parquet here."""

    def rows(self, pieces: Iterable[bytes], after: int) -> Iterator[bytes]:
        raise AssertionError


@dataclass
class Interlude:
    """At the `position`-th call something else happens: before it, or when it has been applied."""

    position: int
    then: Callable[[], Any]
    applied: bool = False
    calls: list[str] = field(default_factory=list)

    def carry(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        if len(self.calls) - 1 != self.position:
            return call()
        if not self.applied:
            self.then()
            return call()
        answer = call()
        self.then()
        return answer


class Imports:
    """One deployment's imports. `chunk` is small, so that a file has several."""

    def __init__(self, *more: Definition, wire: Wire | None = None, chunk: int = 3, world: World | None = None) -> None:
        self.world = world or World(tills(), *more)
        self.wire: Wire = wire or Steady()
        self.bucket = MemoryImportBucket(piece=40)
        self.chunk = chunk
        self.tables: Any = NoTables()

    def drop(self, key: str, content: bytes) -> None:
        self.bucket.put(key, content, self.world.time.now)

    def call(self, key: str, run: str = "run", *, wire: Wire | None = None, chunks: int = 1) -> Answer:
        """One invocation, which has time for so many chunks."""
        left = iter(range(chunks - 1))
        return self._function(wire or self.wire)(run, key, lambda: next(left, None) is not None)

    def run(self, key: str, run: str = "run", *, wire: Wire | None = None, chunks: int = 1) -> Answer:
        """As the machine: until done, and again what failed, at most four times in a row."""
        failures = 0
        for _ in range(10_000):
            try:
                answer = self.call(key, run, wire=wire, chunks=chunks)
            except (Crash, Unavailable):
                failures += 1
                assert failures <= 4
                continue
            failures = 0
            if answer.done:
                return answer
            self.world.time.now += 30_000
        raise AssertionError("it never ends")

    def report(self, key: str = KEY) -> dict[str, Any]:
        note = self.bucket.note(report_key(key))
        assert note is not None
        found: dict[str, Any] = json.loads(note.content)
        return found

    def orders(self) -> Counter[str]:
        """How often each order was applied to a profile, by its number."""
        rows = [row for row in map(json.loads, self.world.lake.rows) if row["verdict"] == "applied"]
        applied = {row["message_id"]: row for row in rows if row.get("event")}
        assert sum(state.get("events", 0) for state in self.world.states()) == len(applied)
        return Counter(row["properties"]["order_id"] for row in applied.values())

    def kept(self) -> Counter[tuple[str, str]]:
        """What lies in quarantine: reason and text."""
        return Counter((kept.reason, kept.raw.decode()) for kept in self.world.quarantine.all())

    def _function(self, wire: Wire) -> ImportFiles:
        world, bucket = self.world, wired(wire, "import_files.bucket", self.bucket)
        stream = wired(wire, "import_files.stream", world.stream)
        return ImportFiles(
            bucket=bucket,
            tables=self.tables,
            turns=TakeTurns(bucket, world.time),
            definitions=wired(wire, "import_files.definitions", world._definitions),
            take=TakeRows(
                pseudonyms=world.pseudonyms,
                pace=PaceStream(stream, shards=1, clock=world.time, sleep=self._sleep),
                count=lambda *_: None,
            ),
            clock=world.time,
            chunk=self.chunk,
        )

    def _sleep(self, seconds: float) -> None:
        self.world.time.now += round(seconds * 1_000)
