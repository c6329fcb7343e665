"""import_files as the import machine calls it, AWS in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.domain.events import Origin, decode_record
from attune.runtime.telemetry import FunctionFailedError
from tests.adapters.cloud import REGION, Cloud
from tests.builders import NOW, SECRET, identifiers
from tests.faults.importing import KEY, sale, table, tills
from tests.functions.gateway import load
from tests.functions.management import CONTEXT

RUN = {"run": "run-1", "started_at": "2025-06-15T15:06:40.250Z", "key": KEY}
MINUTE = 60_000


class Deployed:
    """The stores of the function."""

    def __init__(self, set_variable: Any) -> None:
        self.cloud = cloud = Cloud()
        self.bucket, self.stream, table_name = cloud.bucket(), cloud.name("events"), cloud.table("definitions")
        cloud.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        DynamoDefinitions(cloud.client("dynamodb"), table_name, clock=lambda: NOW).put(tills(), read_version=None)
        variables = {
            "IMPORTS_BUCKET": self.bucket,
            "STREAM_NAME": self.stream,
            "STREAM_SHARDS": "1",
            "DEFINITIONS_TABLE": table_name,
            "IDENTITY_SECRET": cloud.secret(SECRET.decode()),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        for name, text in variables.items():
            set_variable(name, text)

    def drop(self, content: bytes) -> None:
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=KEY, Body=content)

    def call(self, *, minutes_left: int = 14, **event: Any) -> Any:
        context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: minutes_left * MINUTE)
        return json.loads(json.dumps(load("import_files").handler(RUN | event, context)))

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.cloud.objects(self.bucket)[f"{KEY}.report.json"])
        return found

    def records(self) -> list[Any]:
        kinesis = self.cloud.client("kinesis")
        shard = kinesis.list_shards(StreamName=self.stream)["Shards"][0]["ShardId"]
        place = kinesis.get_shard_iterator(StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return [
            decode_record(one["Data"]) for one in kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
        ]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with mock_aws():
        yield Deployed(monkeypatch.setenv)


def test_a_dropped_file_is_read_onto_the_stream_and_reported(deployed: Deployed) -> None:
    deployed.drop(table([sale(1, "L-1"), sale(2, ""), sale(3, "L-1")]))
    assert deployed.call() == {"done": True, "state": "done"}
    whole, rejected = deployed.records()
    assert (whole.source, whole.origin, whole.trusted) == ("tills", Origin.FILE, True)
    assert [one.identifiers for one in whole.events] == [identifiers(loyalty_id="L-1")] * 2
    assert [one.reason for one in rejected.rejected] == ["no_identifier"]
    report = deployed.report()
    assert (report["state"], report["rows"], report["accepted"]) == ("done", 3, 2)


def test_with_little_time_it_stops_after_a_chunk_and_goes_on_when_it_is_called_again(deployed: Deployed) -> None:
    deployed.drop(table([sale(number, f"L-{number % 7}") for number in range(1, 1_101)]))
    answers: list[dict[str, Any]] = []
    while not answers or not answers[-1]["done"]:
        answers.append(deployed.call(minutes_left=1))
    assert [answer["state"] for answer in answers] == ["reading", "reading", "reading", "done"]
    told = [one.properties["order_id"] for record in deployed.records() for one in record.events]
    assert sorted(told) == sorted(f"R-{number}" for number in range(1, 1_101))
    assert deployed.report()["accepted"] == 1_100


def test_a_notification_that_comes_again_does_nothing(deployed: Deployed) -> None:
    deployed.drop(table([sale(1, "L-1")]))
    deployed.call()
    assert deployed.call(run="run-2") == {"done": True, "state": "left_to_another"}
    assert len(deployed.records()) == 1


def test_a_fault_of_a_service_is_told_without_what_the_rows_say(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.drop(table([sale(1, "secret-card")]))
    monkeypatch.setenv("DEFINITIONS_TABLE", "gone")
    with pytest.raises(FunctionFailedError):
        deployed.call()
    assert deployed.report()["state"] == "reading"
    assert "secret-card" not in "".join(capsys.readouterr())


def test_nothing_of_a_row_is_logged(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.drop(table([sale(1, "secret-card"), "secret-receipt"]))
    deployed.call()
    assert "secret" not in "".join(capsys.readouterr())
