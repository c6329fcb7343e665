"""compact_lake as the learning machine calls it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_swept import S3Swept
from attune.domain.erasure.subjects import Subject
from attune.ports import Commit, ProfileItem
from attune.runtime.telemetry import FunctionFailedError
from attune.use_cases.erasure.sweep_late import NoteLate
from tests.adapters.cloud import REGION, Cloud
from tests.builders import NOW, profile_id
from tests.functions.management import CONTEXT
from tests.lakes import AFTER, TODAY, lines, live, row

HANDLER = Path(__file__).parents[2] / "functions" / "compact_lake" / "handler.py"
MINUTE = 60_000
#: later than moto's objects are
RUN = {"run": "20250615T150640Z", "started_at": "2100-01-01T00:00:00.250Z"}


class Deployed:
    """A bucket with two days of raw rows, and the profiles' table."""

    def __init__(self) -> None:
        self.cloud = Cloud()
        self.bucket, self.table = self.cloud.bucket(), self.cloud.table("profiles")
        self.definitions, self.identities = self.cloud.table("definitions"), self.cloud.table("identities")
        secret = self.cloud.client("secretsmanager").create_secret(Name="identity", SecretString="s" * 64)
        self.secret = secret["ARN"]
        self.store = DynamoProfiles(self.cloud.client("dynamodb"), profiles=self.table, identities="")
        self.store.commit(Commit(items=((None, live()),)))
        for day in (TODAY, AFTER):
            self.put(f"events/dt={day}/hour=01/a.json.gz", lines([row(message_id=day)]))

    def put(self, key: str, data: bytes) -> None:
        self.cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=data)

    def call(self, event: dict[str, Any], *, minutes_left: int = 14) -> Any:
        spec = importlib.util.spec_from_file_location("compact_lake_handler", HANDLER)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def remaining() -> int:
            return minutes_left * MINUTE

        return module.handler(event, SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=remaining))

    def compacted(self) -> set[str]:
        return {key for key in self.cloud.objects(self.bucket) if key.startswith("compacted/")}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    with mock_aws():
        found = Deployed()
        settings = {
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "PROFILES_TABLE": found.table,
            "IDENTITIES_TABLE": found.identities,
            "DEFINITIONS_TABLE": found.definitions,
            "IDENTITY_SECRET": found.secret,
            "LAKE_BUCKET": found.bucket,
            "STREAM_RETENTION_HOURS": "24",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        boto3.setup_default_session()
        yield found


def test_the_lake_is_compacted_and_the_next_call_finds_it_done(deployed: Deployed) -> None:
    assert deployed.call(RUN) == {"done": True, "days": 2}
    days = {f"compacted/events/dt={day}/events.parquet" for day in (TODAY, AFTER)}
    assert deployed.compacted() == {*days, "compacted/profiles/profiles.parquet"}
    assert deployed.call(RUN) == {"done": True, "days": 0}


def test_with_little_time_left_it_asks_to_be_called_again(deployed: Deployed) -> None:
    assert deployed.call(RUN, minutes_left=7) == {"done": False, "days": 1}
    assert deployed.call(RUN, minutes_left=7) == {"done": False, "days": 1}
    assert deployed.call(RUN, minutes_left=7) == {"done": True, "days": 0}


def test_objects_that_hold_no_rows_are_named_in_the_log_without_what_they_say(
    deployed: Deployed, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    key = f"events/dt={TODAY}/hour=02/odd"
    deployed.put(key, b"ann@example.com\n")
    deployed.call(RUN)
    logged = [vars(one) for one in caplog.records]
    assert [(one["object_key"], one["lines"]) for one in logged if "object_key" in one] == [(key, 1)]
    counted = capsys.readouterr().out
    assert "RowsUnreadable" in counted
    assert "ann@example.com" not in f"{logged}{counted}"


def test_what_came_after_the_sweep_of_an_erasure_goes_with_its_versions_and_so_does_the_note(
    deployed: Deployed,
) -> None:
    deployed.cloud.client("s3").put_bucket_versioning(
        Bucket=deployed.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    erased = profile_id(7)
    deployed.store.commit(Commit(items=((None, ProfileItem(profile_id=erased, version=2, erased_at=NOW)),)))
    bucket: Any = S3Swept(deployed.cloud.client("s3"), deployed.bucket)
    NoteLate(bucket, lambda: NOW)([Subject(request_id="r", profile_ids=(erased,), identity_keys=("a" * 32,))])
    late = row(message_id="canary", profile_id=erased, properties={"order_id": "canary"})
    deployed.put(f"events/dt={TODAY}/hour=02/late", lines([late, row(message_id="other")]))
    assert deployed.call(RUN) == {"done": True, "days": 2}
    versions = deployed.cloud.client("s3").list_object_versions(Bucket=deployed.bucket)["Versions"]
    assert not [one["Key"] for one in versions if one["Key"].startswith("late/")]
    [left] = [one for one in versions if one["Key"].endswith("/late")]
    body = deployed.cloud.client("s3").get_object(Bucket=deployed.bucket, Key=left["Key"])["Body"].read()
    assert b"canary" not in body
    assert b"other" in body


@pytest.mark.parametrize("event", [{}, {"run": "r"}, {"run": "r", "started_at": "yesterday"}])
def test_an_input_that_is_not_the_machines_fails(deployed: Deployed, event: dict[str, Any]) -> None:
    with pytest.raises(FunctionFailedError):
        deployed.call(event)
    assert deployed.compacted() == set()
