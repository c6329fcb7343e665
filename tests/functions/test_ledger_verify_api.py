"""GET /v1/ledger/verify and the daily seal as deployed, over tables and a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.domain.privacy.access_records import AccessRecord, day_of, digest_key
from attune.runtime.clock import now
from tests.adapters.cloud import Cloud
from tests.builders import DAY, profile_id
from tests.functions.management import ADMIN, CONTEXT, Deployment, load_handler

PATH = "/v1/ledger/verify"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        yield Deployment(Cloud(), patch.setenv)


def ledger_of(deployment: Deployment) -> DynamoLedger:
    return DynamoLedger(deployment.cloud.client("dynamodb"), deployment.tables["ledger"])


def looked_at(deployment: Deployment, *, days_ago: int) -> AccessRecord:
    record = AccessRecord(
        at=now() - days_ago * DAY, record_id="ab" * 8, who="admin key 1", route="GET /v1/x", subject=profile_id()
    )
    ledger_of(deployment).keep([record])
    return record


def sealed(remaining: int = 900_000) -> Any:
    context = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: remaining)
    return load_handler("digest_access")({}, context)


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
def test_it_is_for_the_admin_key(deployment: Deployment, key: str | None) -> None:
    answer = deployment.call("GET", PATH, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_of_an_empty_ledger_nothing_is_wrong(deployment: Deployment) -> None:
    answer = deployment.call("GET", PATH, key=ADMIN)
    assert answer.status == 200
    assert (answer.body["findings"], answer.body["newest"], answer.body["next"]) == ([], None, None)


def test_what_was_sealed_and_then_removed_is_named(deployment: Deployment) -> None:
    record = looked_at(deployment, days_ago=3)
    days = sealed()["sealed"]
    assert days[0] == day_of(record.at)
    assert sealed() == {"sealed": []}
    right = deployment.call("GET", PATH, key=ADMIN).body
    assert (right["findings"], right["access_records"], right["days"]) == ([], 1, len(days))
    noted = f"{right['newest']['day']}:{right['newest']['digest']}"
    assert deployment.call("GET", f"{PATH}?known={noted}", key=ADMIN).body["findings"] == []
    deployment.cloud.client("dynamodb").delete_item(
        TableName=deployment.tables["ledger"],
        Key={
            "profile_id": {"S": f"access#{day_of(record.at)}#{0xAB % 8}"},
            "entry": {"S": f"{record.at:013d}#{record.record_id}"},
        },
    )
    [finding] = deployment.call("GET", PATH, key=ADMIN).body["findings"]
    assert (finding["what"], finding["where"]) == ("removed", f"access records of {day_of(record.at)}")
    assert finding["entry"].startswith(f"{record.at}#{record.record_id}")


def test_a_run_with_little_time_seals_nothing(deployment: Deployment) -> None:
    looked_at(deployment, days_ago=3)
    assert sealed(60_000) == {"sealed": []}


def test_who_takes_the_newest_digest_away_does_not_get_another(deployment: Deployment) -> None:
    record = looked_at(deployment, days_ago=3)
    newest = sealed()["sealed"][-1]
    deployment.cloud.client("s3").delete_object(Bucket=deployment.audit, Key=digest_key(newest))
    with pytest.raises(Exception, match="BrokenDigestsError"):
        sealed()
    findings = deployment.call("GET", PATH, key=ADMIN).body["findings"]
    assert [(one["what"], one["entry"]) for one in findings] == [("cut_off", newest)]
    assert record.subject not in str(findings)


@pytest.mark.parametrize("after", ["x", "days", "days.\n", "people.x", "places." + "x" * 300])
def test_a_place_that_no_answer_named_is_refused(deployment: Deployment, after: str) -> None:
    answer = deployment.call("GET", f"{PATH}?after={after}".replace("\n", "%0A"), key=ADMIN)
    assert (answer.status, answer.body["code"]) == (400, "invalid_after")


@pytest.mark.parametrize("after", ["days.", "days.never", "days.9999-12-31", "profiles.x", "places.x", "places.x|y"])
def test_any_other_place_is_one(deployment: Deployment, after: str) -> None:
    looked_at(deployment, days_ago=3)
    sealed()
    assert deployment.call("GET", f"{PATH}?after={after}", key=ADMIN).status == 200


@pytest.mark.parametrize("known", ["x", "2025-06-15", "2025-06-15:ab", "never:" + "a" * 64])
def test_what_is_no_digest_is_refused(deployment: Deployment, known: str) -> None:
    answer = deployment.call("GET", f"{PATH}?known={known}", key=ADMIN)
    assert (answer.status, answer.body["code"]) == (400, "invalid_digest")
