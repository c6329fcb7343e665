"""The admin's API to models over HTTP: nothing, a model, a training, and everything a caller may get wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from attune.adapters.s3_registry import S3Registry
from attune.domain.learning.models import MODELS, SHOPPER_CLUSTERS, Champion, encode_model
from tests.adapters.cloud import Cloud
from tests.builders import model
from tests.functions.management import ADMIN, Deployment

LEARNT = {"model": SHOPPER_CLUSTERS, "state": "kept", "code": "not_better", "version": "run-2"}
TRAINING = {"profiles": 900, "models": [LEARNT]}


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """One of its own for each test: names of runs are seconds."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def serve(deployment: Deployment) -> None:
    registry = S3Registry(deployment.cloud.client("s3"), deployment.registry)
    metrics = json.dumps({"silhouette": 0.61, "clusters": [{"name": "vip", "share": 0.2, "centroid": {"recency": 3}}]})
    registry.keep(SHOPPER_CLUSTERS, "run-1", {"model.json": encode_model(model()), "metrics.json": metrics.encode()})
    registry.promote(SHOPPER_CLUSTERS, Champion(version="run-1"), read=None)


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/models/train"), ("GET", "/v1/models/runs/other")]
)
def test_without_the_admin_key_every_route_is_a_401(
    deployment: Deployment, method: str, path: str, key: str | None
) -> None:
    answer = deployment.call(method, path, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")
    assert deployment.call("GET", "/v1/models", key=ADMIN).body["runs"] == []


def test_a_fresh_deployment_has_no_model_and_no_runs(deployment: Deployment) -> None:
    answer = deployment.call("GET", "/v1/models", key=ADMIN)
    assert answer.status == 200
    said = [(one["name"], one["state"], one["code"]) for one in answer.body["models"]]
    assert said == [(name, "none", "missing_pointer") for name in MODELS]
    assert answer.body["runs"] == []


def test_what_serves_is_shown(deployment: Deployment) -> None:
    serve(deployment)
    [shown, _] = deployment.call("GET", "/v1/models", key=ADMIN).body["models"]
    assert (shown["state"], shown["version"], shown["metrics"]) == ("serving", "run-1", {"silhouette": 0.61})
    assert [(one["name"], one["share"]) for one in shown["clusters"]] == [("vip", 0.2)]


def test_a_training_is_started_watched_and_told(deployment: Deployment) -> None:
    started = deployment.call("POST", "/v1/models/train", key=ADMIN)
    assert (started.status, set(started.body)) == (202, {"run"})
    run = started.body["run"]
    again = deployment.call("POST", "/v1/models/train", key=ADMIN)
    assert (again.status, again.body["code"]) == (409, "training_in_progress")
    assert run in again.body["message"]
    watched = deployment.call("GET", f"/v1/models/runs/{run}", key=ADMIN)
    assert (watched.status, watched.body["state"], watched.body["result"]) == (200, "running", None)
    deployment.machine.succeed(run, {"training": TRAINING | {"features": "s3://lake/x.csv"}, "scores": {"sent": 900}})
    told = deployment.call("GET", f"/v1/models/runs/{run}", key=ADMIN)
    assert (told.body["state"], told.body["result"]) == ("succeeded", TRAINING | {"scores": 900})
    [listed] = deployment.call("GET", "/v1/models", key=ADMIN).body["runs"]
    assert listed == {name: told.body[name] for name in ("run", "state", "started_at", "ended_at")}


def test_a_failed_run_names_the_error_and_shows_nothing_of_the_inside(deployment: Deployment) -> None:
    run = deployment.call("POST", "/v1/models/train", key=ADMIN).body["run"]
    deployment.machine.fail(run, "FeatureColumnsError")
    told = deployment.call("GET", f"/v1/models/runs/{run}", key=ADMIN)
    assert (told.body["state"], told.body["result"]) == ("failed", {"error": "FeatureColumnsError"})
    assert "arn:" not in json.dumps(told.body)


@pytest.mark.parametrize("run", ["other", "a%20b", "a%3Ab", "%25", "x" * 200, "%C3%A9", "..", "*"])
def test_a_run_nobody_started_is_a_404(deployment: Deployment, run: str) -> None:
    answer = deployment.call("GET", f"/v1/models/runs/{run}", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (404, "unknown_run")


def test_a_body_that_nobody_asked_for_is_left_alone(deployment: Deployment) -> None:
    answer = deployment.call("POST", "/v1/models/train", key=ADMIN, raw=b"\xff{")
    assert answer.status == 202
