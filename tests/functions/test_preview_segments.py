"""preview_segments as the preview machine calls it, AWS in this process; the lake is asked elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from attune.runtime.telemetry import FunctionFailedError
from tests.adapters.cloud import Cloud
from tests.functions.gateway import load
from tests.functions.management import CONTEXT, Deployment
from tests.functions.test_segments_asked import DRAFT, server_key, store_a_viewer

RUN = {"run": "20250615T150640Z", "started_at": "2025-06-15T15:06:40.000Z", "position": ""}
KEY = f"previews/{RUN['run']}.json"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def called(step: str = "look") -> dict[str, Any]:
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 1)
    answer: dict[str, Any] = load("preview_segments").handler({**RUN, "step": step}, context)
    return answer


def ask(deployment: Deployment, asked: Any) -> None:
    """As `manage_previews` keeps it."""
    deployment.cloud.client("s3").put_object(Bucket=deployment.audit, Key=KEY, Body=json.dumps(asked))


def test_segments_that_are_there_are_counted_as_of_the_runs_beginning(deployment: Deployment) -> None:
    server_key(deployment)
    store_a_viewer(deployment)
    ask(deployment, {"segments": ["keen"]})
    answer = called()
    assert answer["done"]
    assert answer["result"]["at"] == RUN["started_at"]
    assert answer["result"]["segments"] == [{"segment": "keen", "size": 1}]


def test_a_draft_is_asked_of_the_lake(deployment: Deployment) -> None:
    """moto's Athena lays down no answer: that it was asked is all that can be seen."""
    athena = deployment.cloud.client("athena")
    location = {"ResultConfiguration": {"OutputLocation": f"s3://{deployment.registry}/queries/"}}
    athena.create_work_group(Name="lake", Configuration=location)
    segment = {"kind": "segment", "id": "draft", "when": DRAFT["when"]}
    ask(deployment, {"segment": segment, "weeks": 2, "share": 16})
    with pytest.raises(FunctionFailedError):
        called()
    [execution] = athena.list_query_executions()["QueryExecutionIds"]
    query = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Query"]
    assert "SUBSTR(profiles.root, 30) <= '0ff'" in query


@pytest.mark.parametrize("asked", [{"segment": {"kind": "segment"}}, {"weeks": "two"}, None])
def test_what_the_api_cannot_have_meant_fails_the_step(deployment: Deployment, asked: Any) -> None:
    ask(deployment, asked)
    with pytest.raises(FunctionFailedError):
        called()


def test_what_was_asked_goes_with_all_its_versions(deployment: Deployment) -> None:
    objects = deployment.cloud.client("s3")
    objects.put_bucket_versioning(Bucket=deployment.audit, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        ask(deployment, {"segments": ["keen"]})
    assert called("forget") == {"forgotten": 1}
    assert "Versions" not in objects.list_object_versions(Bucket=deployment.audit)
    assert called("forget") == {"forgotten": 0}
    with pytest.raises(FunctionFailedError, match="NothingAskedError"):
        called()
