"""What the ready-made library makes of a profile's size: the stored states of a week's shoppers, beside the two rules.

The stream is that of the process topic with what the library asks for besides: brands, products put into carts,
coupons, sign-ups.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.events import decode_record, encode_record
from benchmarks.definitions import TWO_RULES
from benchmarks.process_figures import check, figure
from benchmarks.streams import Plan, arrivals, sessions
from cli.documents import find_files, read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune.domain.events import Event

COMMAND: Final = "make bench TOPIC=library"
ROOT: Final = Path(__file__).resolve().parents[1]
EVENTS: Final = int(os.environ.get("EVENTS", "100000"))
#: of these people about a quarter come
PROFILES: Final = EVENTS // 10
BATCH: Final = 100

type Json = dict[str, Any]


def figures() -> list[Json]:
    """The topic's figures as `make bench` keeps them."""
    return measured()


def show() -> None:
    """Measure, and print what came out."""
    print(f"{'':<60}{'value':>8}  {'unit':<7}{'two rules':>10}")
    for one in measured():
        beside = "" if one["baseline"] is None else f"{one['baseline']:,}"
        print(f"{one['figure']:<60}{one['value']:>8,}  {one['unit']:<7}{beside:>10}")


@functools.cache
def measured() -> list[Json]:
    """Sizes with the library, beside those with the two rules."""
    everything = library()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream"
        with path.open("wb") as file:
            file.writelines(_lines())
        two, all_ = _stored(path, TWO_RULES), _stored(path, everything)
    found = [figure(f"people of {EVENTS:,} events in a week", all_["number"], "people")]
    for name, key in (("median", "p50"), ("p99", "p99"), ("largest", "max")):
        size, beside = all_[key], two[key]
        label = f"state of a profile with {len(everything)} definitions, {name}"
        found.append(figure(label, size, "bytes", baseline=beside, ratio=round(size / beside, 2)))
    return [one | {"command": COMMAND} for one in found]


def library() -> list[Json]:
    """The documents of definitions/library."""
    return [document.data for document in read_documents(find_files([ROOT / "definitions" / "library"]))]


def _lines() -> Iterator[bytes]:
    """The stream, with what the library asks for."""
    plan = Plan(events=EVENTS, profiles=PROFILES)
    for arrival in arrivals(plan, sessions(plan)):
        record = decode_record(arrival.data)
        events = tuple(_enriched(event) for event in record.events)
        data = encode_record(msgspec.structs.replace(record, events=events))
        yield b"%d %s %s\n" % (arrival.at, arrival.key.encode(), data)


def _enriched(event: Event) -> Event:
    """The same for the same event, so that one that comes twice stays one."""
    dice = int(event.fingerprint[:8], 16)
    said = dict(event.properties)
    match event.name or event.type:
        case "Product Viewed":
            said["brand"] = f"brand{dice % 23}"
        case "Cart Viewed" if dice % 2:
            said |= {**said.pop("products")[0], "category": f"category{dice % 37}"}
            return msgspec.structs.replace(event, name="Product Added", properties=said)
        case "Order Completed" if dice % 3 == 0:
            said |= {"coupon": "SPRING", "discount": 5.0}
        case "page" if dice % 50 == 0:
            return msgspec.structs.replace(event, type="track", name="Signed Up", properties={})
    return msgspec.structs.replace(event, properties=said)


def _stored(path: Path, documents: list[Json]) -> dict[str, int]:
    """How many states there are at the end and their sizes, by quantile; in a process of its own."""
    print(f"{EVENTS:,} events, {len(documents)} definitions", file=sys.stderr, flush=True)
    run = {"path": str(path), "batch": BATCH, "events": EVENTS, "segments": documents}
    places = os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core" / "python")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.process_run"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        input=json.dumps(run).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    answer: Json = json.loads(done.stdout)
    check(answer)
    stored: dict[str, int] = answer["stored"]
    return stored
