"""`FeatureTable` by Athena: one execution a run, its failures told as Athena tells them, its result read in pieces."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from attune.adapters.athena_features import AthenaFeatures, features_query
from attune.adapters.athena_queries import QueryFailedError, QueryUnfinishedError
from attune.adapters.lake_tables import EVENTS, EVENTS_LOCATION, EVENTS_PARTITION, PROFILES, PROFILES_LOCATION
from attune.domain.learning.models import MODELS
from local.state import Stack, client_settings
from tests.adapters.cloud import Cloud
from tests.builders import NOW, profile_id
from tests.lakes import AFTER, FIELDS, LakeOfTests, live, row, tombstone

DONE = {"State": "SUCCEEDED"}


def failed(*, again: bool) -> dict[str, Any]:
    return {"State": "FAILED", "StateChangeReason": "TABLE_NOT_FOUND: no events", "AthenaError": {"Retryable": again}}


class Athena:
    """Every request is an execution of its own, which goes through its script of states."""

    def __init__(self, *scripts: list[dict[str, Any]], output: str = "s3://lake/queries/{}.csv") -> None:
        self._scripts = list(scripts)
        self._output = output
        self.executions: dict[str, list[dict[str, Any]]] = {}
        self.requests: list[dict[str, Any]] = []

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        execution = f"execution-{len(self.requests)}"
        self.executions[execution] = self._scripts.pop(0)
        return {"QueryExecutionId": execution}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        script = self.executions[QueryExecutionId]
        status = script.pop(0) if len(script) > 1 else script[0]
        output = {"OutputLocation": self._output.format(QueryExecutionId)}
        return {"QueryExecution": {"Status": status, "ResultConfiguration": output}}


def features(athena: Any, s3: Any = None, bucket: str = "lake", pause: Callable[[float], None] = lambda _: None) -> Any:
    return AthenaFeatures(athena, s3, workgroup="attune", database="attune_lake", bucket=bucket, pause=pause)


def test_the_query_is_asked_as_of_the_cutoff_where_the_tables_are() -> None:
    athena = Athena([DONE])
    key = features(athena).build(NOW, "run-1")
    [request] = athena.requests
    assert request["QueryString"] == features_query(NOW, "run-1")
    assert request["QueryString"].startswith("-- learning run run-1\n")
    assert (request["WorkGroup"], request["QueryExecutionContext"]) == ("attune", {"Database": "attune_lake"})
    assert key == "queries/execution-1.csv"


def test_it_waits_until_the_query_is_done() -> None:
    pauses: list[float] = []
    features(Athena([{"State": "QUEUED"}, {"State": "RUNNING"}, DONE]), pause=pauses.append).build(NOW, "run-1")
    assert pauses == [0.1, 0.2]


def test_it_does_not_wait_for_ever() -> None:
    pauses: list[float] = []
    with pytest.raises(QueryUnfinishedError):
        features(Athena([{"State": "RUNNING"}]), pause=pauses.append).build(NOW, "run-1")
    assert 600 <= sum(pauses) < 610


def test_a_failure_says_what_athena_says() -> None:
    with pytest.raises(QueryFailedError, match="FAILED: TABLE_NOT_FOUND: no events"):
        features(Athena([failed(again=False)])).build(NOW, "run-1")
    with pytest.raises(QueryFailedError, match="CANCELLED"):
        features(Athena([{"State": "CANCELLED"}])).build(NOW, "run-1")


def test_where_athena_says_that_it_may_help_the_query_is_run_again() -> None:
    athena = Athena([failed(again=True)], [DONE])
    assert features(athena).build(NOW, "run-1") == "queries/execution-2.csv"


def test_a_step_that_is_tried_again_asks_again() -> None:
    athena = Athena([failed(again=False)], [DONE])
    with pytest.raises(QueryFailedError):
        features(athena).build(NOW, "run-1")
    assert features(athena).build(NOW, "run-1") == "queries/execution-2.csv"


def test_a_query_that_keeps_failing_is_given_up() -> None:
    athena = Athena(*([failed(again=True)] for _ in range(3)))
    with pytest.raises(QueryFailedError):
        features(athena).build(NOW, "run-1")


def test_a_result_in_another_bucket_is_not_passed_off_as_one_here() -> None:
    with pytest.raises(QueryFailedError, match="elsewhere"):
        features(Athena([DONE], output="s3://elsewhere/{}.csv")).build(NOW, "run-1")


@pytest.fixture(params=["moto", pytest.param("local cloud", marks=pytest.mark.cloud)])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    found: Cloud = request.getfixturevalue("moto_cloud" if request.param == "moto" else "local_cloud")
    return found


def test_a_result_is_read_in_pieces_up_to_its_end(cloud: Cloud) -> None:
    s3, bucket = cloud.client("s3"), cloud.bucket()
    s3.put_object(Bucket=bucket, Key="queries/a.csv", Body=b"0123456789")
    s3.put_object(Bucket=bucket, Key="queries/empty.csv", Body=b"")
    rows = features(None, s3, bucket)
    assert [rows.read("queries/a.csv", start, 4) for start in (0, 4, 8, 10, 99)] == [b"0123", b"4567", b"89", b"", b""]
    assert rows.read("queries/a.csv", 0, 0) == b""
    assert rows.read("queries/empty.csv", 0, 10) == b""
    with pytest.raises(s3.exceptions.NoSuchKey):
        rows.read("queries/none.csv", 0, 10)


PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}


def declared(columns: Any) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in columns]


def declare_tables(glue: Any, database: str, bucket: str) -> None:
    """As the learning stack declares them."""
    glue.create_database(DatabaseInput={"Name": database})
    for name, columns, location, partition in (
        ("events", EVENTS, EVENTS_LOCATION, [EVENTS_PARTITION]),
        ("profiles", PROFILES, PROFILES_LOCATION, []),
    ):
        storage = {**PARQUET, "Columns": declared(columns), "Location": f"s3://{bucket}/{location}"}
        keys = declared(partition)
        table = {"Name": name, "StorageDescriptor": storage, "PartitionKeys": keys}
        glue.create_table(DatabaseName=database, TableInput=table)


def read_all(rows: Any, key: str) -> list[list[str]]:
    data, piece = b"", b"x"
    while piece:
        piece = rows.read(key, len(data), 100)
        data += piece
    return list(csv.reader(data.decode().splitlines()))


@pytest.mark.cloud
def test_the_compacted_lake_is_asked_from_end_to_end(local_cloud: Cloud) -> None:
    """What is compacted in memory is laid into S3, declared to Glue, and asked of Athena: the same answer."""
    lake = LakeOfTests()
    lake.store(live(1), tombstone(2, 1), live(3, personalization=False))
    lake.arrive(row(message_id="1", event="Order Completed", properties={"total": "19.99"}))
    lake.arrive(*(row(message_id=f"2 {n}", profile_id=profile_id(n)) for n in (1, 2, 3)), day=AFTER)
    lake.compact()
    bucket, name = local_cloud.bucket(), local_cloud.name("lake")
    s3, athena = local_cloud.client("s3"), local_cloud.client("athena")
    declare_tables(local_cloud.client("glue"), name, bucket)
    location = {"ResultConfiguration": {"OutputLocation": f"s3://{bucket}/queries/"}}
    athena.create_work_group(Name=name, Configuration=location)
    asked = AthenaFeatures(athena, s3, workgroup=name, database=name, bucket=bucket)
    assert read_all(asked, asked.build(NOW, "empty")) == [list(FIELDS)]
    for day, data in lake.files.days.items():
        s3.put_object(Bucket=bucket, Key=f"{EVENTS_LOCATION}dt={day}/events.parquet", Body=data)
    s3.put_object(Bucket=bucket, Key=f"{PROFILES_LOCATION}profiles.parquet", Body=lake.files.profiles)
    header, *found = read_all(asked, asked.build(NOW, "run-1"))
    assert header == list(FIELDS)
    scores = -len(MODELS)
    assert {one[0]: (*map(float, one[1:scores]), *one[scores:]) for one in found} == lake.features()
    assert len(found) == 1
    lake.close()


@pytest.mark.cloud
def test_the_deployed_tables_and_work_group_answer(stack: Stack) -> None:
    clients = client_settings(stack.aws_endpoint_url)
    asked = AthenaFeatures(
        boto3.client("athena", **clients),
        boto3.client("s3", **clients),
        workgroup=stack.outputs["LakeWorkgroup"],
        database=stack.outputs["LakeDatabase"],
        bucket=stack.outputs["LakeBucket"],
    )
    key = asked.build(NOW, "a run of the tests")
    assert key.startswith("queries/")
    assert read_all(asked, key)[0] == list(FIELDS)
