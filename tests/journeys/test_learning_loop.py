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
import httpx
import pytest
from rich.console import Console

from local.demo.learning import MODEL, Learning
from local.demo.report import Report
from local.demo.shop import Shop
from local.state import ROOT, client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    return attune(stack, "models", "train", "--wait")


def attune(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={"ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=420,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def send_to_a_new_source(shop: Shop) -> str:
    """Eight events that are applied, one of them twice and once with other content; one refused, one that is none."""
    source = f"till_{time.time_ns()}"
    shop.admin("PUT", f"/v1/definitions/source/{source}", {"kind": "source", "id": source})
    key = shop.admin("POST", f"/v1/sources/{source}/keys", {"type": "server"})["key"]
    agreed = {"consent": {"categoryPreferences": {"analytics": True, "personalization": True}}}

    def sale(number: int, **fields: Any) -> dict[str, Any]:
        said = {"type": "track", "event": "Sold", "userId": source, "messageId": f"{source}-{number}"}
        return said | {"timestamp": "2025-06-15T12:00:00Z", "context": agreed} | fields

    def send(*sales: dict[str, Any]) -> None:
        sent: dict[str, Any] = {"url": f"{shop.stack.api_url}/v1/batch", "json": {"batch": sales}, "auth": (key, "")}
        assert eventually(lambda: httpx.post(**sent, timeout=35, trust_env=False).status_code == 200), (
            "a new key is known"
        )

    send(*map(sale, range(7)), sale(7, userId="nobody-agreed", context={}), sale(8, timestamp="the day before"))
    send(sale(3))
    send(sale(4, properties={"other": "content"}))
    send(sale(9, type="identify", traits={"last": True}))
    assert eventually(lambda: (shop.profile("user_id", source) or {}).get("traits", {}).get("last") is True)
    return source


def eventually(look: Callable[[], bool], seconds: float = 90) -> bool:
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def test_a_history_becomes_a_model_scores_and_a_segment(told: Report) -> None:
    assert [(step.step, step.seen) for step in told.failed] == []
    assert len(told.steps) == 4


def test_a_second_training_on_the_same_customers_leaves_the_champion(told: Report, shop: Shop, stack: Stack) -> None:
    assert not told.failed
    before, source = model(shop), send_to_a_new_source(shop)
    train(stack)
    after = model(shop)
    assert (after["version"], after["state"]) == (before["version"], "serving")
    newest = shop.admin("GET", "/v1/models")["runs"][0]
    assert newest["state"] == "succeeded"
    result = shop.admin("GET", f"/v1/models/runs/{newest['run']}")["result"]
    assert [(one["state"], one["code"]) for one in result["models"]] == [("kept", "not_better")] * 2
    # a score that would be the same is not sent again; a few customers may have come into another cluster meanwhile
    assert result["scores"] < result["profiles"] / 10
    [sizes] = shop.admin("GET", "/v1/segments/sizes")["sizes"]
    assert sizes["profiles"] >= result["profiles"]
    assert max(sizes["segments"].values()) > 0
    check_ledger(stack, source)


def check_ledger(stack: Stack, source: str) -> None:
    [one] = json.loads(attune(stack, "ledger", "--source", source, "--json"))["sources"]
    del one["told_up_to"]
    assert one == {
        "source": source,
        "received": 12,
        "accepted": 11,
        "rejected": {"invalid_time": 1},
        "applied": 8,
        "duplicate": 1,
        "conflict": 1,
        "dropped": {"consent": 1},
        "quarantined": {},
        "erased": 0,
    }
    shown = [line.split() for line in attune(stack, "ledger", "--source", source).splitlines()]
    assert ["received", "12"] in shown
    assert ["consent", "1"] in shown


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
