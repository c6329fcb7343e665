"""`Stored`: everything that lies in tables, buckets, queues and logs comes to be looked at, each thing once."""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import duckdb
import msgspec
import pytest

from attune.adapters.cloudwatch_stored import LogsStored, MetricsStored
from attune.adapters.duckdb_rows import DuckRows
from attune.adapters.dynamodb_stored import DynamoStored
from attune.adapters.memory_stored import MemoryStored
from attune.adapters.s3_stored import S3Stored, cut
from attune.adapters.sqs_stored import SqsStored
from attune.domain.erasure.residue import Residue
from attune.domain.profiles.profile import Profile, Trait
from attune.domain.profiles.state import encode_profile
from attune.ports.stored import OVERLAP, Stored, UnreadableError
from tests.adapters.cloud import Cloud

ANN = "ann@example.com"


def everything(store: Stored) -> dict[str, bytes]:
    """Page by page to the end: the bytes of each place."""
    found: dict[str, bytes] = {}
    position = ""
    while True:
        page = store.page(position)
        for where, blocks in page.pieces:
            assert where not in found
            found[where] = b"\n".join(blocks)
        position = page.next
        if not position:
            return found


def nothing(file: IO[bytes]) -> Iterator[bytes]:
    raise UnreadableError(file)


def test_a_page_ends_where_the_next_begins() -> None:
    held = {f"{number:02}": str(number).encode() for number in range(25)}
    assert everything(MemoryStored(lambda: held, size=10)) == held


def test_every_attribute_of_every_item_is_seen(moto_cloud: Cloud) -> None:
    tables, name = moto_cloud.client("dynamodb"), moto_cloud.table("deliveries")
    state = encode_profile(Profile(profile_id="p", traits={"e": Trait(ANN, 1, b""), "f": Trait("x" * 2_000, 1, b"")}))
    shapes: list[Any] = [
        {"S": ANN},
        {"B": state},
        {"SS": ["a", ANN]},
        {"BS": [b"x", state]},
        {"L": [{"N": "1"}, {"M": {"deep": {"B": ANN.encode()}}}]},
        {"M": {ANN: {"BOOL": True}}},
    ]
    for number, shape in enumerate([*shapes, {"S": "bob@example.com"}]):
        key = {"profile_id": {"S": "p"}, "delivery_id": {"S": str(number)}}
        tables.put_item(TableName=name, Item=key | {"said": shape})
    found = everything(DynamoStored(tables, name, ("profile_id", "delivery_id")))
    store = DynamoStored(tables, name, ("profile_id", "delivery_id"))
    holding = {piece.where for piece in store.page("").pieces if any(map(Residue([ANN]), piece.blocks))}
    assert len(found) == len(shapes) + 1
    assert holding == {f"p {number}" for number in range(len(shapes))}


def test_a_table_of_many_pages_is_seen_whole(moto_cloud: Cloud) -> None:
    tables, name = moto_cloud.client("dynamodb"), moto_cloud.table("profiles")
    for number in range(8):
        item = {"profile_id": {"S": f"p{number}"}, "state": {"B": bytes(300_000)}}
        tables.put_item(TableName=name, Item=item)
    store = DynamoStored(tables, name, ("profile_id",))
    assert store.page("").next
    assert everything(store).keys() == {f"p{number}" for number in range(8)}


@pytest.fixture
def bucket(moto_cloud: Cloud) -> str:
    name = moto_cloud.bucket()
    moto_cloud.client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def put(cloud: Cloud, bucket: str, key: str, data: bytes) -> None:
    cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=data)


def test_earlier_versions_and_what_is_deleted_are_seen(moto_cloud: Cloud, bucket: str) -> None:
    put(moto_cloud, bucket, "a", b"first")
    put(moto_cloud, bucket, "a", b"second")
    put(moto_cloud, bucket, "b", b"third")
    moto_cloud.client("s3").delete_object(Bucket=bucket, Key="b")
    found = everything(S3Stored(moto_cloud.client("s3"), bucket, nothing))
    assert sorted(found.values()) == [b"", b"first", b"second", b"third"]
    assert {where.partition(" ")[0] for where in found} == {"a", "b"}


def test_a_bucket_without_versions_is_seen(moto_cloud: Cloud) -> None:
    name = moto_cloud.bucket()
    put(moto_cloud, name, "a", b"said")
    assert everything(S3Stored(moto_cloud.client("s3"), name, nothing)) == {"a": b"said"}


def test_a_bucket_of_many_pages_is_seen_whole_but_for_what_is_left_out(moto_cloud: Cloud, bucket: str) -> None:
    for number in range(45):
        put(moto_cloud, bucket, f"k/{number:02}", b"x")
    put(moto_cloud, bucket, "own/1", b"x")
    store = S3Stored(moto_cloud.client("s3"), bucket, nothing, but=("own/",))
    assert everything(store).keys() == {f"k/{number:02}" for number in range(45)}


