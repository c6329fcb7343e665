"""What Shopify's mapping costs, a part of `make bench TOPIC=collect`: events a CPU second, and memory.

Read are the recorded webhooks beside this repository, each proven and then read as `receive_webhook` does it; beside
that stands parsing the same bytes with msgspec alone, which no reader can do without. Without the recordings there are
no figures. Memory is what is held at most while one webhook is read, its body not counted, by tracemalloc.
"""

from __future__ import annotations

import json
import statistics
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.definitions.sources import Source
from attune.sources import shopify
from attune.sources.webhooks import Call
from attune.use_cases.collection.receive_webhook import MAX_WEBHOOK
from benchmarks.process_figures import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RECORDED: Final = Path(__file__).resolve().parents[1] / "../shared/data/webhooks/shopify-2023-01"
SHOP: Final = Source(id="store", type="shopify", consent={"analytics": True})
SECRETS: Final = ("a benchmark's secret",)
NOW: Final = 1_750_000_000_000
_ROUNDS: Final = 9
_SECONDS: Final = 0.1


def measured() -> list[dict[str, Any]]:
    """By topic, and of all recorded ones in turns."""
    calls = _recorded()
    if not calls:
        return []
    chosen = {topic: [calls[topic]] for topic in ("carts/update", "orders/create", "refunds/create")}
    rates = [one for topic, some in chosen.items() for one in _rate(topic, some)]
    return [*_rate(f"all {len(calls)} recorded topics in turns", [*calls.values()]), *rates, *_memory(calls)]


def _recorded() -> dict[str, Call]:
    calls = {}
    for topic in shopify.TOPICS:
        path = RECORDED / f"{topic.replace('/', '.')}.json"
        if path.is_file():
            calls[topic] = _call(topic, json.dumps(json.loads(path.read_bytes())["body"]).encode())
    return calls


def _call(topic: str, body: bytes) -> Call:
    signed = shopify.sign(SECRETS[0], body).decode()
    return Call(headers={"x-shopify-topic": topic, "x-shopify-hmac-sha256": signed}, body=body)


def _rate(name: str, calls: Sequence[Call]) -> list[dict[str, Any]]:
    def whole() -> None:
        for call in calls:
            if not shopify.proves(call, SHOP, SECRETS, NOW) or not shopify.read(call, SHOP, NOW).events:
                raise ValueError(call.headers["x-shopify-topic"])

    def parsed() -> None:
        for call in calls:
            msgspec.json.decode(call.body)

    size = sum(len(call.body) for call in calls) // len(calls)
    ours, bare = _seconds(whole, parsed)
    rate, floor = len(calls) / ours, len(calls) / bare
    label = f"Shopify, {name}, {size:,} bytes: proven and read, beside parsing alone"
    return [figure(label, round(rate), "events a CPU second", baseline=round(floor), ratio=round(floor / rate, 2))]


def _seconds(*steps: Callable[[], None]) -> list[float]:
    """CPU of a run of each, the median of rounds in turns."""
    taken: list[list[float]] = [[] for _ in steps]
    for _ in range(_ROUNDS):
        for step, times in zip(steps, taken, strict=True):
            begun, runs = time.process_time(), 0
            while time.process_time() - begun < _SECONDS:
                step()
                runs += 1
            times.append((time.process_time() - begun) / runs)
    return [statistics.median(times) for times in taken]


def _memory(calls: dict[str, Call]) -> list[dict[str, Any]]:
    order = calls["orders/create"]
    line = msgspec.json.encode(msgspec.json.decode(order.body)["line_items"][0])
    lines = (MAX_WEBHOOK - 2 * len(order.body)) // (len(line) + 1)
    large = msgspec.json.decode(order.body) | {"line_items": [msgspec.Raw(line)] * lines}
    body = msgspec.json.encode(large)
    found = []
    for name, call in (("order", order), (f"order of {lines} lines", _call("orders/create", body))):
        tracemalloc.start()
        shopify.read(call, SHOP, NOW)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        label = f"Shopify, an {name}, {len(call.body):,} bytes: memory held while it is read"
        found.append(figure(label, round(peak / 1024), "KB"))
    return found
