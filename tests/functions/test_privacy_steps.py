"""The steps of the privacy machine as deployed, on moto: what Step Functions hands over, and what they answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from moto import mock_aws

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_quarantine import S3Quarantine
from attune.domain.erasure.receipts import Sweep, sweep_key
from attune.domain.identifiers import Identifier, identity_key
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.privacy.exports import PARTS
from attune.ports import Commit
from attune.runtime.clock import now
from attune.runtime.telemetry import FunctionFailedError
from tests.adapters.cloud import Cloud
from tests.builders import Pseudonyms
from tests.failed_batches import document, kinesis_record
from tests.functions.management import ADMIN, Deployment, load_handler

KNOWN = {"run": "20250615T150640Z", "started_at": "2025-06-15T15:06:40.000Z"}
PATH = "/v1/privacy/requests"
CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:function",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 900_000,
)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAM_RETENTION_HOURS", "24")
        yield Deployment(Cloud(), patch.setenv)


def step(function: str, *, minutes: int = 15, **given: Any) -> dict[str, Any]:
    """Through JSON, as Step Functions carries it; with so much time left."""
    context = SimpleNamespace(**vars(CONTEXT) | {"get_remaining_time_in_millis": lambda: minutes * 60_000})
    answer = load_handler(function)(json.loads(json.dumps(KNOWN | given)), context)
    carried: dict[str, Any] = json.loads(json.dumps(answer))
    return carried


def asked(deployment: Deployment, kind: str) -> str:
    body = {"kind": kind, "subject": ["email:nobody@example.com"]}
    return str(deployment.call("POST", PATH, body, key=ADMIN).body["request_id"])


def erased(deployment: Deployment) -> None:
    """As the processor marks somebody unknown."""
    key = identity_key(b"identity secret of the tests", Identifier("email", "nobody@example.com"))
    tables = deployment.tables
    store = DynamoProfiles(
        deployment.cloud.client("dynamodb"), profiles=tables["profiles"], identities=tables["identities"]
    )
    marked = Identity(profile_id="", at=0, namespace="email", erased_at=now() + 1)
    store.commit(Commit(items=(), claims=(Claim(identity_key=key, read=None, identity=marked),)))


def test_nothing_to_do_is_over_at_once(deployment: Deployment) -> None:
    assert step("fulfil_requests", step="begin", position="")["next"] == "over"


def test_an_erasure_goes_its_way_to_the_receipt(deployment: Deployment) -> None:
    request = asked(deployment, "erasure")
    first = step("fulfil_requests", step="begin", position="")
    assert (first["next"], first["requests"]) == ("wait", [request])
    erased(deployment)
    second = step("fulfil_requests", step="begin", position=first)
    assert (second["next"], second["swept"], second["rebuilds"]) == ("sweep", [request], False)
    documents = S3Documents(deployment.cloud.client("s3"), deployment.audit)
    assert b"nobody@example.com" in (documents.get(documents.keys("erasures/")[0]) or b"")
    documents.put(sweep_key(request), msgspec.json.encode(Sweep(ended_at=now())))
    third = step("fulfil_requests", step="finish", position=second)
    assert third["left"] == []
    assert step("fulfil_requests", step="begin", position=third)["next"] == "over"
    versions = deployment.cloud.client("s3").list_object_versions(Bucket=deployment.audit, Prefix="erasures/")
    assert not versions.get("Versions")
    shown = deployment.call("GET", f"{PATH}/{request}", key=ADMIN).body
    assert (shown["state"], shown["subject"]) == ("done", [])
    receipt = deployment.call("GET", f"{PATH}/{request}/receipt", key=ADMIN).body
    assert (receipt["request_id"], receipt["profiles"]) == (request, 0)


def test_an_erasure_that_was_not_swept_stays_under_way(deployment: Deployment) -> None:
    request = asked(deployment, "erasure")
    erased(deployment)
    position = step("fulfil_requests", step="begin", position="")
    assert position["next"] == "sweep"
    assert step("fulfil_requests", step="finish", position=position)["left"] == [request]
    assert deployment.call("GET", f"{PATH}/{request}", key=ADMIN).body["state"] == "running"


def test_what_is_held_is_laid_out_and_shown(deployment: Deployment) -> None:
    said = b'{"email": "nobody@example.com"}'
    s3 = deployment.cloud.client("s3")
    S3Quarantine(s3, deployment.quarantine, Pseudonyms().key).keep("invalid_json", "shop", 1_750_000_000_000, said)
    batch = document([kinesis_record("key", b"torn " + said)])
    s3.put_object(Bucket=deployment.failures, Key="aws/lambda/m/one", Body=batch)
    s3.put_object(Bucket=deployment.imports, Key="imports/till/one.csv", Body=b"email,x\nnobody@example.com,1\n")
    missed = json.dumps({"rawData": base64.b64encode(said).decode()}).encode()
    s3.put_object(Bucket=deployment.registry, Key="errors/failed/one", Body=missed)
    request = asked(deployment, "access")
    position = step("fulfil_requests", step="begin", position="")
    assert (position["next"], position["read"]) == ("read", [request])
    answer: dict[str, Any] = {"position": ""}
    calls = 0
    while not answer.get("done"):
        calls += 1
        answer = step("export_profiles", minutes=7, requests=position["read"], position=answer["position"])
    assert calls > len(PARTS)
    left = s3.list_object_versions(Bucket=deployment.audit, Prefix=f"exports/{request}/").get("Versions", [])
    assert {one["Key"].rpartition("/")[2] for one in left} == {"data.json", "data.html"}
    position = step("fulfil_requests", step="begin", position=position)
    assert position["next"] == "finish"
    step("fulfil_requests", step="finish", position=position)
    shown = deployment.call("GET", f"{PATH}/{request}/export", key=ADMIN)
    assert shown.status == 200
    found = s3.get_object(Bucket=deployment.audit, Key=f"exports/{request}/data.json")
    data = json.loads(found["Body"].read())
    assert data["asked_for"] == [{"namespace": "email", "value": "nobody@example.com"}]
    found_in = {part: len(data[part]) for part in ("refused_input", "failed_batches", "dropped_files", "missed_rows")}
    assert set(found_in.values()) == {1}, found_in


@pytest.mark.parametrize(("function", "given"), [("fulfil_requests", {"step": "x"}), ("export_profiles", {})])
def test_what_the_machine_cannot_mean_fails_without_a_word_of_it(
    deployment: Deployment, function: str, given: dict[str, Any]
) -> None:
    with pytest.raises(FunctionFailedError, match="RunInputError"):
        step(function, **given)
