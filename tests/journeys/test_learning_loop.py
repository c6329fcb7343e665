"""The circle of docs/models.md on the deployed stack: a history in, a model out, scores back, a segment of them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from rich.console import Console

from local.demo.learning import MODEL, Learning
from local.demo.report import Report
from local.demo.shop import Shop
from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.state import Stack

pytestmark = [pytest.mark.cloud, pytest.mark.slow]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Shop]:
    with closing(Shop(stack, "shpss_unused")) as opened:
        yield opened


@pytest.fixture(scope="module")
def told(shop: Shop) -> Report:
    """The demo's own telling, with fewer shoppers."""
    report = Report(console=Console(file=io.StringIO()))
    Learning(shop, report, str(int(time.time())), shoppers=1_500).tell()
    return report


def model(shop: Shop) -> dict[str, Any]:
    [found] = [one for one in shop.admin("GET", "/v1/models")["models"] if one["name"] == MODEL]
    return dict(found)


def train(stack: Stack) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "models", "train", "--wait"],
        cwd=ROOT,
        env={"ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=420,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_history_becomes_a_model_scores_and_a_segment(told: Report) -> None:
    assert [(step.step, step.seen) for step in told.failed] == []
    assert len(told.steps) == 4


def test_a_second_training_on_the_same_customers_leaves_the_champion(told: Report, shop: Shop, stack: Stack) -> None:
    assert not told.failed
    before = model(shop)
    train(stack)
    after = model(shop)
    assert (after["version"], after["state"]) == (before["version"], "serving")
    newest = shop.admin("GET", "/v1/models")["runs"][0]
    assert newest["state"] == "succeeded"
    result = shop.admin("GET", f"/v1/models/runs/{newest['run']}")["result"]
    assert (result["state"], result["code"]) == ("kept", "not_better")
    # a score that would be the same is not sent again; a few customers may have come into another cluster meanwhile
    assert result["scores"] < result["profiles"] / 10
    [sizes] = shop.admin("GET", "/v1/segments/sizes")["sizes"]
    assert sizes["profiles"] >= result["profiles"]
    assert max(sizes["segments"].values()) > 0


def test_a_corrupt_champion_is_told_and_a_training_puts_it_right(told: Report, shop: Shop, stack: Stack) -> None:
    assert not told.failed
    store = boto3.client("s3", **client_settings(stack.aws_endpoint_url))
    bucket, before = stack.outputs["RegistryBucket"], model(shop)
    key = f"models/{MODEL}/{before['version']}/model.json"
    whole = store.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert json.loads(whole)["name"] == MODEL
    store.put_object(Bucket=bucket, Key=key, Body=whole[: len(whole) // 2])
    faulty = model(shop)
    assert (faulty["state"], faulty["code"]) == ("faulty", "corrupt_model")
    assert shop.profile("user_id", "shopper-00000") is not None
    train(stack)
    mended = model(shop)
    assert mended["state"] == "serving"
    assert mended["version"] != before["version"]
