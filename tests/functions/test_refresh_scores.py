"""refresh_scores as Lambda loads it: from its file, with settings from the environment, AWS in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_registry import S3Registry
from attune.domain.events import Record, decode_record
from attune.domain.learning.models import MODELS, SHOPPER_CLUSTERS, Champion, encode_model
from attune.ports import Commit
from attune.runtime.telemetry import FunctionFailedError
from tests.adapters.cloud import REGION, Cloud
from tests.builders import NOW, model, profile_id
from tests.faults.training import consenting
from tests.functions.gateway import Context, load

KEY = "queries/6c1f.csv"
HEADER = '"profile_id","recency","frequency","monetary","tenure","views","carts","holdout","shopper_clusters","rfm"\n'
#: what the learning machine hands over the first time, and what it knows the run by
FIRST = {
    "run": "20250615T150640Z",
    "started_at": "2025-06-15T15:06:40.000Z",
    "features": KEY,
    "position": 0,
    "sent": 0,
}


class Deployed:
    """The stream, the lake and the registry of the function."""

    def __init__(self, set_variable: Any) -> None:
        self.cloud = Cloud()
        self.lake, self.registry, self.stream = self.cloud.bucket(), self.cloud.bucket(), self.cloud.name("events")
        self.cloud.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        self.tables = {role: self.cloud.table(role) for role in ("profiles", "identities", "definitions")}
        tables = self.cloud.client("dynamodb")
        self.holds = DynamoHolds(tables, self.tables["identities"])
        store = DynamoProfiles(tables, profiles=self.tables["profiles"], identities="")
        for number in range(1, 4):
            store.commit(Commit(items=((None, consenting(profile_id(number))),)))
        variables = {
            **{f"{role.upper()}_TABLE": name for role, name in self.tables.items()},
            "LAKE_BUCKET": self.lake,
            "REGISTRY_BUCKET": self.registry,
            "STREAM_NAME": self.stream,
            "STREAM_SHARDS": "1",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        for name, text in variables.items():
            set_variable(name, text)

    def write(self, text: str) -> None:
        self.cloud.client("s3").put_object(Bucket=self.lake, Key=KEY, Body=text.encode())

    def serve(self) -> None:
        registry = S3Registry(self.cloud.client("s3"), self.registry)
        registry.keep(SHOPPER_CLUSTERS, "run-1", {"model.json": encode_model(model())})
        registry.promote(SHOPPER_CLUSTERS, Champion(version="run-1"), read=None)

    def records(self) -> list[Record]:
        kinesis = self.cloud.client("kinesis")
        shard = kinesis.list_shards(StreamName=self.stream)["Shards"][0]["ShardId"]
        place = kinesis.get_shard_iterator(StreamName=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        found = kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
        return [decode_record(one["Data"]) for one in found]


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with mock_aws():
        yield Deployed(monkeypatch.setenv)


def call(event: dict[str, Any]) -> Any:
    return load("refresh_scores").handler(event, Context())


def test_what_athena_wrote_becomes_scores_on_the_stream(deployed: Deployed) -> None:
    rows = f'"{profile_id(1)}","1.5","20","2000.25","400.5","90","30","0","",""\n'
    rows += f'"{profile_id(2)}","300","0","0","310","1","0","1","",""\n'
    rows += f'"{profile_id(3)}","300","0","0","310","1","0","1","",""\n'
    deployed.holds.place(f"key of {profile_id(3)}", {"personalization": NOW}, NOW)
    deployed.write(HEADER + rows)
    deployed.serve()
    answer = call(FIRST)
    assert answer == {"done": True, "position": len(HEADER + rows), "sent": 2, "codes": {"rfm": "no_champion"}}
    said = [one.events[0] for one in deployed.records()]
    assert {(one.properties["profile_id"], one.properties["value"], one.properties["at"]) for one in said} == {
        (profile_id(1), "vip", NOW),
        (profile_id(2), "lapsed", NOW),
    }


def test_without_a_champion_the_step_is_done(deployed: Deployed) -> None:
    deployed.write(HEADER)
    assert call(FIRST) == {"done": True, "position": 0, "sent": 0, "codes": dict.fromkeys(MODELS, "no_champion")}


def test_a_place_beyond_the_end_is_the_end(deployed: Deployed) -> None:
    deployed.write(HEADER)
    deployed.serve()
    assert call(FIRST | {"position": 10_000, "sent": 7}) == {
        "done": True,
        "position": 10_000,
        "sent": 7,
        "codes": {"rfm": "no_champion"},
    }


@pytest.mark.parametrize(
    ("header", "error"),
    [(HEADER.replace("views", "clicks"), "FeatureColumnsError"), ("", "FeatureColumnsError")],
)
def test_a_table_that_is_another_fails_the_run_by_name(deployed: Deployed, header: str, error: str) -> None:
    deployed.write(header)
    deployed.serve()
    with pytest.raises(FunctionFailedError, match=f"^{error}$"):
        call(FIRST)


@pytest.mark.parametrize(
    "event",
    [{}, {"run": "r"}, FIRST | {"position": "x"}, FIRST | {"started_at": "soon"}, FIRST | {"features": None}],
)
def test_what_no_machine_of_ours_hands_over_fails_by_name(deployed: Deployed, event: dict[str, Any]) -> None:
    with pytest.raises(FunctionFailedError, match=r"^RunInputError$"):
        call(event)


def test_no_profile_is_named_in_the_log(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.write(f'{HEADER}"{profile_id(1)}","1","2","3","4","5","6","0","",""\n"{profile_id(2)}","NaN"\n')
    deployed.serve()
    call(FIRST)
    printed = "".join(capsys.readouterr())
    assert "ScoresSent" in printed
    assert "FeatureRowsSkipped" in printed
    assert profile_id(1) not in printed
    assert profile_id(2) not in printed
