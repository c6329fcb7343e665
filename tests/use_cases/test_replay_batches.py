"""Failed batches are run again: all of each, in order, once for good, and whatever cannot be read stands in nobody's
way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.memory import MemoryFailedBatches, MemoryStream
from attune.ports import StreamUnavailableError
from attune.ports.batches import RefusedError
from attune.use_cases.repairs.replay_batches import BYTES, MAX_OBJECT, NAMED, RECORDS, Left, Replay, ReplayBatches
from tests.builders import MINUTE, NOW, SECOND
from tests.failed_batches import document, kinesis_record, table_record

RUN = "20250615T150640Z"


class Campaigns:
    """`run_campaigns`, which refuses, leaves records over, or is out of reach when it is told to."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.answer: Callable[[], list[str]] = list

    def take(self, event: bytes) -> list[str]:
        said = self.answer()
        self.taken.append(json.loads(event))
        return said


class Narrow(MemoryStream):
    """Takes so many more puts, then none."""

    left = 1_000

    def put(self, records: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise StreamUnavailableError("out of reach")
        super().put(records)


class Desk:
    """Everything a replay touches, in memory."""

    def __init__(self) -> None:
        self.batches, self.stream, self.campaigns = MemoryFailedBatches(), Narrow(), Campaigns()
        self.slept: list[float] = []
        self.counted: list[tuple[str, int, dict[str, Any]]] = []

    def leave(self, name: str, *records: dict[str, Any], at: int = NOW, raw: bytes | None = None) -> None:
        self.batches.leave(name, at, document(records) if raw is None else raw)

    def replay(
        self, so_far: Replay | None = None, *, dry_run: bool = False, time_for: int = 1_000, until: int = NOW + MINUTE
    ) -> Replay:
        left = iter(range(time_for))
        replay = ReplayBatches(
            batches=self.batches,
            notices=self.batches,
            stream=self.stream,
            consumer=self.campaigns,
            stream_shards=1,
            sleep=self.slept.append,
            count=lambda name, value, dimensions: self.counted.append((name, value, dict(dimensions))),
        )
        has_time: Callable[[], bool] = lambda: next(left, None) is not None  # noqa: E731
        return replay(RUN, until, so_far or Replay(), dry_run=dry_run, has_time=has_time)

    def stored(self) -> list[tuple[str, bytes]]:
        return [(record.partition_key, record.data) for record in self.stream.records]

    def waiting(self) -> list[str]:
        return [one.key for one in self.batches.waiting(NOW + MINUTE)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def some(*keys: str) -> list[dict[str, Any]]:
    return [kinesis_record(key, f"{key}-{number}".encode(), number) for number, key in enumerate(keys)]


def test_where_nothing_waits_there_is_nothing_to_do(desk: Desk) -> None:
    assert desk.replay() == Replay(done=True)


def test_records_go_back_onto_the_stream_in_order_with_their_keys_and_bytes(desk: Desk) -> None:
    desk.leave("later", *some("c"), at=NOW + SECOND)
    desk.leave("first", kinesis_record("a", bytes(range(256))), *some("b", "a"), at=NOW)
    done = desk.replay()
    assert desk.stored() == [("a", bytes(range(256))), ("b", b"b-0"), ("a", b"a-1"), ("c", b"c-0")]
    assert (done.done, done.process_events.batches, done.process_events.records, done.left) == (True, 2, 4, 0)
    assert done.oldest == NOW
    assert (desk.waiting(), desk.batches.notices) == ([], [])


def test_batches_of_campaigns_go_into_their_function_as_they_are(desk: Desk) -> None:
    records = [table_record("p1", "[]", 7), table_record("p2", "[]", 8)]
    desk.leave("one", *records)
    done = desk.replay()
    assert desk.campaigns.taken == [{"Records": records}]
    assert (done.run_campaigns.batches, done.run_campaigns.records) == (1, 2)
    assert (desk.stored(), desk.waiting(), desk.batches.notices) == ([], [], [])


def test_a_payload_that_is_no_text_is_read_as_well(desk: Desk) -> None:
    desk.leave("one", raw=document([], payload={"Records": some("a")}))
    desk.replay()
    assert desk.stored() == [("a", b"a-0")]


def test_a_second_replay_finds_nothing_left(desk: Desk) -> None:
    desk.leave("one", *some("a"))
    desk.replay()
    again = desk.replay()
    assert (len(desk.stored()), again) == (1, Replay(done=True))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "unreadable_object"),
        (b"\xff", "unreadable_object"),
        (b"[]", "unreadable_object"),
        (b'{"payload": "\\ud800"}', "unreadable_object"),
        (b"[" * 100_000, "unreadable_object"),
        (b"{}", "no_payload"),
        (b'{"payload": null}', "no_payload"),
        (b'{"payload": ""}', "no_payload"),
        (b'{"payload": "{"}', "unreadable_records"),
        (b'{"payload": {"Records": []}}', "unreadable_records"),
        (b'{"payload": {"Records": [{}]}}', "unreadable_records"),
        (b'{"payload": {"Records": [{"kinesis": {"partitionKey": "a"}}]}}', "unreadable_records"),
        (b'{"payload": {"Records": [{"kinesis": {"partitionKey": "a", "data": "?"}}]}}', "unreadable_records"),
        (b'{"payload": {"Records": [{"dynamodb": 1}]}}', "unreadable_records"),
        (document([kinesis_record("a", b"x"), table_record("p", "[]")]), "unreadable_records"),
        (document([{"body": "of a queue", "eventSource": "aws:sqs"}]), "unreadable_records"),
        (b" " * (MAX_OBJECT + 1), "too_large"),
    ],
)
def test_what_cannot_be_read_stays_is_named_and_does_not_stop_the_others(desk: Desk, raw: bytes, code: str) -> None:
    desk.leave("broken", raw=raw, at=NOW)
    desk.leave("whole", *some("a"), at=NOW + 1)
    done = desk.replay()
    assert (done.done, done.left, done.named) == (True, 1, [Left("broken", code)])
    assert desk.stored() == [("a", b"a-0")]
    assert (desk.waiting(), desk.batches.notices) == (["broken"], ["broken"])
    assert ("BatchesLeft", 1, {"reason": code}) in desk.counted


