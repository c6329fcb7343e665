"""What an event cannot do without, measured alone, in medians of CPU. No figure of the processor can be lower."""

from __future__ import annotations

import itertools
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

from attune.adapters.aes_seal import AesSeal
from attune.domain.events import decode_record, encode_event
from attune.domain.identifiers import identity_key
from attune.domain.processing.verdicts import Row, Verdict, encode_row
from attune.domain.profiles.duplicates import event_hash, record_hash
from benchmarks import streams

if TYPE_CHECKING:
    from collections.abc import Callable

_EVENTS: Final = 2_000
_ROUNDS: Final = 5
_SEAL: Final = AesSeal()


def figures() -> list[dict[str, Any]]:
    """µs of CPU an event, by step."""
    return [
        {
            "figure": name,
            "value": round(_microseconds(step), 2),
            "unit": "µs of CPU an event",
            "baseline": None,
            "ratio": None,
            "bar": None,
            "holds": None,
            "command": "make bench TOPIC=floor",
        }
        for name, step in _steps().items()
    ]


def show() -> None:
    """Measure, and print what came out."""
    found = figures()
    for one in found:
        print(f"{one['figure']:<52}{one['value']:>8} {one['unit']}")
    print(f"{'together':<52}{round(sum(one['value'] for one in found), 2):>8}")


def _steps() -> dict[str, Callable[[], object]]:
    plan = streams.Plan(events=_EVENTS, profiles=_EVENTS // 10)
    data = [arrival.data for arrival in itertools.islice(streams.arrivals(plan, streams.sessions(plan)), _EVENTS)]
    records = [decode_record(one) for one in data]
    events = [record.events[0] for record in records]
    plain = [encode_event(event) for event in events]
    key = _SEAL.new_key()
    rows = [
        Row(message_id=event.message_id, source="shop", verdict=Verdict.APPLIED, received_at=event.time,
            processed_at=event.time, properties=event.properties, sealed=_SEAL.seal(key, sealed))
        for event, sealed in zip(events, plain, strict=True)
    ]  # fmt: skip
    return {
        "decoding the record": lambda: [decode_record(one) for one in data],
        "keys of its identifiers, remembered by nobody": lambda: [
            identity_key(streams.SECRET, identifier) for event in events for identifier in event.identifiers
        ],
        "hashes against repetition": lambda: [
            (record_hash(record), event_hash("shop", event)) for record, event in zip(records, events, strict=True)
        ],
        "encoding the event": lambda: [encode_event(event) for event in events],
        "sealing it": lambda: [_SEAL.seal(key, one) for one in plain],
        "encoding its row": lambda: [encode_row(row) for row in rows],
    }


def _microseconds(step: Callable[[], object]) -> float:
    """The median of some rounds."""
    taken = []
    for _ in range(_ROUNDS):
        before = time.process_time()
        step()
        taken.append(time.process_time() - before)
    return statistics.median(taken) / _EVENTS * 1e6
