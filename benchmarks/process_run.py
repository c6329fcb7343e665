"""One measured run of process_events over a stream on disk: `python -m benchmarks.process_run` with a `Run` as JSON.

A process of its own, on one core. What is measured is the use case as it is deployed, with its cache, between a store
in memory and a lake that throws away: from the bytes of a record to the bytes of a profile and of its rows.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.adapters.aes_seal import AesSeal
from attune.adapters.cached_profiles import CachedProfiles
from attune.adapters.memory import MemoryChampions, MemoryQuarantine
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.domain.definitions.kinds import Definitions, decode_definition, snapshot
from attune.domain.events import encode_record
from attune.domain.profiles.state import decode_profile
from attune.use_cases.processing.process_events import ProcessEvents, StreamRecord
from attune.use_cases.processing.wake_profiles import wake
from benchmarks import streams, tables
from benchmarks.process_oracle import Judge, stays_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: events between two words of progress
_SHOWN: Final = 20_000
#: as long as Kinesis's are
_FIRST_SEQUENCE: Final = 49_650_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What to run, on which core (-1: on any). `segments` may hold computed traits, with their `kind`.

    `store`: `lean` to measure time, `bill` for units; `judged`: `none`, `truth`, `instants`.
    """

    path: str
    batch: int
    events: int
    segments: list[dict[str, Any]]
    store: str = "lean"
    seal: bool = True
    judged: str = "none"
    core: int = -1


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; sizes are of states (lean) or items (bill), as quantiles by `quantiles`."""

    events: int
    woken: int
    cpu: float
    commits: int
    rows: int
    outcomes: dict[str, int]
    written: dict[str, int] = {}
    stored: dict[str, int] = {}
    writes: dict[str, float] = {}
    reads: dict[str, float] = {}
    naive: int = 0
    verdict: dict[str, int] = {}


class _Secrets:
    """As much of Secrets Manager as is asked."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: ARG002, N803 - boto3's spelling
        return {"SecretString": streams.SECRET.decode()}


class _Definitions:
    """A snapshot that stays, as the adapter's does between changes."""

    def __init__(self, segments: Sequence[dict[str, Any]]) -> None:
        self._known = snapshot(tuple(decode_definition({"kind": "segment"} | one) for one in segments))

    def current(self) -> Definitions:
        return self._known


class _NoSeal(AesSeal):
    """What is left when sealing costs nothing."""

    def seal(self, key: bytes, plain: bytes) -> bytes:  # noqa: ARG002
        return plain


class _Drain:
    """A lake that counts rows and forgets them."""

    def __init__(self) -> None:
        self.rows = 0

    def append(self, rows: Sequence[bytes]) -> None:
        self.rows += len(rows)


class _Stream:
    """The events as they arrive, and every minute the wake-ups that are due by then."""

    def __init__(self, run: Run, alarms: tables.Alarms) -> None:
        self._run, self._alarms = run, alarms
        self.events = self.woken = 0

    def batches(self) -> Iterator[list[StreamRecord]]:
        """Records to process together; `arrived_at` of the last is when they are all there."""
        ordered = self._in_order()
        sequence = _FIRST_SEQUENCE
        while batch := list(itertools.islice(ordered, self._run.batch)):
            yield [
                StreamRecord(arrival.key, str(sequence + number), arrival.data, arrival.at)
                for number, arrival in enumerate(batch)
            ]
            sequence += len(batch)

    def _in_order(self) -> Iterator[streams.Arrival]:
        minute = 0
        with Path(self._run.path).open("rb") as file:
            for arrival in itertools.islice(streams.read(file), self._run.events):
                minute = minute or arrival.at
                while minute <= arrival.at:
                    for due in self._alarms.due(minute):
                        self.woken += 1
                        yield streams.Arrival(minute, due.profile_id, encode_record(wake(due, minute)))
                    minute += streams.MINUTE
                self.events += 1
                yield arrival


