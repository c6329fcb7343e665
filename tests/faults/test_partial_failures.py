"""Kinesis takes some records of a call and refuses others: the sender hears of it, or all is stored, counted once."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from attune.domain.events import decode_record
from attune.ports import StreamUnavailableError
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.processing.process_events import StreamRecord
from tests.adapters.test_kinesis_stream import Kinesis, stream
from tests.builders import NOW, SECOND, Pseudonyms, event, identifiers, record
from tests.faults.effort import seeds
from tests.use_cases.test_process_events import Processor

#: how much of a call is refused; with the last hardly any request gets through at first
REFUSED = (0.02, 0.3, 0.95)


def sent_until_stored(dice: Random, entries: list[tuple[str, bytes]]) -> tuple[Kinesis, int]:
    """A client that repeats its request for as long as it is told 503; and how often it was told."""
    refused = dice.choice(REFUSED)
    kinesis = Kinesis(lambda _call, _place: dice.random() < refused)
    for told in range(100):
        try:
            stream(kinesis).put(entries)
        except StreamUnavailableError:
            refused /= 2
        else:
            return kinesis, told
    raise AssertionError("never stored")


@pytest.mark.parametrize("size", [1, 2, 25, 500])
@pytest.mark.parametrize("seed", seeds(8, long=250))
def test_a_request_that_is_stored_in_part_is_repeated_and_counts_once(seed: int, size: int) -> None:
    """Of several people, whose records go their own ways; one of them does several things."""
    dice, people = Random(seed), max(1, size // 2)
    who = [min(number, people - 1) if dice.random() < 0.5 else dice.randrange(people) for number in range(size)]
    did = [
        event(message_id=f"m{number}", time=NOW + number, identifiers=identifiers(anonymous_id=f"d{person}"))
        for number, person in enumerate(who)
    ]
    entries = stream_entries(Pseudonyms(), record(received_at=NOW + SECOND), did)
    kinesis, _ = sent_until_stored(dice, entries)
    assert {data for _, data in kinesis.stored} == {data for _, data in entries}

    processor = Processor()
    batch = [StreamRecord(key, str(10**55 + n), data) for n, (key, data) in enumerate(kinesis.stored)]
    assert processor.process(batch) == []
    counted = {name: value for (name, value) in _outcomes(processor) if name in {"applied", "duplicate"}}
    assert counted["applied"] == len(did)
    stored = sum(len(decode_record(data).events) for _, data in kinesis.stored)
    assert counted.get("duplicate", 0) == stored - len(did)


def _outcomes(processor: Processor) -> list[tuple[Any, int]]:
    total: dict[Any, int] = {}
    for name, value, said in processor.counted:
        if name == "Events":
            total[said["outcome"]] = total.get(said["outcome"], 0) + value
    return list(total.items())


def test_these_requests_were_repeated() -> None:
    entries = [(f"key-{number}", b"{}") for number in range(25)]
    assert sum(sent_until_stored(Random(seed), entries)[1] > 0 for seed in range(20)) > 3
