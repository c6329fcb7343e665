"""The simulator itself, judged by what AWS documents about event source mappings."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import pytest

from tests.faults.simulator import (
    Message,
    QueueMapping,
    Schedule,
    Simulator,
    Stuck,
    failed_items,
)
from tests.faults.stream_mapping import StreamMapping
from tests.faults.wires import BreakAt, Crash, Fault, GiveUpAt, Moment, Steady, Turns, TurnTaking, Unavailable, wired

CALM = Schedule(again=0.0)


def report(*identifiers: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def mapping_of(records: list[tuple[str, str]], invoke: Any, **more: Any) -> StreamMapping:
    """Records are (partition key, sequence)."""
    return StreamMapping(invoke, lambda start: records[start:], key=lambda r: r[0], sequence=lambda r: r[1], **more)


def run(*mappings: Any, seed: int = 1, schedule: Schedule = CALM) -> Simulator:
    simulator = Simulator(Random(seed), mappings, Turns(), schedule)
    simulator.run()
    return simulator


def delivered_with(answers: list[Any], *, batch_size: int = 10) -> list[list[str]]:
    """The batches of one shard of four records, while the handler gives these answers in turn, then success."""
    records = [("k", str(n)) for n in range(4)]
    batches: list[list[str]] = []

    def invoke(batch: list[tuple[str, str]]) -> Any:
        batches.append([sequence for _, sequence in batch])
        answer = answers.pop(0) if answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    class Whole(Random):
        def randint(self, a: int, b: int) -> int:
            return b

    simulator = Simulator(Whole(1), [mapping_of(records, invoke, batch_size=batch_size)], Turns(), CALM)
    simulator.run()
    return batches


ALL = ["0", "1", "2", "3"]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_empty_answer_is_success(answer: Any) -> None:
    assert delivered_with([answer]) == [ALL]


@pytest.mark.parametrize("answer", [report(""), report(None), report("99"), {"wrong": []}, report("1", None), "text"])
def test_a_malformed_answer_fails_the_whole_batch(answer: Any) -> None:
    assert delivered_with([answer]) == [ALL, ALL]


def test_everything_from_the_lowest_failure_on_comes_again() -> None:
    assert delivered_with([report("3", "1")]) == [ALL, ["1", "2", "3"]]


@pytest.mark.parametrize("failure", [Crash(), Unavailable()])
def test_an_invocation_that_raises_gets_its_batch_again(failure: BaseException) -> None:
    assert delivered_with([failure, failure]) == [ALL, ALL, ALL]


def test_a_shard_stays_in_order_and_blocked_until_its_batch_is_done() -> None:
    assert delivered_with([None, report("2"), None], batch_size=2) == [["0", "1"], ["2", "3"], ["2", "3"]]


def test_a_batch_may_come_again_after_success() -> None:
    records = [("k", str(n)) for n in range(5)]
    seen: list[str] = []
    run(
        mapping_of(records, lambda batch: seen.extend(s for _, s in batch)),
        schedule=Schedule(again=0.5),
        seed=3,
    )
    assert set(seen) == {"0", "1", "2", "3", "4"}
    assert len(seen) > 5


def test_records_spread_over_shards_by_the_md5_of_their_key() -> None:
    four, two, one = (mapping_of([], print, shards=shards) for shards in (4, 2, 1))
    assert {four.place_of(f"k{n}") for n in range(50)} == {0, 1, 2, 3}
    assert one.place_of("k") == 0
    for key in ("k", "l", "m", "n"):
        first_bit = hashlib.md5(key.encode(), usedforsecurity=False).digest()[0] >> 7
        assert two.place_of(key) == first_bit


def test_every_seed_repeats_itself_and_keeps_each_key_in_order() -> None:
    def trace(seed: int) -> list[str]:
        records = [(f"k{n % 5}", str(n)) for n in range(30)]
        wire, seen = TurnTaking(turns := Turns(), Steady()), list[str]()
        store = wired(wire, "store", seen)

        def invoke(batch: list[tuple[str, str]]) -> None:
            for key, sequence in batch:
                store.append(f"{key}:{sequence}")

        mappings = [mapping_of(records, invoke, shards=3, batch_size=4)]
        Simulator(Random(seed), mappings, turns, Schedule(again=0.1, zombie=0.05)).run()
        return seen

    assert trace(7) == trace(7)
    assert trace(7) != trace(8)
    for key in range(5):
        first_seen = list(dict.fromkeys(entry for entry in trace(7) if entry.startswith(f"k{key}:")))
        assert first_seen == sorted(first_seen, key=lambda entry: int(entry.partition(":")[2]))


def test_invocations_of_several_shards_interleave_between_calls() -> None:
    turns, running, overlaps = Turns(), set[str](), list[set[str]]()
    wire = TurnTaking(turns, Steady())
    store = wired(wire, "store", [])

    def invoke(batch: list[tuple[str, str]]) -> None:
        running.add(batch[0][0])
        store.append(1)
        overlaps.append(set(running))
        store.append(2)
        running.discard(batch[0][0])

    records = [(f"k{n}", str(n)) for n in range(12)]
    Simulator(Random(2), [mapping_of(records, invoke, shards=8, batch_size=1)], turns, CALM).run()
    assert max(map(len, overlaps)) > 1


def test_a_zombie_goes_on_while_its_batch_is_tried_again() -> None:
    turns, ends = Turns(), list[str]()
    store = wired(TurnTaking(turns, Steady()), "store", ends)
    mapping = mapping_of([("k", "0")], lambda batch: store.append("end"))
    simulator = Simulator(Random(1), [mapping], turns, Schedule(again=0.0, zombie=0.4))
    simulator.run()
    assert len(ends) == simulator.invocations > 1


def test_an_invocation_is_given_up_at_the_call_that_was_named_and_finishes_later() -> None:
    turns = Turns()
    wire = GiveUpAt(1, Moment.BEFORE, turns)
    store: list[str] = []
    port: Any = wired(TurnTaking(turns, wire), "store", store)

    def invoke(batch: list[tuple[str, str]]) -> None:
        for call in ("first", "second"):
            port.append(call)

    simulator = Simulator(Random(2), [mapping_of([("k", "0")], invoke)], turns, Schedule(again=0.0, parallel=2))
    simulator.run()
    assert simulator.invocations == 2
    assert simulator.crashes == 0
    assert sorted(store) == ["first", "first", "second", "second"]


def test_a_record_that_always_fails_is_called_stuck() -> None:
    with pytest.raises(Stuck):
        run(mapping_of([("k", "0")], lambda batch: report("0")), schedule=Schedule(max_steps=50))


def test_a_queue_gives_each_message_until_it_succeeds() -> None:
    tries: dict[str, int] = {}

    def invoke(batch: list[Message]) -> Any:
        failed = []
        for message in batch:
            tries[message.body] = tries.get(message.body, 0) + 1
            if tries[message.body] < 3:
                failed.append(message.identifier)
        return report(*failed)

    bodies = ["a", "b", "c"]
    run(QueueMapping(invoke, lambda start: bodies[start:]))
    assert tries == {"a": 3, "b": 3, "c": 3}


def test_a_message_received_too_often_is_dead() -> None:
    mapping = QueueMapping(
        lambda batch: report(*(m.identifier for m in batch)), lambda start: ["a"][start:], max_receives=4
    )
    run(mapping)
    assert [(message.body, message.received) for message in mapping.dead] == [("a", 4)]


def test_a_broken_call_is_applied_or_not_as_the_moment_says() -> None:
    for fault, failure in ((Fault.CRASH, Crash), (Fault.UNAVAILABLE, Unavailable)):
        for moment, stored in ((Moment.BEFORE, [1]), (Moment.APPLIED, [1, 2])):
            real: list[int] = []
            store = wired(BreakAt(1, fault, moment), "store", real)
            store.append(1)
            with pytest.raises(failure):
                store.append(2)
            assert real == stored
            store.append(3)
            assert real == [*stored, 3]


def test_reported_identifiers_are_read_from_the_answer() -> None:
    assert failed_items(report("a", "b"), ["a", "b", "c"]) == ["a", "b"]