class _Bench:
    """Everything one run consists of."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.bill = tables.Bill()
        self.naive = tables.Naive()
        self.bill.listeners.append(self.naive)
        self.lean = tables.LeanProfiles()
        self.alarms = tables.Alarms(tables.over(self.bill) if run.store == "bill" else self.lean)
        self.outcomes: Counter[str] = Counter()
        self.judge = None if run.judged == "none" else Judge(instants=run.judged == "instants")
        self._lake = _Drain()
        self._now = 0
        secrets: Any = _Secrets()
        pseudonyms = SecretPseudonyms(secrets, "")
        self.process = ProcessEvents(
            profiles=CachedProfiles(self.alarms),
            lake=self._lake,
            quarantine=MemoryQuarantine(pseudonyms.key),
            definitions=_Definitions(run.segments),
            champions=MemoryChampions({}),
            pseudonyms=pseudonyms,
            seal=AesSeal() if run.seal else _NoSeal(),
            clock=lambda: self._now,
            epoch=1,
            count=self._count,
            pause=lambda _: None,
            report=_raise,
        )

    def measure(self) -> Outcome:
        """Only the use case's own time counts, not what makes and judges its batches."""
        stream = _Stream(self._run, self.alarms)
        cpu, shown = 0.0, 0
        for batch in stream.batches():
            self._now = batch[-1].arrived_at
            before = time.process_time()
            failed = self.process(batch)
            cpu += time.process_time() - before
            if failed:
                raise RuntimeError(f"{len(failed)} records failed")
            if self.judge:
                self._judge(self.judge, batch)
            if stream.events - shown >= _SHOWN:
                shown = stream.events
                print(f"\r  {shown:,} events, {shown / cpu:,.0f} a CPU second ", end="", file=sys.stderr, flush=True)
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        return self._outcome(stream, cpu)

    def _judge(self, judge: Judge, batch: list[StreamRecord]) -> None:
        for record in batch:
            judge.hear(record.data)
        for profile_id in self.alarms.touched():
            profile = decode_profile(self.lean.stored[profile_id].state)
            person = next(
                link.identifier.value for link in profile.links.values() if link.identifier.namespace == "user_id"
            )
            remembered = (cart for timers in profile.timers.values() for cart in timers)
            judge.look(person, profile.as_of, stays_of(profile.memberships), remembered)

    def _outcome(self, stream: _Stream, cpu: float) -> Outcome:
        stored = self.lean.stored.values()
        items = self.bill.tables[tables.PROFILES].values()
        sizes = Counter(map(tables.item_size, items)) if items else Counter(len(item.state) for item in stored)
        return Outcome(
            events=stream.events,
            woken=stream.woken,
            cpu=cpu,
            commits=self.alarms.commits,
            rows=self._lake.rows,
            outcomes=dict(self.outcomes),
            stored=quantiles(sizes),
            written=quantiles(self.bill.sizes or self.alarms.sizes),
            writes=dict(self.bill.writes),
            reads={table: halves / 2 for table, halves in self.bill.reads.items()},
            naive=self.naive.units,
            verdict=dict(self.judge.verdict) if self.judge else {},
        )

    def _count(self, metric: str, value: int, dimensions: Mapping[str, str]) -> None:
        self.outcomes[" ".join([metric, *filter(None, dimensions.values())])] += value


def quantiles(sizes: Counter[int]) -> dict[str, int]:
    """How many there are, their mean, median, 99th percentile and maximum."""
    ordered = sorted(sizes.elements())
    if not ordered:
        return {}
    return {
        "number": len(ordered),
        "mean": sum(ordered) // len(ordered),
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "max": ordered[-1],
    }


def _raise(error: BaseException) -> None:
    raise error


def main() -> None:
    """One run as JSON in, its outcome as JSON out."""
    run = msgspec.json.decode(sys.stdin.buffer.read(), type=Run)
    if run.core >= 0:
        os.sched_setaffinity(0, {run.core})
    sys.stdout.buffer.write(msgspec.json.encode(_Bench(run).measure()))


if __name__ == "__main__":
    main()
