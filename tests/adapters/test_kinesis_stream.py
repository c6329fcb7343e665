"""What the contract suite cannot make AWS do: partial failures, throttling, silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from attune.adapters.kinesis_stream import ATTEMPTS, KinesisStream
from attune.ports import StreamUnavailableError

type Entry = tuple[str, bytes]


class Kinesis:
    """Stores what `fails` lets through; raises what `raises` holds, one for each call."""

    def __init__(self, fails: Callable[[int, int], bool] = lambda _call, _place: False, raises: Any = ()) -> None:
        self.fails = fails
        self.raises = list(raises)
        self.calls: list[list[Entry]] = []
        self.stored: list[Entry] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (AWS names)
        assert StreamName == "events"
        entries = [(record["PartitionKey"], record["Data"]) for record in Records]
        self.calls.append(entries)
        if self.raises and (error := self.raises.pop(0)) is not None:
            raise error
        results = []
        for place, entry in enumerate(entries):
            if self.fails(len(self.calls), place):
                results.append({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"})
            else:
                self.stored.append(entry)
                results.append({"SequenceNumber": "1", "ShardId": "shardId-0"})
        return {"FailedRecordCount": sum("ErrorCode" in result for result in results), "Records": results}


def stream(kinesis: Kinesis, sleep: Callable[[float], None] = lambda _: None) -> KinesisStream:
    return KinesisStream(cast("Any", kinesis), "events", sleep=sleep, jitter=lambda: 1.0)


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutRecords")  # type: ignore[typeddict-item]


def test_a_failed_record_is_sent_again_with_all_later_ones_of_its_key() -> None:
    kinesis = Kinesis(lambda call, place: call == 1 and place == 1)
    stream(kinesis).put([("a", b"1"), ("b", b"2"), ("a", b"3"), ("b", b"4")])
    assert kinesis.calls[1] == [("b", b"2"), ("b", b"4")]


def test_records_that_never_get_in_make_the_stream_unavailable_after_growing_pauses() -> None:
    kinesis = Kinesis(lambda _call, place: place == 0)
    pauses: list[float] = []
    with pytest.raises(StreamUnavailableError):
        stream(kinesis, pauses.append).put([("a", b"1")])
    assert len(kinesis.calls) == ATTEMPTS
    assert pauses == sorted(pauses)
    assert 0 < sum(pauses) < 5


def test_throttling_and_faults_of_the_service_are_tried_again() -> None:
    kinesis = Kinesis(raises=[client_error("ProvisionedThroughputExceededException"), client_error("X", 500), None])
    stream(kinesis).put([("a", b"1")])
    assert kinesis.stored == [("a", b"1")]


def test_a_missing_permission_is_not_tried_again_nor_called_unavailable() -> None:
    kinesis = Kinesis(raises=[client_error("AccessDeniedException")])
    with pytest.raises(ClientError):
        stream(kinesis).put([("a", b"1")])
    assert len(kinesis.calls) == 1


def test_a_lost_answer_is_asked_for_once_more_and_silence_is_unavailable() -> None:
    silence = ReadTimeoutError(endpoint_url="https://kinesis")
    kinesis = Kinesis(raises=[silence])
    stream(kinesis).put([("a", b"1")])
    assert kinesis.stored == [("a", b"1")]
    mute = Kinesis(raises=[silence] * 9)
    with pytest.raises(StreamUnavailableError):
        stream(mute).put([("a", b"1")])
    assert len(mute.calls) == 2


def test_a_chunk_waits_until_the_one_before_it_is_stored() -> None:
    kinesis = Kinesis(lambda call, place: call == 1 and place == 499)
    put = [("a", b"%d" % n) for n in range(600)]
    stream(kinesis).put(put)
    assert [len(call) for call in kinesis.calls] == [500, 1, 100]
    assert kinesis.stored == put


@given(st.lists(st.sampled_from("abc"), max_size=12), st.sets(st.tuples(st.integers(1, 4), st.integers(0, 11))))
def test_in_what_was_stored_last_every_key_has_all_its_records_in_order(
    keys: list[str], failures: set[tuple[int, int]]
) -> None:
    kinesis = Kinesis(lambda call, place: (call, place) in failures)
    put = [(key, b"%d" % n) for n, key in enumerate(keys)]
    stream(kinesis).put(put)
    for key in set(keys):
        mine = [data for one, data in put if one == key]
        stored = [data for one, data in kinesis.stored if one == key]
        assert set(stored) == set(mine)
        # What was stored twice is met first where it belongs: the last copies are in order.
        last = {data: place for place, data in enumerate(stored)}
        assert sorted(last, key=last.__getitem__) == mine