def test_what_is_packed_is_unpacked_and_what_cannot_be_is_told(moto_cloud: Cloud, bucket: str) -> None:
    put(moto_cloud, bucket, "fine", gzip.compress(ANN.encode()))
    put(moto_cloud, bucket, "torn", gzip.compress(bytes(range(256)) * 64)[:-12])
    first, second = S3Stored(moto_cloud.client("s3"), bucket, nothing).page("").pieces
    assert list(first.blocks) == [ANN.encode()]
    with pytest.raises(UnreadableError):
        list(second.blocks)


def test_rows_of_a_table_are_lines_with_what_is_binary_as_base64(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    told = f"'{ANN}' AS mail, '\\xAA\\xBB'::BLOB AS sealed, {{'a': [1, 2]}} AS deep"
    columns = f"{told}, TIMESTAMP '2025-06-15' AS at, 1.5::DECIMAL(4,2) AS paid"
    duckdb.sql(f"COPY (SELECT {columns} FROM range(1200)) TO '{path}' (FORMAT parquet)")
    with path.open("rb") as file:
        lines = b"\n".join(DuckRows(tmp_path / "scratch")(file)).split(b"\n")
    rows = [msgspec.json.decode(line) for line in lines if line[:1] == b"{"]
    assert len(rows) == 1_200
    assert rows[0] == {
        "mail": ANN,
        "sealed": "qrs=",
        "deep": {"a": [1, 2]},
        "at": "2025-06-15T00:00:00",
        "paid": "1.50",
    }
    assert not (tmp_path / "scratch").exists()


def test_what_is_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        list(DuckRows(tmp_path / "scratch")(io.BytesIO(b"PAR1 and no more")))


@pytest.mark.parametrize("size", [1, 7, 100, 5_000, 40_000])
def test_no_text_is_cut(size: int) -> None:
    """Neither where lines end nor where a block has none."""
    for filling in (b"x", b"ab\n", b"a" * 50 + b"\n"):
        data = filling * (30_000 // len(filling)) + ANN.encode() + filling * (30_000 // len(filling))
        blocks = list(cut(data[start : start + size] for start in range(0, len(data), size)))
        assert any(ANN.encode() in block for block in blocks)
        assert sum(map(len, blocks)) <= len(data) * (2 + OVERLAP // size)


def test_messages_that_nobody_takes_are_seen_and_stay(moto_cloud: Cloud) -> None:
    queues = moto_cloud.client("sqs")
    url = queues.create_queue(QueueName=moto_cloud.name("dead"))["QueueUrl"]
    attribute = {"said": {"DataType": "String", "StringValue": ANN}}
    for number in range(35):
        attributes = attribute if number == 0 else {}
        queues.send_message(QueueUrl=url, MessageBody=f"body {number}", MessageAttributes=attributes)
    page = SqsStored(queues, url).page("")
    found = {piece.where: b"".join(piece.blocks) for piece in page.pieces}
    assert (len(found) + page.missed, page.next) == (35, "")
    assert len(everything(SqsStored(queues, url))) == len(found)
    assert sum(ANN.encode() in body for body in found.values()) <= 1


def test_lines_of_our_groups_are_seen_and_nobody_elses(moto_cloud: Cloud) -> None:
    logs = moto_cloud.client("logs")
    run = moto_cloud.name("group")
    at = int(time.time() * 1_000)
    for group in (f"{run}-one", f"{run}-two", f"other-{run}"):
        logs.create_log_group(logGroupName=group)
        for stream in ("a", "b"):
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            events = [{"timestamp": at + number, "message": f"{group} {stream} {number}"} for number in range(3)]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    found = everything(LogsStored(logs, [f"{run}-"]))
    assert found.keys() == {f"{run}-{group} {stream}" for group in ("one", "two") for stream in ("a", "b")}
    assert found[f"{run}-one a"].decode().split("\n") == [f"{run}-one a {number}" for number in range(3)]


def test_without_a_group_there_is_nothing(moto_cloud: Cloud) -> None:
    assert everything(LogsStored(moto_cloud.client("logs"), [moto_cloud.name("none")])) == {}


def test_dimensions_of_metrics_are_seen(moto_cloud: Cloud) -> None:
    metrics = moto_cloud.client("cloudwatch")
    namespace = moto_cloud.name("space")
    data: list[Any] = [{"MetricName": "Events", "Dimensions": [{"Name": "who", "Value": ANN}], "Value": 1}]
    metrics.put_metric_data(Namespace=namespace, MetricData=data)
    [(where, data_)] = everything(MetricsStored(metrics, namespace)).items()
    assert where == "Events"
    assert ANN.encode() in data_
