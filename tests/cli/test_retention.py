"""From `attune apply` of a purpose to the compaction that removes rows: what is said, when it acts, what it leaves."""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from attune.domain.privacy.lake_retention import GRACE
from tests.adapters.cloud import REGION
from tests.builders import MINUTE
from tests.cli.conftest import Api, Attune
from tests.functions.management import CONTEXT
from tests.lakes import lines, row

HANDLER = Path(__file__).parents[2] / "functions" / "compact_lake" / "handler.py"
BEGUN = datetime.now(UTC)
RUN = {"run": "20250615T150640Z", "started_at": "2100-01-01T00:00:00.250Z"}


@pytest.fixture
def lake(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket with rows of yesterday, and of a day two months ago that was written anew by an erasure."""
    bucket = api.deployment.cloud.bucket()
    s3 = api.deployment.cloud.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for day in (1, 60, 60):
        data = lines([row(message_id=f"m{day}")])
        s3.put_object(Bucket=bucket, Key=f"events/dt={ago(day)}/hour=01/a.json.gz", Body=data)
    for name, value in (("LAKE_BUCKET", bucket), ("AWS_DEFAULT_REGION", REGION)):
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()
    return bucket


def ago(days: int) -> str:
    return (BEGUN - timedelta(days=days)).date().isoformat()


def compact() -> Any:
    spec = importlib.util.spec_from_file_location("compact_lake_handler", HANDLER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 14 * MINUTE)
    return module.handler(RUN, context)


def days(api: Api, bucket: str) -> set[str]:
    """Of all versions of all objects there are."""
    found = api.deployment.cloud.client("s3").list_object_versions(Bucket=bucket)
    keys = [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in found.get(kind, [])]
    return {key.partition("dt=")[2].partition("/")[0] for key in keys if "dt=" in key}


def pass_by(api: Api, length: int) -> None:
    """Whatever was applied was applied so much earlier (ms)."""
    client, table = api.deployment.cloud.client("dynamodb"), api.deployment.tables["definitions"]
    for item in client.scan(TableName=table)["Items"]:
        if "at" in item:
            at = {"N": str(int(item["at"]["N"]) - length)}
            client.put_item(TableName=table, Item={**item, "at": at})


def test_a_shorter_time_removes_rows_when_it_was_said_for_three_days_and_not_before(
    attune: Attune, api: Api, lake: str, tmp_path: Path
) -> None:
    file = tmp_path / "purpose.yaml"
    file.write_text("{kind: purpose, id: analytics, retention: {events: 31d}}")
    said = attune("apply", file)
    assert (said.code, said.out) == (0, "created   purpose analytics\n")
    assert "go for good" in said.err
    assert compact()["done"]
    assert days(api, lake) == {ago(1), ago(60)}
    pass_by(api, GRACE)
    assert compact()["done"]
    assert days(api, lake) == {ago(1)}


def test_whoever_takes_a_mistake_back_in_time_loses_nothing(
    attune: Attune, api: Api, lake: str, tmp_path: Path
) -> None:
    file = tmp_path / "purpose.yaml"
    for text in ("31d", "400d"):
        file.write_text(f"{{kind: purpose, id: analytics, retention: {{events: {text}}}}}")
        assert attune("apply", file).code == 0
    pass_by(api, GRACE)
    assert compact()["done"]
    assert days(api, lake) == {ago(1), ago(60)}
