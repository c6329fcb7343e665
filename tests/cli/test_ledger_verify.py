"""`attune ledger verify`: says what is wrong, and ends so that a script can tell."""

from __future__ import annotations

import json

import pytest

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.domain.privacy.access_records import day_of
from attune.domain.profiles.profile import Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.runtime.clock import now
from attune.use_cases.management.record_access import RecordAccess
from attune.use_cases.privacy.digest_access import DigestAccess
from tests.adapters.ledgers import CALLER, chained
from tests.builders import DAY, profile_id
from tests.cli.conftest import Api, Attune


@pytest.fixture
def kept(attune: Attune, api: Api) -> Attune:
    """Ann's chain of three, and two accesses three days ago, sealed."""
    deployment = api.deployment
    tables = deployment.cloud.client("dynamodb")
    named, entries = profile_id(), chained(profile_id(), 3)
    state = encode_profile(Profile(profile_id=named, ledger_length=3, ledger_head=bytes.fromhex(entries[-1].digest)))
    store = DynamoProfiles(
        tables, profiles=deployment.tables["profiles"], identities="", ledger=deployment.tables["ledger"]
    )
    item = ProfileItem(profile_id=named, version=1, state=state)
    store.commit(Commit(items=((None, item),), ledger=tuple(entries)))
    ledger = DynamoLedger(tables, deployment.tables["ledger"])
    random = iter(range(1, 100))
    record = RecordAccess(
        records=ledger, clock=lambda: now() - 3 * DAY, random_bytes=lambda size: next(random).to_bytes(size)
    )
    record(CALLER, [profile_id(1), profile_id(2)])
    documents = S3Documents(deployment.cloud.client("s3"), deployment.audit)
    DigestAccess(ledger=ledger, documents=documents, clock=now)()
    return attune


def remove_a_consent(api: Api) -> None:
    api.deployment.cloud.client("dynamodb").delete_item(
        TableName=api.deployment.tables["ledger"],
        Key={"profile_id": {"S": profile_id()}, "entry": {"S": "consent#00000003"}},
    )


def test_a_ledger_as_it_was_written_is_said_to_be_so(kept: Attune) -> None:
    ran = kept("ledger", "verify")
    assert ran.code == 0
    told = ran.out.splitlines()
    assert told[0] == "3 consent records of 1 profiles"
    assert told[1].startswith("2 access records of")
    assert told[2] == "0 receipts of erasures"
    assert told[3].startswith("newest digest 20")
    assert told[-1] == "all as it was written"
    known = told[3].removeprefix("newest digest ")
    assert kept("ledger", "verify", "--known", known).code == 0
    assert kept("ledger", "verify", "--known", known[:-1] + ("0" if known[-1] != "0" else "1")).code == 1


def test_what_is_wrong_is_named_and_the_command_fails(kept: Attune, api: Api) -> None:
    remove_a_consent(api)
    ran = kept("ledger", "verify")
    assert ran.code == 1
    assert "consent#00000003" in ran.out
    assert profile_id() in ran.out
    assert "and everything behind it" in ran.out
    assert "not as it was written: 1 findings" in ran.err
    answer = kept("ledger", "verify", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["findings"] == [
        {"what": "cut_off", "where": f"consent of {profile_id()}", "entry": "consent#00000003"}
    ]


def test_all_parts_are_asked_for(kept: Attune, api: Api) -> None:
    kept("ledger", "verify")
    assert api.requests[0] == ("GET", "/v1/ledger/verify")
    assert kept("ledger").code == 0  # the other ledger is where it was
    assert api.requests[-1] == ("GET", "/v1/ledger")


def test_why_somebody_asks_goes_into_the_record(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    attune("--reason", "ticket:CS-1", "quarantine", "show", f"no_identifier.shop.1-{'0' * 32}")
    monkeypatch.setenv("ATTUNE_REASON", "audit")
    attune("quarantine", "show", f"no_identifier.shop.1-{'0' * 32}")
    ledger = DynamoLedger(api.deployment.cloud.client("dynamodb"), api.deployment.tables["ledger"])
    assert [found.record.reason for found in ledger.of_day(day_of(now()))] == ["ticket:CS-1", "audit"]
    refused = attune("--reason", "Ada rang", "quarantine", "show", f"no_identifier.shop.1-{'0' * 32}")
    assert (refused.code, "invalid_reason" in refused.err) == (1, True)
