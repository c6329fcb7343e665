"""What people ask about their data, over the API: in the order of the deadlines, with no more of them than it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.s3_documents import S3Documents
from attune.domain.identifiers import Identifier, identity_key
from attune.domain.privacy.requests import PrivacyRequest
from attune.use_cases.privacy.manage_privacy import PAGE
from tests.adapters.cloud import Cloud
from tests.builders import DAY, NOW, identifiers
from tests.functions.management import ADMIN, Deployment

PATH = "/v1/privacy/requests"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def kept(deployment: Deployment, name: str, **overrides: Any) -> None:
    fields: dict[str, Any] = {
        "request_id": name,
        "kind": "access",
        "source": "shop",
        "received_at": NOW,
        "identifiers": identifiers(shopify_customer_id="191167", email="john@example.com", phone="+15556251199"),
        "reference": "9999",
        "orders": ("299938", "280263"),
    }
    table = deployment.tables["privacy_requests"]
    DynamoPrivacyRequests(deployment.cloud.client("dynamodb"), table).keep(PrivacyRequest(**(fields | overrides)))


def test_who_is_not_the_admin_learns_nothing(deployment: Deployment) -> None:
    for key in (None, "wrong"):
        answer = deployment.call("GET", PATH, key=key)
        assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_a_request_is_shown_with_its_deadline_and_without_the_persons_address(deployment: Deployment) -> None:
    kept(deployment, "a1")
    answer = deployment.call("GET", PATH, key=ADMIN)
    assert answer.status == 200
    assert answer.body == {
        "requests": [
            {
                "request_id": "a1",
                "kind": "access",
                "source": "shop",
                "state": "received",
                "received_at": "2025-06-15T15:06:40.000Z",
                "due_at": "2025-07-15T15:06:40.000Z",
                "started_at": None,
                "ended_at": None,
                "reference": "9999",
                "orders": 2,
                "subject": [
                    {"namespace": "shopify_customer_id", "value": "191167"},
                    {"namespace": "email", "value": "j…@example.com"},
                    {"namespace": "phone", "value": "…99"},
                ],
                "outcome": {},
            }
        ],
        "next": None,
    }
    assert "john" not in json.dumps(answer.body)
    assert "1199" not in json.dumps(answer.body)


def test_more_than_a_page_is_told_page_by_page(deployment: Deployment) -> None:
    for number in range(PAGE + 3):
        kept(deployment, f"{number:04}", received_at=NOW + number * DAY)
    first = deployment.call("GET", PATH, key=ADMIN).body
    rest = deployment.call("GET", f"{PATH}?after={first['next']}", key=ADMIN).body
    told = [one["request_id"] for one in (*first["requests"], *rest["requests"])]
    assert told == [f"{number:04}" for number in range(PAGE + 3)]
    assert (len(first["requests"]), rest["next"]) == (PAGE, None)


@pytest.mark.parametrize("after", ["x", "1", ".", "1.", ".a", "-1.a", "1e3.a", "1.a%20b", "9" * 30 + ".a", "%C3%A9.a"])
def test_an_after_that_no_answer_named_is_refused(deployment: Deployment, after: str) -> None:
    answer = deployment.call("GET", f"{PATH}?after={after}", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (400, "invalid_after")


def asked(deployment: Deployment, kind: str = "erasure", **more: Any) -> dict[str, Any]:
    body = {"kind": kind, "subject": ["email:ann@example.com"]} | more
    answer = deployment.call("POST", PATH, body, key=ADMIN)
    assert answer.status == 202, answer.body
    found: dict[str, Any] = answer.body
    return found


def test_a_request_is_begun_recorded_and_shown(deployment: Deployment) -> None:
    request = asked(deployment)
    [record] = deployment.records()
    assert (record["origin"], record["source"]) == ("internal", "attune")
    assert [event["type"] for event in record["events"]] == ["$erase"]
    assert deployment.call("GET", f"{PATH}/{request['request_id']}", key=ADMIN).body == request
    listed = deployment.call("GET", f"{PATH}?state=running", key=ADMIN).body["requests"]
    assert listed == [request]
    assert deployment.call("GET", PATH, key=ADMIN).body["requests"] == []
    key = identity_key(b"identity secret of the tests", Identifier("email", "ann@example.com"))
    looked = [(one["route"]["S"], one["subject"]["S"]) for one in accesses(deployment)]
    assert ("POST /v1/privacy/requests", key) in looked
    assert ("GET /v1/privacy/requests/{request}", key) in looked
    assert ("GET /v1/privacy/requests", "privacy requests") in looked


def test_its_run_is_started_once(deployment: Deployment) -> None:
    asked(deployment)
    asked(deployment, "access")
    machine = deployment.cloud.client("stepfunctions")
    assert len(machine.list_executions(stateMachineArn=deployment.privacy.arn)["executions"]) == 1


def test_a_webhooks_request_is_fulfilled_or_refused_once(deployment: Deployment) -> None:
    kept(deployment, "a1", kind="erasure")
    kept(deployment, "b2", kind="erasure")
    assert deployment.call("POST", f"{PATH}/a1/fulfil", key=ADMIN).status == 202
    again = deployment.call("POST", f"{PATH}/a1/fulfil", key=ADMIN)
    assert (again.status, again.body["code"]) == (409, "not_waiting")
    wrong = deployment.call("POST", f"{PATH}/b2/refuse", {"reason": "no"}, key=ADMIN)
    assert (wrong.status, wrong.body["code"]) == (400, "unknown_reason")
    refused = deployment.call("POST", f"{PATH}/b2/refuse", {"reason": "duplicate"}, key=ADMIN)
    assert (refused.status, refused.body["state"], refused.body["subject"]) == (200, "refused", [])


def test_what_was_gathered_is_shown_by_addresses_that_end(deployment: Deployment) -> None:
    outcome = {"exported": True}
    kept(deployment, "a1", state="done", identifiers=(), outcome=outcome)
    missing = deployment.call("GET", f"{PATH}/a1/export", key=ADMIN)
    assert (missing.status, missing.body["code"]) == (404, "no_export")
    documents = S3Documents(deployment.cloud.client("s3"), deployment.audit)
    for kind in ("json", "html"):
        documents.put(f"exports/a1/data.{kind}", b"{}")
    shown = deployment.call("GET", f"{PATH}/a1/export", key=ADMIN).body
    assert set(shown) == {"request_id", "json", "html", "expires_at"}
    assert "exports/a1/data.html" in shown["html"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in shown["json"]
    assert "X-Amz-Expires=900" in shown["json"]


def test_a_receipt_is_shown_as_it_was_written(deployment: Deployment) -> None:
    kept(deployment, "a1", kind="erasure", state="done", outcome={"receipt": "receipts/a1.json"})
    kept(deployment, "b2", kind="erasure")
    documents = S3Documents(deployment.cloud.client("s3"), deployment.audit)
    documents.put("receipts/a1.json", b'{"request_id": "a1", "number": 1}')
    assert deployment.call("GET", f"{PATH}/a1/receipt", key=ADMIN).body == {"request_id": "a1", "number": 1}
    answer = deployment.call("GET", f"{PATH}/b2/receipt", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (404, "no_receipt")


def test_no_route_answers_without_the_admins_key_nor_for_an_unknown_request(deployment: Deployment) -> None:
    one = f"{PATH}/{'f' * 32}"
    routes = [("GET", one), ("POST", f"{one}/fulfil"), ("POST", f"{one}/refuse")]
    routes += [("GET", f"{one}/export"), ("GET", f"{one}/receipt")]
    for method, path in routes:
        assert deployment.call(method, path, {"reason": "duplicate"}).body["code"] == "unknown_admin_key"
        assert deployment.call(method, path, {"reason": "duplicate"}, key=ADMIN).body["code"] == "unknown_request"
    assert deployment.call("POST", PATH, {"kind": "access", "subject": ["email:a@b.com"]}).status == 401


def accesses(deployment: Deployment) -> list[dict[str, Any]]:
    items = deployment.cloud.client("dynamodb").scan(TableName=deployment.tables["ledger"])["Items"]
    return [item for item in items if item["profile_id"]["S"].startswith("access#")]