def test_a_batch_that_its_function_refuses_or_leaves_half_done_stays(desk: Desk) -> None:
    def refuse() -> list[str]:
        raise RefusedError

    desk.leave("refused", table_record("p1", "[]"), at=NOW)
    desk.campaigns.answer = refuse
    assert desk.replay().named == [Left("refused", "refused")]
    desk.campaigns.answer = lambda: ["8"]
    assert desk.replay().named == [Left("refused", "refused")]
    assert (desk.waiting(), desk.batches.notices) == (["refused"], ["refused"])
    desk.campaigns.answer = list
    assert desk.replay().left == 0
    assert desk.waiting() == []


def test_of_many_that_stay_all_are_counted_and_some_named(desk: Desk) -> None:
    for number in range(NAMED + 5):
        desk.leave(f"broken-{number:02}", raw=b"{")
    done = desk.replay()
    assert (done.left, len(done.named)) == (NAMED + 5, NAMED)


def test_a_batch_has_its_receipt_only_when_all_of_it_is_stored(desk: Desk) -> None:
    desk.leave("one", *some(*(["a"] * (RECORDS + 1))))
    desk.stream.left = 1  # the first slice, not the second
    with pytest.raises(StreamUnavailableError):
        desk.replay()
    assert (len(desk.stored()), desk.waiting(), desk.batches.notices) == (RECORDS, ["one"], ["one"])
    desk.stream.left = 1_000
    assert desk.replay().process_events.records == RECORDS + 1
    assert desk.stored()[RECORDS:] == [*desk.stored()[:RECORDS], ("a", f"a-{RECORDS}".encode())]


