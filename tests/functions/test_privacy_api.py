"""What people ask about their data, over the API: in the order of the deadlines, with no more of them than it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.domain.privacy_requests import PrivacyRequest
from attune.use_cases.manage_privacy import PAGE
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
                "reference": "9999",
                "orders": 2,
                "subject": [
                    {"namespace": "shopify_customer_id", "value": "191167"},
                    {"namespace": "email", "value": "j…@example.com"},
                    {"namespace": "phone", "value": "…99"},
                ],
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
