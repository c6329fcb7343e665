"""What a call costs before it lies on the stream: `make bench TOPIC=collect`.

A track call of 1.1 KB with 13 properties is read, judged by a tracking plan and brought into its source's form, as
`collect_events` does it, beside what bare libraries take for the same bytes and the same schemas: orjson with
jsonschema-rs, and the standard library's json with jsonschema. They only parse and judge; what else is done here, the
last lines say one by one. µs are of CPU, each the median of rounds that take turns with the baselines'.

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
import msgspec
import orjson

from attune.domain.definitions import snapshot
from attune.domain.events import Event, Origin, Record
from attune.domain.identifiers import identity_key
from attune.domain.judging import CompiledPlan
from attune.domain.normalisation import CurrencyValue, Normalisation
from attune.domain.normalising import Normaliser
from attune.domain.sources import Source
from attune.domain.tracking_plans import CommonRules, PlannedEvent, TrackingPlan
from attune.sources.payloads import read_json
from attune.sources.segment import normalise
from attune.sources.segment_requests import open_request
from attune.use_cases.admit_events import AdmitEvents
from attune.use_cases.write_records import stream_entries
from benchmarks import costs, webhooks
from benchmarks.process_figures import figure

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND: Final = "make bench TOPIC=collect"
FAST_BAR: Final = 2.0
SLOW_BAR: Final = 10.0
NOW: Final = 1_750_000_000_000
BATCHES: Final = (1, 20, 100)
_ROUNDS: Final = 15
_CALLS: Final = 2_000
_SECRET: Final = b"a benchmark's secret"

PROPERTIES: Final[dict[str, Any]] = {
    "cart_id": {"type": "string", "minLength": 1, "maxLength": 64},
    "product_id": {"type": "string", "maxLength": 64},
    "sku": {"type": "string", "pattern": "^[A-Z0-9-]{1,32}$"},
    "category": {"type": "string", "maxLength": 128},
    "name": {"type": "string", "maxLength": 256},
    "brand": {"type": "string", "maxLength": 64},
    "variant": {"type": "string", "maxLength": 64},
    "price": {"type": "number", "minimum": 0},
    "quantity": {"type": "integer", "minimum": 1, "maximum": 1_000},
    "coupon": {"type": ["string", "null"], "maxLength": 64},
    "position": {"type": "integer", "minimum": 0},
    "currency": {"enum": ["EUR", "USD", "GBP"]},
    "url": {"type": "string", "maxLength": 2_048},
}
PLANNED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": PROPERTIES,
    "required": ["cart_id", "product_id", "price", "quantity"],
    "additionalProperties": False,
}
CONTEXT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "library": {"type": "object", "properties": {"name": {"type": "string"}, "version": {"type": "string"}}},
        "locale": {"type": "string", "maxLength": 16},
        "page": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("path", "referrer", "title", "url")},
        },
        "consent": {
            "type": "object",
            "properties": {"categoryPreferences": {"type": "object", "additionalProperties": {"type": "boolean"}}},
            "required": ["categoryPreferences"],
        },
    },
    "required": ["consent"],
}
PLAN: Final = TrackingPlan(
    id="storefront",
    events={"Product Added": PlannedEvent(properties=PLANNED)},
    common=CommonRules(context=CONTEXT),
    on_violation="block",
)
#: the same rules as one schema of the whole call
WHOLE: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"event": {"const": "Product Added"}, "properties": PLANNED, "context": CONTEXT},
    "required": ["event", "properties", "context"],
}
SOURCE: Final = Source(
    id="shop",
    tracking_plan="storefront",
    normalise=Normalisation(ecommerce=True, currency="EUR", values={"properties.currency": CurrencyValue()}),
)
CALL: Final[dict[str, Any]] = {
    "type": "track",
    "event": "Product Added",
    "messageId": "ajs-next-1750000000000-4b0c6a7e-6f0d-4a31-9d1f-2f8b8b2f3a10",
    "anonymousId": "0b1f5f2e-7a55-4b7c-9a32-6f2c1d6a7c11",
    "userId": "customer-48211",
    "timestamp": "2025-06-15T15:06:38.900Z",
    "sentAt": "2025-06-15T15:06:39.000Z",
    "integrations": {},
    "properties": {
        "cart_id": "cart-77120", "product_id": "sku-1093", "sku": "RS-42-BLK", "category": "Shoes/Running",
        "name": "Trail runner 42, waterproof", "brand": "Fleet", "variant": "black", "price": 119.9, "quantity": 1,
        "coupon": "SUMMER25", "position": 3, "currency": "EUR", "url": "https://shop.example.com/p/1093?c=running&s=1",
    },
    "context": {
        "library": {"name": "analytics.js", "version": "npm:next-1.81.0"},
        "locale": "de-DE",
        "timezone": "Europe/Berlin",
        "userAgent": (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
        ),
        "page": {
            "path": "/p/1093", "referrer": "https://shop.example.com/shoes/running", "title": "Trail runner 42 | Shop",
            "url": "https://shop.example.com/p/1093?c=running&s=1",
        },
        "consent": {"categoryPreferences": {"analytics": True, "personalization": True}},
    },
}  # fmt: skip
#: as browsers write it
RAW: Final = json.dumps(CALL, separators=(",", ":")).encode()


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
    definitions = snapshot((SOURCE, PLAN))
    admit = AdmitEvents(_Pseudonyms())
    envelope = open_request(RAW, "track")
    event = normalise(RAW, envelope, SOURCE, NOW)
    if not isinstance(event, Event) or not isinstance(admit(event, RAW, SOURCE, definitions), Event):
        raise TypeError("the call is to be admitted")
    plan, form = CompiledPlan(PLAN), Normaliser(SOURCE.normalise, str)
    fast = jsonschema_rs.Draft202012Validator(WHOLE)
    slow = jsonschema.Draft202012Validator(WHOLE)

    def ours_step() -> object:
        read = normalise(RAW, envelope, SOURCE, NOW)
        return admit(read, RAW, SOURCE, definitions) if isinstance(read, Event) else None

    def parsed() -> object:
        fields = read_json(RAW)
        return form(
            plan.judge(msgspec.structs.replace(event, properties=fields["properties"]), len(RAW)).event or event
        )

    spent = _medians(
        {
            "ours": ours_step,
            "parsed": parsed,
            "fast": lambda: fast.is_valid(orjson.loads(RAW)),
            "slow": lambda: slow.is_valid(json.loads(RAW)),
            "read": lambda: read_json(RAW),
            "normalise": lambda: normalise(RAW, envelope, SOURCE, NOW),
            "judge": lambda: plan.judge(event, len(RAW)),
            "form": lambda: form(event),
        }
    )
    size = f"{len(RAW):,} bytes, {len(PROPERTIES)} properties"
    ours, fast_time, slow_time = spent["ours"], spent["fast"], spent["slow"]
    ratio, times, like = round(ours / fast_time, 2), round(slow_time / ours, 2), round(spent["parsed"] / fast_time, 2)
    return [
        figure(f"a call of {size}: from bytes to an admitted event, beside orjson + jsonschema-rs", round(ours, 2),
               "µs of CPU", baseline=round(fast_time, 2), ratio=ratio, bar=FAST_BAR, holds=ratio <= FAST_BAR),
        figure("  of that parsing, strictly, judging and forming, without reading the call", round(spent["parsed"], 2),
               "µs of CPU", baseline=round(fast_time, 2), ratio=like),
        figure("the same beside json + jsonschema, times below", round(ours, 2), "µs of CPU",
               baseline=round(slow_time, 2), ratio=times, bar=SLOW_BAR, holds=times >= SLOW_BAR),
        *(figure(f"  {name}", round(value, 2), "µs of CPU") for name, value in {
            "parsing: UTF-8, no key twice, numbers in range, depth": spent["read"],
            "reading the call: who, when, what, consent, fingerprint": spent["normalise"] - spent["read"],
            "judging by the plan": spent["judge"],
            "the source's form": spent["form"],
        }.items()),
    ]  # fmt: skip


def _medians(steps: dict[str, Callable[[], object]]) -> dict[str, float]:
    """µs of each, all in turns, so that a busy minute is everybody's."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(_ROUNDS):
        for name, step in steps.items():
            calls = _CALLS // 10 if name == "slow" else _CALLS
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
    items = [json.dumps(CALL | {"messageId": f"m-{number:04}"}, separators=(",", ":")) for number in range(size)]
    envelope = open_request(b'{"batch":[' + ",".join(items).encode() + b"]}", "batch")
    events = [normalise(raw, envelope, SOURCE, NOW) for raw in envelope.items]
    request = Record(source=SOURCE.id, origin=Origin.CLIENT, received_at=NOW, key="")
    kept = [event for event in events if isinstance(event, Event)]
    sizes = [len(data) for _, data in stream_entries(_Pseudonyms(), request, kept)]
    return len(sizes), sum(-(-one // 25_600) for one in sizes), max(sizes)
