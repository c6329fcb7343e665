"""What the simulated mapping does with batches that fail, records that grow old, and shards that come and go."""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random
from typing import Any

import pytest

from tests.faults.simulator import NONSENSE, Schedule, Simulator, failed_items
from tests.faults.stream_mapping import GivenUp, StreamMapping, hash_key
from tests.faults.wires import Crash, Turns, Unavailable

type Record = tuple[str, str]

CALM = Schedule(again=0.0, parallel=1)
GONE = "RetryAttemptsExhausted"


class Whole(Random):
    """Batches are as large as they may be."""

    def randint(self, a: int, b: int) -> int:
        return b


class Feed:
    """One shard of numbered records, whose handler answers as it is told, then with success."""

    def __init__(
        self, count: int, *answers: Any, always: Callable[[list[str]], Any] | None = None, **options: Any
    ) -> None:
        self.now = 0
        self.log: list[Record] = [("k", str(n)) for n in range(count)]
        self.batches: list[list[str]] = []
        self.times: list[int] = []
        self._answers, self._always = list(answers), always or (lambda _: None)
        self.mapping = StreamMapping(
            self._invoke,
            lambda start: self.log[start:],
            key=lambda record: record[0],
            sequence=lambda record: record[1],
            clock=lambda: self.now,
            **options,
        )

    def run(self) -> list[list[str]]:
        Simulator(Whole(1), [self.mapping], Turns(), CALM, idle=self._wait).run()
        return self.batches

    def given_up(self) -> list[tuple[str, list[str]]]:
        return [(one.reason, [sequence for _, sequence in one.records]) for one in self.mapping.given_up]

    def _invoke(self, batch: list[Record]) -> Any:
        sequences = [sequence for _, sequence in batch]
        self.batches.append(sequences)
        self.times.append(self.now)
        answer = self._answers.pop(0) if self._answers else self._always(sequences)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _wait(self) -> bool:
        following = self.mapping.next_try()
        self.now = following if following is not None else self.now
        return following is not None


