"""`EventStream`: everything is stored, in order per partition key, or the caller hears of it."""

from __future__ import annotations

import pytest

from tests.adapters.cloud import Cloud
from tests.adapters.stores import Streaming, event_stream


@pytest.fixture
def stream(backend: Cloud | None) -> Streaming:
    return event_stream(backend)


def by_key(records: list[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    return {key: [data for one, data in records if one == key] for key in {key for key, _ in records}}


def test_nothing_is_put_for_nothing(stream: Streaming) -> None:
    stream.put([])
    assert stream.read() == []


def test_records_keep_their_key_their_bytes_and_their_order(stream: Streaming) -> None:
    put = [(f"key-{n % 3}", b"%d \x00\xff\n" % n) for n in range(20)]
    stream.put(put[:12])
    stream.put(put[12:])
    assert by_key(stream.read()) == by_key(put)


def test_more_records_than_one_call_takes_are_all_stored(stream: Streaming) -> None:
    put = [(f"key-{n % 7}", b"%d" % n) for n in range(1_203)]
    stream.put(put)
    assert by_key(stream.read()) == by_key(put)


def test_more_bytes_than_one_call_takes_are_all_stored(stream: Streaming) -> None:
    put = [("key", bytes([n]) * 700_000) for n in range(9)]
    stream.put(put)
    assert [data[:1] for _, data in stream.read()] == [bytes([n]) for n in range(9)]
