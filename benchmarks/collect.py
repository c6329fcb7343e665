"""What a call costs before it lies on the stream: `make bench TOPIC=collect`.

A track call of 1.1 KB with 13 properties is parsed, judged by a tracking plan and brought into its source's form,
beside what bare libraries take to parse and judge the same bytes by the same schemas: orjson with jsonschema-rs, and
the standard library's json with jsonschema. Then the same call from a request's body to an admitted event, as
`collect_events` does it, which also finds out who did it, when, and with what consent (ADR 32). µs are of CPU, each
the median of rounds that take turns with the baselines'.

Then what a million events cost from the browser to the stream, in requests, records and dollars: records are counted
from what `CollectEvents` puts, prices and formulas are those of the costs topic.
"""

from __future__ import annotations

import functools
import json
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import jsonschema_rs
import orjson

from attune.domain.collection.judging import CompiledPlan
from attune.domain.collection.normalising import Normaliser
from attune.domain.definitions.kinds import snapshot
from attune.domain.events import Event, Origin, Record
from attune.domain.identifiers import identity_key
from attune.sources.payloads import read_json
from attune.sources.segment import normalise
from attune.sources.segment_requests import open_request
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.collection.write_records import stream_entries
from benchmarks import costs, webhooks
from benchmarks.process_figures import figure
from benchmarks.track_call import CALL, PLAN, PROPERTIES, RAW, SOURCE, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND: Final = "make bench TOPIC=collect"
#: what is held (ADR 32): 2 and 10 were asked for, of the whole way
FAST_BAR: Final = 2.5
SLOW_BAR: Final = 10.0
WAY_FAST_BAR: Final = 6.0
WAY_SLOW_BAR: Final = 6.0
NOW: Final = 1_750_000_000_000
BATCHES: Final = (1, 20, 100)
_ROUNDS: Final = 15
_CALLS: Final = 2_000
_SECRET: Final = b"a benchmark's secret"
#: calls of a batch whose CPU is measured, by who writes it and how
_BATCH: Final = 20
_SPELT: Final = {"a browser's": (",", ":"), "a server's": (", ", ": ")}
#: steps that take long enough to be measured by fewer calls
_SLOW: Final = frozenset({"slow", *_SPELT})


class _Pseudonyms:
    """`Identified` that remembers what it was asked."""

    def __init__(self) -> None:
        self.key = functools.cache(lambda identifier: identity_key(_SECRET, identifier))

    def profile_id(self, first: str, generation: int) -> str:
        """Of nobody: events are not applied here."""
        raise NotImplementedError


def figures() -> list[dict[str, Any]]:
    """The topic's figures as `make bench` keeps them."""
    return [one | {"command": COMMAND} for one in measured()]


def show() -> None:
    """Measure, and print what came out."""
    for one in measured():
        beside = "" if one["baseline"] is None else f"beside {one['baseline']:,}"
        bar = "" if one["bar"] is None else f"bar {one['bar']} {'holds' if one['holds'] else 'FAILS'}"
        ratio = "" if one["ratio"] is None else f"{one['ratio']:.2f}"
        print(f"{one['figure']:<72}{one['value']:>10,}  {one['unit']:<24}{beside:<16}{ratio:>7}  {bar}")


@functools.cache
def measured() -> list[dict[str, Any]]:
    """Time of a call, then what batches cost, then what a webhook costs."""
    return [*_times(), *_batches(), *webhooks.measured()]


def _times() -> list[dict[str, Any]]:
    spent = _medians(_steps())
    size = f"a call of {len(RAW):,} bytes, {len(PROPERTIES)} properties"
    return [
        *_beside(f"{size}: parsed strictly, judged and formed", spent["formed"], spent, FAST_BAR, SLOW_BAR),
        *_beside(f"{size}: from a body to an admitted event", spent["way"], spent, WAY_FAST_BAR, WAY_SLOW_BAR),
        *(figure(f"  {name}", round(value, 2), "µs of CPU") for name, value in {
            "opening the request: UTF-8, its write key": spent["open"],
            "parsing: no key twice, numbers in range, depth": spent["read"],
            "reading the call: who, when, what, consent, fingerprint": spent["normalise"] - spent["read"],
            "judging by the plan": spent["judge"],
            "the source's form": spent["form"],
        }.items()),
        *(figure(f"an event of a batch of {_BATCH}, {clients}: from a body to an admitted event",
                 round(spent[clients] / _BATCH, 2), "µs of CPU") for clients in _SPELT),
    ]  # fmt: skip


