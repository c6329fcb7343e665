"""`Lake`: every row that was accepted can be read as a line of JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.adapters.firehose_lake import MAX_RECORD_BYTES, FirehoseLake, LakeUnavailableError
from attune.adapters.memory import MemoryLake
from tests.adapters.cloud import Cloud
from tests.adapters.stores import Archive, lake


@pytest.fixture
def archive(backend: Cloud | None) -> Archive:
    return lake(backend)


def row(number: int, size: int = 10) -> bytes:
    return json.dumps({"number": number, "pad": "x" * size}).encode()


def numbers(archive: Archive) -> list[int]:
    return sorted(json.loads(line)["number"] for line in archive.read())


def test_nothing_is_appended_for_nothing(archive: Archive) -> None:
    archive.append([])
    assert archive.read() == []


def test_rows_can_be_read_back_one_by_one(archive: Archive) -> None:
    archive.append([row(1), row(2)])
    archive.append([row(3)])
    assert numbers(archive) == [1, 2, 3]


def test_rows_beyond_one_record_and_one_call_all_arrive(archive: Archive) -> None:
    archive.append([row(n, size=60_000) for n in range(100)])
    assert numbers(archive) == list(range(100))


def test_memory_refuses_a_row_that_no_record_could_carry() -> None:
    archive = MemoryLake()
    archive.append([b"x" * (MAX_RECORD_BYTES - 1)])
    with pytest.raises(ValueError, match="bytes"):
        archive.append([b"x" * MAX_RECORD_BYTES])
    assert len(archive.rows) == 1


class Firehose:
    """Answers put_record_batch by script: for each call the positions it refuses."""

    def __init__(self, *refused: set[int]) -> None:
        self.refused = list(refused)
        self.calls: list[list[bytes]] = []

    def put_record_batch(self, **request: Any) -> dict[str, Any]:
        data = [record["Data"] for record in request["Records"]]
        self.calls.append(data)
        refused = self.refused.pop(0) if self.refused else set()
        answers = [{"ErrorCode": "ServiceUnavailableException"} if n in refused else {} for n in range(len(data))]
        return {"FailedPutCount": len(refused), "RequestResponses": answers}


def firehose_lake(firehose: Any) -> FirehoseLake:
    return FirehoseLake(firehose, "lake", pause=lambda _: None)


def test_small_rows_share_one_record() -> None:
    firehose = Firehose()
    firehose_lake(firehose).append([row(1), row(2), row(3)])
    assert firehose.calls == [[b"\n".join([row(1), row(2), row(3), b""])]]


def test_records_stay_within_what_firehose_takes() -> None:
    firehose = Firehose()
    firehose_lake(firehose).append([row(n, size=90_000) for n in range(120)])
    sizes = [[len(record) for record in call] for call in firehose.calls]
    assert max(max(call) for call in sizes) <= MAX_RECORD_BYTES
    assert max(sum(call) for call in sizes) <= 4 * 1_024 * 1_024
    assert len(sizes) == 3


def test_only_refused_records_are_sent_again() -> None:
    firehose = Firehose({1})
    rows = [row(n, size=900_000) for n in range(3)]
    firehose_lake(firehose).append(rows)
    assert firehose.calls[1:] == [[rows[1] + b"\n"]]


def test_rows_that_stay_refused_are_the_callers_to_know() -> None:
    firehose = Firehose(*([{0}] * 10))
    with pytest.raises(LakeUnavailableError):
        firehose_lake(firehose).append([row(1)])
    assert len(firehose.calls) == 4