def test_what_was_done_before_the_stream_was_out_of_reach_is_told_and_the_rest_comes_next(desk: Desk) -> None:
    for number in range(3):
        desk.leave(f"batch-{number}", *some(f"k{number}"), at=NOW + number)
    desk.stream.left = 2
    partly = desk.replay()
    assert (partly.done, partly.process_events.batches, desk.waiting()) == (False, 2, ["batch-2"])
    with pytest.raises(StreamUnavailableError):
        desk.replay(partly)
    desk.stream.left = 1
    done = desk.replay(partly)
    assert (done.done, done.process_events.batches, done.oldest) == (True, 3, NOW)
    assert [key for key, _ in desk.stored()] == ["k0", "k1", "k2"]


def test_an_invocation_ends_in_time_and_the_next_goes_on_behind_it(desk: Desk) -> None:
    for number in range(5):
        desk.leave(f"batch-{number}", *some(f"k{number}"), at=NOW + number // 2)
    desk.leave("batch-x", raw=b"{", at=NOW + 1)
    so_far, calls = Replay(), 0
    while not so_far.done:
        so_far = desk.replay(so_far, time_for=1)
        calls += 1
    assert calls == 3
    assert [key for key, _ in desk.stored()] == [f"k{number}" for number in range(5)]
    assert (so_far.process_events.batches, so_far.left) == (5, 1)


def test_what_is_left_while_a_run_is_under_way_is_for_the_next(desk: Desk) -> None:
    desk.leave("now", *some("a"), at=NOW)
    desk.leave("meanwhile", *some("b"), at=NOW + 2)
    assert desk.replay(until=NOW + 1).done
    assert desk.waiting() == ["meanwhile"]


def test_the_stream_is_left_to_those_whose_events_come_now(desk: Desk) -> None:
    heavy = [kinesis_record("a", bytes(BYTES // 2 - 1)), kinesis_record("a", bytes(BYTES // 2 - 1))]
    desk.leave("one", *heavy, *some(*(["b"] * 2 * RECORDS)), kinesis_record("c", bytes(2 * BYTES)))
    desk.replay()
    assert len(desk.stored()) == 2 * RECORDS + 3
    assert desk.slept == [1.0] * 3


def test_many_small_batches_take_no_more_of_the_stream_than_one_large(desk: Desk) -> None:
    """Batches that fail are divided, so this is how they lie there."""
    for number in range(12):
        desk.leave(f"part-{number}", *some(*(["a"] * (RECORDS // 4))))
    desk.replay()
    assert len(desk.stored()) == 3 * RECORDS
    assert desk.slept == [1.0] * 2


def test_a_dry_run_tells_what_waits_and_changes_nothing(desk: Desk) -> None:
    desk.leave("one", *some("a", "b"), at=NOW - MINUTE)
    desk.leave("two", table_record("p1", "[]"))
    desk.leave("broken", raw=b"{")
    told = desk.replay(dry_run=True)
    assert (told.process_events.batches, told.process_events.records) == (1, 2)
    assert (told.run_campaigns.batches, told.run_campaigns.records) == (1, 1)
    assert (told.oldest, told.left, told.named) == (NOW - MINUTE, 1, [Left("broken", "unreadable_object")])
    assert (desk.stored(), desk.campaigns.taken, len(desk.waiting()), len(desk.batches.notices)) == ([], [], 3, 3)
    assert desk.counted == []


def test_a_notice_that_a_killed_run_left_is_removed_by_the_next(desk: Desk) -> None:
    desk.leave("one", *some("a"))
    desk.leave("broken", raw=b"{")
    desk.batches.keep_receipt("one", b"{}")
    desk.replay()
    assert (desk.stored(), desk.batches.notices) == ([], ["broken"])
