"""Looking for somebody over the API: what is looked for is told to nobody, and who looked is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.domain.definitions.normalisation import Normalisation
from attune.domain.definitions.sources import Source
from attune.domain.identifiers import Identifier, identity_key
from tests.adapters.cloud import Cloud
from tests.builders import NOW
from tests.functions.management import ADMIN, Deployment

PATH = "/v1/privacy/verifications"
ANN = "ann@example.com"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def wanted(deployment: Deployment, run: str) -> list[str]:
    """What the run will look for."""
    found = deployment.cloud.objects(deployment.audit)[f"erasures/verify-{run}/wanted.json"]
    texts: list[str] = json.loads(found)["texts"]
    return texts


def started(deployment: Deployment, body: dict[str, Any]) -> str:
    answer = deployment.call("POST", PATH, body, key=ADMIN)
    assert answer.status == 202, answer.body
    return str(answer.body["run"])


def test_who_is_not_the_admin_learns_nothing(deployment: Deployment) -> None:
    for method, path in (("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/x")):
        for key in (None, "wrong"):
            answer = deployment.call(method, path, {"strings": [ANN]} if method == "POST" else None, key=key)
            assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")
    assert deployment.cloud.objects(deployment.audit) == {}


def test_what_is_looked_for_lies_beside_the_run_and_not_in_it(deployment: Deployment) -> None:
    run = started(deployment, {"subject": [f"email:{ANN}"], "strings": ["Hauptstraße 7"]})
    assert wanted(deployment, run) == [ANN, "Hauptstraße 7"]
    machine = deployment.cloud.client("stepfunctions")
    [execution] = machine.list_executions(stateMachineArn=deployment.verifications.arn)["executions"]
    described = machine.describe_execution(executionArn=execution["executionArn"])
    assert (described["name"], described["input"]) == (run, "{}")


def test_somebody_is_looked_for_in_every_form_that_a_source_gives(deployment: Deployment) -> None:
    definitions = DynamoDefinitions(
        deployment.cloud.client("dynamodb"), deployment.tables["definitions"], clock=lambda: NOW
    )
    definitions.put(Source(id="shop", normalise=Normalisation(region="DE")), read_version=None)
    run = started(deployment, {"subject": ["phone:0170 1234567", "email:Ann@Example.com"]})
    assert {"+491701234567", "491701234567", "0170 1234567"} <= set(wanted(deployment, run))


def test_who_looked_for_whom_is_recorded(deployment: Deployment) -> None:
    started(deployment, {"subject": [f"email:{ANN}"]})
    items = deployment.cloud.client("dynamodb").scan(TableName=deployment.tables["ledger"])["Items"]
    looked = {(one["route"]["S"], one["subject"]["S"]) for one in items}
    key = identity_key(b"identity secret of the tests", Identifier("email", ANN))
    assert looked == {(f"POST {PATH}", key)}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_body"),
        ({"subject": ["ann"]}, "invalid_identifier"),
        ({"strings": ["abc"]}, "text_too_short"),
        ({"subject": ["user_id:42"]}, "text_too_short"),
        ({"strings": ["x" * 501]}, "invalid_body"),
        ({"strings": ["text"] * 101}, "invalid_body"),
        ({"subject": [f"user_id:user{number}" for number in range(21)]}, "invalid_body"),
        ({"texts": ["text"]}, "invalid_body"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(deployment: Deployment, body: dict[str, Any], code: str) -> None:
    answer = deployment.call("POST", PATH, body, key=ADMIN)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert deployment.cloud.objects(deployment.audit) == {}


def test_one_run_at_a_time(deployment: Deployment) -> None:
    run = started(deployment, {"strings": [ANN]})
    answer = deployment.call("POST", PATH, {"strings": [ANN]}, key=ADMIN)
    assert (answer.status, answer.body["code"]) == (409, "verification_in_progress")
    deployment.verifications.succeed(run, {})
    started(deployment, {"strings": [ANN]})


def test_a_run_tells_what_it_found_where_and_what_nobody_looked_through(deployment: Deployment) -> None:
    run = started(deployment, {"strings": [ANN]})
    one = deployment.call("GET", f"{PATH}/{run}", key=ADMIN).body
    assert (one["state"], one["result"]) == ("running", None)
    stores = {"profiles": {"scanned": 3}, "lake": {"scanned": 9, "found": 1, "unread": 2, "where": ["events/1"]}}
    output = {"verified": {"done": True, "stores": stores, "texts": {"wanted": 1, "found": 1}}, "forgotten": {}}
    deployment.verifications.succeed(run, output)
    told = deployment.call("GET", f"{PATH}/{run}", key=ADMIN).body
    result = told["result"]
    assert (told["state"], result["found"], result["unread"]) == ("succeeded", 1, 2)
    assert result["stores"] == {
        "profiles": {"scanned": 3, "found": 0, "unread": 0, "where": []},
        "lake": {"scanned": 9, "found": 1, "unread": 2, "where": ["events/1"]},
    }
    assert result["texts"] == {"wanted": 1, "found": 1}
    assert result["exceptions"]["stream"] > told["started_at"]
    assert result["exceptions"]["backups"] > result["exceptions"]["stream"]
    assert [one["run"] for one in deployment.call("GET", PATH, key=ADMIN).body["runs"]] == [run]


def test_a_failed_run_tells_why_and_an_unknown_one_is_not_there(deployment: Deployment) -> None:
    run = started(deployment, {"strings": [ANN]})
    deployment.verifications.fail(run, "NothingWantedError")
    assert deployment.call("GET", f"{PATH}/{run}", key=ADMIN).body["result"] == {"error": "NothingWantedError"}
    answer = deployment.call("GET", f"{PATH}/never", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (404, "unknown_run")
