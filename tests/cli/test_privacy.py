"""What people ask about their data, from the command line."""

from __future__ import annotations

import json

import pytest

from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.s3_documents import S3Documents
from attune.domain.identifiers import Identifier
from attune.domain.privacy.requests import Kind
from cli.privacy import WORDS
from tests.builders import DAY, NOW
from tests.cli.conftest import Api, Attune
from tests.functions.test_privacy_api import kept


def test_requests_are_listed_by_their_deadlines(attune: Attune, api: Api) -> None:
    kept(api.deployment, "b2", kind="shop_erasure", identifiers=(), orders=(), received_at=NOW + DAY)
    kept(api.deployment, "a1")
    ran = attune("privacy", "requests")
    assert (ran.code, ran.err) == (0, "2 waiting\n")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[1:] == [
        "2025-07-15 show what is held shop shopify_customer_id 191167, email j…@example.com, phone …99 2 a1",
        "2025-07-16 forget all of the shop shop everybody 0 b2",
    ]


def test_a_request_stands_on_one_line_however_long_it_is(attune: Attune, api: Api) -> None:
    kept(api.deployment, "a" * 32, identifiers=tuple(Identifier(f"namespace_{n}", "v" * 30) for n in range(9)))
    [line] = attune("privacy", "requests").out.splitlines()[1:]
    assert line.split()[-1] == "a" * 32


def test_all_pages_are_read(attune: Attune, api: Api) -> None:
    for number in range(203):
        kept(api.deployment, f"{number:04}")
    told = json.loads(attune("privacy", "requests", "--json").out)["requests"]
    assert sorted(one["request_id"] for one in told) == [f"{number:04}" for number in range(203)]


def test_before_the_first_there_are_none(attune: Attune) -> None:
    assert attune("privacy", "requests").err == "0 waiting\n"


def test_every_kind_has_words() -> None:
    assert set(WORDS) == set(Kind.__value__.__args__)


def test_a_request_is_asked_and_its_id_told(attune: Attune, api: Api) -> None:
    ran = attune("privacy", "erase", "email:ann@example.com", "user_id:ann", "--anonymise", "--suppress")
    request = ran.out.strip()
    kept_one = DynamoPrivacyRequests(
        api.deployment.cloud.client("dynamodb"), api.deployment.tables["privacy_requests"]
    ).get(request)
    assert kept_one is not None
    assert (kept_one.kind, kept_one.variant, kept_one.suppress) == ("erasure", "anonymise", True)
    assert [one.namespace for one in kept_one.identifiers] == ["user_id", "email"]
    running = attune("privacy", "requests", "--state", "running")
    assert request in running.out
    assert running.err == "1 running\n"
    assert json.loads(attune("privacy", "show", request).out)["state"] == "running"


KINDS = {
    "access": "access",
    "restrict": "restriction",
    "unrestrict": "restriction_end",
    "suppress": "suppression",
    "unsuppress": "suppression_end",
}


@pytest.mark.parametrize("command", KINDS)
def test_each_command_asks_for_its_kind(attune: Attune, command: str) -> None:
    request = attune("privacy", command, "email:ann@example.com").out.strip()
    assert json.loads(attune("privacy", "show", request).out)["kind"] == KINDS[command]


def test_traits_are_given_in_json_or_plain(attune: Attune, api: Api) -> None:
    given = ["--trait", "name=Ann", "--trait", "age=40", "--trait", "nickname=null"]
    request = attune("privacy", "rectify", "email:ann@example.com", *given).out.strip()
    table = api.deployment.tables["privacy_requests"]
    kept_one = DynamoPrivacyRequests(api.deployment.cloud.client("dynamodb"), table).get(request)
    assert kept_one is not None
    assert kept_one.traits == {"name": "Ann", "age": 40, "nickname": None}
    wrong = attune("privacy", "rectify", "email:ann@example.com", "--trait", "name")
    assert (wrong.code, wrong.out) == (1, "")
    assert "name=value" in wrong.err


def test_the_officer_fulfils_or_refuses_what_webhooks_bring(attune: Attune, api: Api) -> None:
    kept(api.deployment, "a1", kind="erasure")
    kept(api.deployment, "b2")
    assert attune("privacy", "fulfil", "a1").code == 0
    assert "not_waiting" in attune("privacy", "refuse", "a1", "--reason", "duplicate").err
    refused = attune("privacy", "refuse", "b2", "--reason", "identity_not_proven")
    assert (refused.code, refused.err) == (0, "request b2 is refused: identity_not_proven\n")


def test_who_waits_sees_the_receipt(attune: Attune, api: Api) -> None:
    """As where the machine has been quicker than the second look."""
    documents = S3Documents(api.deployment.cloud.client("s3"), api.deployment.audit)
    documents.put("receipts/a1.json", b'{"request_id":"a1","profiles":1}')
    kept(api.deployment, "a1", kind="erasure", state="done", outcome={"receipt": "receipts/a1.json"})
    assert json.loads(attune("privacy", "receipt", "a1").out) == {"request_id": "a1", "profiles": 1}
    assert attune("privacy", "export", "a1").err.startswith("attune: no_export")


def test_a_subject_that_is_no_address_is_told_before_anything_is_asked(attune: Attune, api: Api) -> None:
    ran = attune("privacy", "erase", "ann@example.com")
    assert (ran.code, ran.out) == (1, "")
    assert "namespace:value" in ran.err
    assert api.requests == []