def _beside(
    what: str, ours: float, spent: dict[str, float], fast_bar: float, slow_bar: float
) -> Iterator[dict[str, Any]]:
    """Beside both baselines: as many times the fast one's time, as many times below the slow one's."""
    fast, slow = spent["fast"], spent["slow"]
    ratio, times = round(ours / fast, 2), round(slow / ours, 2)
    yield figure(f"{what}, beside orjson + jsonschema-rs", round(ours, 2), "µs of CPU",
                 baseline=round(fast, 2), ratio=ratio, bar=fast_bar, holds=ratio <= fast_bar)  # fmt: skip
    yield figure("the same beside json + jsonschema, times below", round(ours, 2), "µs of CPU",
                 baseline=round(slow, 2), ratio=times, bar=slow_bar, holds=times >= slow_bar)  # fmt: skip


def _steps() -> dict[str, Callable[[], object]]:
    definitions = snapshot((SOURCE, PLAN))
    admit, plan, form = AdmitEvents(_Pseudonyms()), CompiledPlan(PLAN), Normaliser(SOURCE.normalise, str)
    envelope = open_request(RAW, "track")
    event = normalise(RAW, envelope, SOURCE, NOW)
    if not isinstance(event, Event):
        raise TypeError("the call is to be read")
    fast, slow = jsonschema_rs.Draft202012Validator(WHOLE), jsonschema.Draft202012Validator(WHOLE)

    def way(body: bytes, call: str) -> None:
        opened = open_request(body, call)
        for raw in opened.items:
            read = normalise(raw, opened, SOURCE, NOW)
            if not isinstance(read, Event) or not isinstance(admit(read, raw, SOURCE, definitions), Event):
                raise TypeError("the call is to be admitted")

    def formed() -> object:
        said = read_json(RAW)
        made = Event(type="track", message_id=said["messageId"], time=NOW, name=said["event"],
                     properties=said["properties"], context=said["context"])  # fmt: skip
        return form(plan.judge(made, len(RAW)).event or event)

    return {
        "formed": formed,
        "way": lambda: way(RAW, "track"),
        "fast": lambda: fast.is_valid(orjson.loads(RAW)),
        "slow": lambda: slow.is_valid(json.loads(RAW)),
        "open": lambda: open_request(RAW, "track"),
        "read": lambda: read_json(RAW),
        "normalise": lambda: normalise(RAW, envelope, SOURCE, NOW),
        "judge": lambda: plan.judge(event, len(RAW)),
        "form": lambda: form(event),
    } | {clients: functools.partial(way, _batch(_BATCH, spelt), "batch") for clients, spelt in _SPELT.items()}


def _medians(steps: dict[str, Callable[[], object]]) -> dict[str, float]:
    """µs of each, all in turns, so that a busy minute is everybody's."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_ROUNDS):
        for name, step in steps.items():
            calls = _CALLS // 10 if name in _SLOW else _CALLS
            before = time.process_time()
            for _ in range(calls):
                step()
            taken[name].append((time.process_time() - before) / calls * 1e6)
    return {name: statistics.median(times) for name, times in taken.items()}


def _batches() -> list[dict[str, Any]]:
    """A visitor's events come together, so a batch of any size is one record: one partition key."""
    found: list[dict[str, Any]] = []
    for size in BATCHES:
        records, units, large = _records(size)
        requests = costs.MILLION / size
        dollars = {
            "API Gateway": requests * costs.API_CALL,
            "collect_events": costs.compute(requests, costs.COLLECT_MS, 512),
            "Kinesis": requests * units * costs.PUT_UNIT,
        }
        label = f"batches of {size}, a visitor's each"
        found += [
            figure(f"{label}: records of a request", records, "records", bar=1.0, holds=records == 1),
            figure(f"{label}: requests", round(requests), "a million events"),
            figure(f"{label}: records, of {large:,} bytes", round(requests * records), "a million events"),
            figure(f"{label}: API, function and stream", round(sum(dollars.values()), 3), "USD a million events"),
        ]
    return found


def _records(size: int) -> tuple[int, int, int]:
    """(records, PUT units of 25 KB, bytes of the largest record) of a batch of one visitor."""
    envelope = open_request(_batch(size, (",", ":")), "batch")
    events = [normalise(raw, envelope, SOURCE, NOW) for raw in envelope.items]
    request = Record(source=SOURCE.id, origin=Origin.CLIENT, received_at=NOW, key="")
    kept = [event for event in events if isinstance(event, Event)]
    sizes = [len(data) for _, data in stream_entries(_Pseudonyms(), request, kept)]
    return len(sizes), sum(-(-one // 25_600) for one in sizes), max(sizes)


def _batch(size: int, spelt: tuple[str, str]) -> bytes:
    """A batch as JSON with these separators."""
    calls = [CALL | {"messageId": f"m-{number:04}"} for number in range(size)]
    return json.dumps({"batch": calls}, separators=spelt).encode()
