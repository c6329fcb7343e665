"""process_events on two streams: CPU beside a bare loop with the same rules, exactness, and DynamoDB's bill.

Every measurement is a process of its own. Those of time run one after the other on one core; what only counts (units,
exactness) runs beside them on another where there is one. `EVENTS=100000` makes for a shorter run; shorter streams are
the beginning of longer ones. The bare loop is the reference's and no part of this tree: without it there is no ratio.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.definitions import TWENTY, TWO_RULES
from benchmarks.process_figures import DEFINITIONS_BAR, LOOP_BAR, bill, check, figure, rate, speed

ROOT: Final = Path(__file__).resolve().parents[1]
REFERENCE: Final = ROOT.parent / "shared" / "reference" / "stream-baselines"
PROFILES: Final = 100_000
EVENTS: Final = int(os.environ.get("EVENTS", "1000000"))
#: the part of the stream that each run takes; small batches are slow, and no other for being many
SHARES: Final = {1: 0.05, 10: 0.1, 100: 0.2, 500: 0.2}
DEFINITIONS_SHARE: Final = 0.1
#: of people and events: the same week with fewer of both
JUDGED_SHARE: Final = 0.1
INDEPENDENT_SHARE: Final = 0.1

#: the reference's loop as it is; it imports orjson for a variant that is not run, and this tree does not have it
_LOOP: Final = """
import os, runpy, sys, types
core = int(sys.argv.pop(1))
if core >= 0:
    os.sched_setaffinity(0, {core})
sys.dont_write_bytecode = True
sys.modules.setdefault("orjson", types.SimpleNamespace(loads=None, dumps=None))
sys.path.insert(0, os.path.dirname(sys.argv[1]))
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<64}{'value':>10}  {'unit':<26}{'ratio':>7}{'bar':>7}")
    for one in measured():
        ratio, bar = ("" if one[name] is None else f"{one[name]:,}" for name in ("ratio", "bar"))
        verdict = {True: "holds", False: "FAILS", None: ""}[one["holds"]]
        print(f"{one['figure']:<64}{one['value']:>10,}  {one['unit']:<26}{ratio:>7}{bar:>7} {verdict}")


@functools.cache
def measured() -> list[dict[str, Any]]:
    """Everything, once."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        bench = _Bench(Path(folder))
        bench.prepare()
        if len(bench.cores) == 1:
            return [*bench.time(), *bench.counted()]
        counted = pool.submit(bench.counted)
        return [*bench.time(), *counted.result()]


@dataclass(frozen=True, slots=True)
class _Bench:
    folder: Path

    @property
    def cores(self) -> list[int]:
        """Those this process may use; none where the system cannot tell."""
        return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [-1]

    def prepare(self) -> None:
        """Write the streams, ours and, where its programs are, the reference's."""
        judged = int(EVENTS * JUDGED_SHARE), int(PROFILES * JUDGED_SHARE)
        _say(f"writing streams of up to {EVENTS:,} events")
        self._stream("sessions", EVENTS, PROFILES, "late")
        self._stream("independent", int(EVENTS * INDEPENDENT_SHARE), PROFILES, "late")
        self._stream("sessions", *judged, "late", name="judged late")
        self._stream("sessions", *judged, "in order", name="judged in order")
        if REFERENCE.exists():
            path = self.folder / "reference"
            _run([sys.executable, "-B", str(REFERENCE / "gen.py"), str(EVENTS), str(PROFILES), str(path)])

    def time(self) -> list[dict[str, Any]]:
        """CPU, on one core and nothing else of ours on it."""
        found = []
        for batch, share in SHARES.items():
            events = int(EVENTS * share)
            ours, loop = self._ours("sessions", batch, events), self._loop(batch, events)
            bar = LOOP_BAR if batch == 100 else None  # noqa: PLR2004 - the batch size that the bar is for
            name = f"two rules, batches of {batch}, first {events:,} events"
            found.append(rate(name, ours, loop, bar, "no reference here" if loop is None else None))
        events = int(EVENTS * DEFINITIONS_SHARE)
        two, twenty = self._ours("sessions", 100, events), self._ours("sessions", 100, events, segments=TWENTY)
        found.append(
            rate(f"20 definitions, batches of 100, first {events:,} events", twenty, speed(two), DEFINITIONS_BAR)
        )
        bare = self._ours("sessions", 100, events, seal=False)
        sealing = (two["cpu"] - bare["cpu"]) / events * 1e6
        return [*found, figure("of that: sealing the lake's rows", round(sealing, 1), "µs of CPU an event")]

    def counted(self) -> list[dict[str, Any]]:
        """Exactness, and what DynamoDB would bill."""
        found = []
        for order in ("in order", "late"):
            judged = "instants" if order == "in order" else "truth"
            ours = self._ours(f"judged {order}", 100, EVENTS, core=self.cores[0], judged=judged)["verdict"]
            wrong = sum(number for name, number in ours.items() if name.endswith("wrong"))
            name = f"wrong of {ours['looked at']:,} memberships looked at, events {order}"
            found.append(figure(name, wrong, "memberships", bar=0, holds=wrong == 0))
            if "instants differ" in ours:
                found.append(
                    figure("of these: began or ended earlier than was known", ours["instants differ"], "memberships")
                )
        for stream, batch, share in (("sessions", 500, 1.0), ("sessions", 100, 0.1), ("independent", 500, 1.0)):
            of = INDEPENDENT_SHARE if stream == "independent" else share
            ours = self._ours(stream, batch, int(EVENTS * of), core=self.cores[0], store="bill")
            found += bill(f"{stream}, batches of {batch}, {int(EVENTS * of):,} events", stream, batch, ours)
        return found

    def _stream(self, shape: str, events: int, profiles: int, order: str, name: str = "") -> None:
        path = str(self.folder / (name or shape))
        _run([sys.executable, "-m", "benchmarks.streams", shape, str(events), str(profiles), path, order])

    def _ours(self, stream: str, batch: int, events: int, **more: Any) -> dict[str, Any]:
        run: dict[str, Any] = {
            "path": str(self.folder / stream),
            "batch": batch,
            "events": events,
            "segments": TWO_RULES,
        }
        run |= {"core": self.cores[-1]} | more
        _say(f"{stream}, batches of {batch}, up to {events:,} events, {len(run['segments'])} definitions")
        answer: dict[str, Any] = json.loads(
            _run([sys.executable, "-m", "benchmarks.process_run"], json.dumps(run).encode())
        )
        check(answer)
        return answer

    def _loop(self, batch: int, events: int) -> float | None:
        """Events a CPU second of the reference's loop on as many events of its own stream."""
        whole, part, out = self.folder / "reference", self.folder / "reference part", self.folder / "out"
        if not whole.exists():
            return None
        with whole.open("rb") as source, part.open("wb") as target:
            target.writelines(line for line, _ in zip(source, range(events), strict=False))
        program = [sys.executable, "-c", _LOOP, str(self.cores[-1]), str(REFERENCE / "lambda_loop.py")]
        said = _run([*program, str(part), str(out), str(batch), "msgspec"]).decode()
        found = re.search(r"-> (\d+) ev/cpu-s", said)
        if found is None:
            raise RuntimeError(said)
        return float(found[1])


def _run(command: list[str], given: bytes = b"") -> bytes:
    path = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, input=given, stdout=subprocess.PIPE, check=True
    )
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
