"""The admin's API to repairs over HTTP, and everything a caller may get wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.adapters.cloud import Cloud
from tests.functions.management import ADMIN, Deployment

OUTPUT = {
    "batches": {"done": True, "process_events": {"batches": 1, "records": 5}, "left": 0},
    "effects": {"done": True, "profiles": 9, "entries": 2, "claimed": 1},
}


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """One of its own for each test: names of runs are seconds."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/repairs"), ("POST", "/v1/repairs"), ("GET", "/v1/repairs/x")]
)
def test_without_the_admin_key_every_route_is_a_401(
    deployment: Deployment, method: str, path: str, key: str | None
) -> None:
    answer = deployment.call(method, path, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")
    assert deployment.call("GET", "/v1/repairs", key=ADMIN).body == {"runs": []}


def test_a_repair_is_started_watched_and_told(deployment: Deployment) -> None:
    started = deployment.call("POST", "/v1/repairs", {"since": "2h"}, key=ADMIN)
    assert (started.status, set(started.body)) == (202, {"run"})
    run = started.body["run"]
    again = deployment.call("POST", "/v1/repairs", key=ADMIN)
    assert (again.status, again.body["code"]) == (409, "repair_in_progress")
    assert run in again.body["message"]
    watched = deployment.call("GET", f"/v1/repairs/{run}", key=ADMIN)
    assert (watched.status, watched.body["state"], watched.body["result"]) == (200, "running", None)
    assert (watched.body["what"], watched.body["dry_run"]) == ("all", False)
    deployment.repairs.succeed(run, OUTPUT)
    told = deployment.call("GET", f"/v1/repairs/{run}", key=ADMIN).body
    assert told["result"]["batches"]["process_events"] == {"batches": 1, "records": 5}
    assert (told["result"]["effects"]["entries"], told["result"]["effects"]["claimed"]) == (2, 1)
    [listed] = deployment.call("GET", "/v1/repairs", key=ADMIN).body["runs"]
    assert listed == {name: told[name] for name in ("run", "state", "started_at", "ended_at")}


def test_a_failed_run_names_the_error(deployment: Deployment) -> None:
    run = deployment.call("POST", "/v1/repairs", key=ADMIN).body["run"]
    deployment.repairs.fail(run, "EffectsFailedError")
    told = deployment.call("GET", f"/v1/repairs/{run}", key=ADMIN).body
    assert (told["state"], told["result"]) == ("failed", {"error": "EffectsFailedError"})


def test_a_rebuild_names_its_profiles_by_pseudonyms_alone(deployment: Deployment) -> None:
    body = {"what": "profiles", "profiles": ["email:ada@example.com"]}
    started = deployment.call("POST", "/v1/repairs", body, key=ADMIN)
    assert started.status == 202
    client = deployment.cloud.client("stepfunctions")
    arn = deployment.repairs.arn.replace(":stateMachine:", ":execution:") + ":" + started.body["run"]
    assert "example" not in client.describe_execution(executionArn=arn)["input"]


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b'{"since": "31d"}', 400, "invalid_since"),
        (b'{"what": "nothing"}', 400, "invalid_body"),
        (b'{"what": "profiles", "profiles": ["ada"]}', 400, "invalid_identifier"),
        (b"{", 400, "invalid_json"),
        (b"\xff", 400, "invalid_json"),
        (b"[]", 400, "invalid_body"),
        (b" " * 100_001, 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_by_its_code(
    deployment: Deployment, raw: bytes, status: int, code: str
) -> None:
    answer = deployment.call("POST", "/v1/repairs", key=ADMIN, raw=raw)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert deployment.call("GET", "/v1/repairs", key=ADMIN).body["runs"] == []


@pytest.mark.parametrize("run", ["other", "a%20b", "a%3Ab", "%25", "x" * 200, "..", "*"])
def test_a_run_nobody_started_is_a_404(deployment: Deployment, run: str) -> None:
    answer = deployment.call("GET", f"/v1/repairs/{run}", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (404, "unknown_run")