def report(*identifiers: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def raise_on(*poison: str) -> Callable[[list[str]], Any]:
    return lambda batch: Crash() if set(poison) & set(batch) else None


def report_of(*poison: str) -> Callable[[list[str]], Any]:
    return lambda batch: report(*(one for one in batch if one in poison))


# ------------------------------------------------------------------------------------------------- failing batches


@pytest.mark.parametrize("failure", [Crash(), Unavailable(), *NONSENSE])
def test_a_batch_that_fails_as_a_whole_comes_again_in_halves_one_after_the_other(failure: Any) -> None:
    assert Feed(5, failure, bisect=True).run() == [["0", "1", "2", "3", "4"], ["0", "1"], ["2", "3", "4"]]


def test_halves_are_halved_until_one_record_stands_alone_and_its_neighbours_are_through() -> None:
    feed = Feed(4, always=raise_on("2"), bisect=True, max_retries=0)
    assert feed.run() == [["0", "1", "2", "3"], ["0", "1"], ["2", "3"], ["2"], ["3"]]
    assert feed.given_up() == [(GONE, ["2"])]


def test_a_batch_that_reports_failures_comes_again_from_the_lowest_on() -> None:
    feed = Feed(5, report("3", "2"), report("3"), bisect=True, max_retries=0)
    assert feed.run() == [["0", "1", "2", "3", "4"], ["2", "3", "4"], ["3", "4"]]
    assert feed.given_up() == []


@pytest.mark.parametrize("answer", NONSENSE)
def test_an_answer_without_sense_is_the_failure_of_the_whole_batch(answer: Any) -> None:
    assert failed_items(answer, ["1", "2"]) is None


def test_without_bisecting_the_whole_batch_is_tried_so_often_and_then_given_up() -> None:
    feed = Feed(3, Crash(), Crash(), Crash(), batch_size=2, max_retries=2)
    assert feed.run() == [["0", "1"], ["0", "1"], ["0", "1"], ["2"]]
    assert feed.given_up() == [(GONE, ["0", "1"])]


def test_dividing_a_batch_uses_up_no_try() -> None:
    feed = Feed(2, Crash(), Crash(), Crash(), bisect=True, max_retries=2)
    assert feed.run() == [["0", "1"], ["0"], ["0"], ["0"], ["1"]]
    assert feed.given_up() == []


def test_what_lies_in_a_batch_behind_a_record_that_is_always_reported_is_given_up_with_it() -> None:
    feed = Feed(5, always=report_of("2"), batch_size=4, bisect=True, max_retries=1)
    assert feed.run() == [["0", "1", "2", "3"], ["2", "3"], ["2", "3"], ["4"]]
    assert feed.given_up() == [(GONE, ["2", "3"])]


def test_the_destination_receives_the_records_themselves() -> None:
    feed = Feed(1, Crash(), max_retries=0)
    feed.run()
    assert feed.mapping.given_up == [GivenUp(GONE, [("k", "0")])]


def test_between_two_tries_a_pause_is_made_and_the_shard_waits() -> None:
    feed = Feed(2, Crash(), Crash(), batch_size=1, bisect=True, max_retries=5, pause=60)
    assert feed.run() == [["0"], ["0"], ["0"], ["1"]]
    assert feed.times == [0, 60, 120, 120]


def test_a_batch_that_comes_again_after_success_may_be_divided_otherwise() -> None:
    seen: list[list[str]] = []
    log = [("k", str(n)) for n in range(6)]
    mapping = StreamMapping(
        lambda batch: seen.append([s for _, s in batch]), lambda start: log[start:], lambda r: r[0], lambda r: r[1]
    )
    Simulator(Random(4), [mapping], Turns(), Schedule(again=0.6)).run()
    starts = [batch[0] for batch in seen]
    sizes = {start: {len(batch) for batch in seen if batch[0] == start} for start in starts}
    assert max(map(len, sizes.values())) > 1
    assert list(dict.fromkeys(one for batch in seen for one in batch)) == ["0", "1", "2", "3", "4", "5"]


# ------------------------------------------------------------------------------------------------------ record age


def test_a_record_that_grows_too_old_while_it_is_tried_is_given_up_and_later_ones_go_on() -> None:
    feed = Feed(3, always=raise_on("0"), batch_size=1, max_age=150, pause=60)
    feed.log, later = feed.log[:1], feed.log[1:]
    feed.mapping.records = lambda start: [*feed.log, *(later if feed.now >= 120 else [])][start:]
    assert feed.run() == [["0"], ["0"], ["0"], ["1"], ["2"]]
    assert feed.times == [0, 60, 120, 180, 180]
    assert feed.given_up() == [("RecordAgeExceeded", ["0"])]


def test_of_a_batch_only_what_is_too_old_is_given_up() -> None:
    feed = Feed(2, always=raise_on("0"), max_age=100, max_retries=9, pause=60)
    feed.mapping._poll()
    feed.mapping._shards[0].log[1] = (("k", "1"), 90)
    assert feed.run() == [["0", "1"], ["0", "1"], ["1"]]
    assert feed.given_up() == [("RecordAgeExceeded", ["0"])]


# ------------------------------------------------------------------------------------------------------ resharding


class Keys:
    """Many keys over shards that change; keeps what was delivered, in order."""

    def __init__(self, keys: int = 12, **options: Any) -> None:
        self.names = [f"k{n}" for n in range(keys)]
        self.log: list[Record] = []
        self.seen: list[Record] = []
        self.mapping = StreamMapping(
            self.seen.extend, lambda start: self.log[start:], lambda r: r[0], lambda r: r[1], **options
        )

    def put(self, times: int = 1) -> None:
        for _ in range(times):
            self.log += [(key, str(len(self.log) + n)) for n, key in enumerate(self.names)]

    def run(self, seed: int = 1, **schedule: Any) -> None:
        Simulator(Random(seed), [self.mapping], Turns(), Schedule(**({"again": 0.0} | schedule))).run()

    def check_order(self, but: Collection[str] = ()) -> None:
        for key in set(self.names).difference(but):
            mine = list(dict.fromkeys(record for record in self.seen if record[0] == key))
            assert mine == [record for record in self.log if record[0] == key]


def test_a_split_gives_each_child_half_of_the_keys_and_a_merge_takes_both() -> None:
    feed = Keys(keys=40)
    feed.mapping.split(0)
    assert feed.mapping.open_shards() == [1, 2]
    for key in feed.names:
        assert feed.mapping.place_of(key) == 1 + (hash_key(key) >> 127)
    feed.mapping.merge(1, 2)
    assert feed.mapping.open_shards() == [3]
    assert {feed.mapping.place_of(key) for key in feed.names} == {3}


def test_children_wait_until_their_parents_have_nothing_left() -> None:
    feed = Keys(shards=2)
    feed.put()
    feed.mapping.merge(0, 1)
    feed.put()
    taken = [feed.mapping.take(Random(1)) for _ in range(3)]
    assert [batch.place if batch else None for batch in taken] == [0, 1, None]
    for batch in taken[:2]:
        assert batch is not None
        feed.mapping.settle(batch, None, failed=False, again=False)
    feed.run()
    assert len(feed.seen) == len(feed.log) - sum(len(batch.records) for batch in taken if batch)


def test_grandchildren_wait_too_where_their_parents_never_held_anything() -> None:
    feed = Keys(shards=2)
    feed.put()
    feed.mapping.merge(0, 1)
    feed.mapping.split(2)
    feed.put()
    places = {batch.place for _ in range(3) if (batch := feed.mapping.take(Random(1)))}
    assert places == {0, 1}


def test_what_was_put_before_a_split_comes_before_what_was_put_after_it() -> None:
    feed = Keys(batch_size=3)
    for _ in range(3):
        feed.put()
        feed.mapping.split(feed.mapping.open_shards()[0])
    feed.put()
    feed.run()
    assert len(feed.seen) == len(feed.log)
    feed.check_order()


@pytest.mark.parametrize("seed", range(10))
def test_a_stream_that_reshards_all_the_time_keeps_each_key_in_order(seed: int) -> None:
    feed = Keys(shards=1 + seed % 3, lanes=1 + seed, batch_size=3, restless=0.2)
    for _ in range(4):
        feed.put(2)
        feed.run(seed, again=0.2)
    assert set(feed.seen) == set(feed.log)
    assert len(feed.mapping._shards) > 5 * feed.mapping.lanes
    feed.check_order()


def test_a_shard_is_read_in_as_many_lanes_side_by_side_and_a_key_in_one_of_them() -> None:
    feed = Keys(shards=2, lanes=3, keys=40)
    assert {feed.mapping.place_of(key) for key in feed.names} == set(range(6))
    feed.put(2)
    batches = [batch for _ in range(7) if (batch := feed.mapping.take(Random(1)))]
    assert sorted(batch.place for batch in batches) == list(range(6))
    for batch in batches:
        assert {feed.mapping.place_of(key) for key, _ in batch.records} == {batch.place}


def test_a_lane_that_fails_holds_up_nobody_but_its_own_keys() -> None:
    feed = Keys(lanes=4, batch_size=5, bisect=True, max_retries=3)
    bad = {key for key in feed.names if feed.mapping.place_of(key) == 1}

    def invoke(records: list[Record]) -> None:
        if bad.intersection(key for key, _ in records):
            raise Unavailable
        feed.seen.extend(records)

    feed.mapping.invoke = invoke
    feed.put(3)
    feed.run()
    assert {key for key, _ in feed.seen} == set(feed.names) - bad != set(feed.names)
    given_up = [record for one in feed.mapping.given_up for record in one.records]
    assert given_up == [record for record in feed.log if record[0] in bad]
    feed.check_order(but=bad)


def test_children_wait_for_every_lane_of_their_parents() -> None:
    feed = Keys(lanes=2)
    feed.put()
    feed.mapping.split(0)
    feed.put()
    batches = [feed.mapping.take(Random(1)) for _ in range(3)]
    assert [batch.place if batch else None for batch in batches] == [0, 1, None]
    for batch in batches[:1]:
        assert batch is not None
        feed.mapping.settle(batch, None, failed=False, again=False)
    while (batch := feed.mapping.take(Random(1))) is not None:
        assert batch.place == 0, "the other lane still holds records"
        feed.mapping.settle(batch, None, failed=False, again=False)


def test_only_neighbours_merge_and_only_open_shards_are_divided() -> None:
    feed = Keys(shards=3)
    with pytest.raises(AssertionError, match="neighbours"):
        feed.mapping.merge(0, 2)
    feed.mapping.split(1)
    with pytest.raises(AssertionError, match="closed"):
        feed.mapping.split(1)


# ---------------------------------------------------------------------------------------------- a recreated stream


def test_a_recreated_stream_is_read_from_its_beginning_and_what_was_left_of_the_old_one_is_known() -> None:
    feed = Keys(keys=3, batch_size=2)
    feed.put(2)
    batch = feed.mapping.take(Whole(1))
    assert batch is not None
    feed.mapping.settle(batch, None, failed=False, again=False)
    assert feed.mapping.recreate() == feed.log[2:]
    feed.log = [("k0", "0"), ("k1", "1")]
    feed.run()
    assert feed.seen == feed.log
