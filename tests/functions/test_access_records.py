"""Whoever reads or changes a person through the API leaves a record first; without it there is no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_quarantine import S3Quarantine
from attune.domain.collection import api_keys
from attune.domain.collection.quarantine import Came, quarantined
from attune.domain.events import Origin
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.privacy.access_records import AccessRecord, day_of
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from attune.runtime.clock import now
from tests.adapters.cloud import Cloud
from tests.builders import NOW, Pseudonyms, key_of, profile_id
from tests.functions.management import ADMIN, Deployment

ADA = "email%3AAda%40Example.com"
HELD = (Identifier("email", "ada@example.com"), Identifier("user_id", "ada"))
KEYS = {key_of(one.namespace, one.value) for one in HELD}
EMAIL, USER = key_of("email", "ada@example.com"), key_of("user_id", "ada")
KEEN = {"kind": "segment", "id": "keen", "when": {"type": "performed", "event": "Product Viewed", "at_least": 2}}
CAME = Came(origin=Origin.CLIENT, trusted=True, how={"call": "track"})
REASON = "support_case:4711"
INPUT = quarantined("no_identifier", "shop", NOW, b"{}", CAME, Pseudonyms().key).id
UNLINK = {"identifiers": ["user_id:ada"], "reason": "somebody else's"}

#: (method, path, body, for the admin, subjects of the records)
ACCESSES: dict[str, tuple[str, str, Any, bool, set[str]]] = {
    "read": ("GET", f"/v1/profiles/{ADA}", None, False, {EMAIL}),
    "consent": ("PUT", f"/v1/profiles/{ADA}/consent", {"consent": {"email": False}}, False, {EMAIL}),
    "why": ("GET", f"/v1/profiles/{ADA}/consent", None, False, {EMAIL}),
    "unlink": ("POST", f"/v1/profiles/{ADA}/unlink", UNLINK, True, KEYS),
    "link": ("POST", f"/v1/profiles/{ADA}/preferences-link", {}, False, {EMAIL}),
    "list": ("POST", "/v1/lists/fair", {"add": ["email:ADA@example.com"], "remove": ["user_id:ada"]}, False, KEYS),
    "explain": ("GET", f"/v1/profiles/{ADA}/segments/keen", None, False, {EMAIL}),
    "rebuild": ("POST", "/v1/repairs", {"what": "profiles", "profiles": ["user_id:ada"]}, True, {USER}),
    "input": ("GET", f"/v1/quarantine/inputs/{INPUT}", None, True, {f"quarantine {INPUT}"}),
    "replay": ("POST", "/v1/quarantine/replay", {"ids": [INPUT]}, True, {"quarantine"}),
    "requests": ("GET", "/v1/privacy/requests", None, True, {"privacy requests"}),
    "ask": ("POST", "/v1/privacy/requests", {"kind": "access", "subject": ["email:ADA@example.com"]}, True, {EMAIL}),
    "search": ("POST", "/v1/privacy/verifications", {"subject": ["email:ADA@example.com"]}, True, {EMAIL}),
}


@dataclass(frozen=True, slots=True)
class Shop:
    """A deployment that knows Ada, with a server key of its shop."""

    deployment: Deployment
    key: str

    def call(self, name: str, *, reason: str = "", key: str | None = None) -> Any:
        method, path, body, is_admin, _ = ACCESSES[name]
        own = ADMIN if is_admin else self.key
        return self.deployment.call(method, path, body, key=own if key is None else key, reason=reason)

    def records(self) -> list[AccessRecord]:
        deployment = self.deployment
        ledger = DynamoLedger(deployment.cloud.client("dynamodb"), deployment.tables["ledger"])
        return [found.record for found in ledger.of_day(day_of(now()))]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        deployment = Deployment(Cloud(), patch.setenv)
        for definition in ({"kind": "source", "id": "shop"}, KEEN):
            deployment.call("PUT", f"/v1/definitions/{definition['kind']}/{definition['id']}", definition, key=ADMIN)
        key = deployment.call("POST", "/v1/sources/shop/keys", {"type": "server"}, key=ADMIN).body["key"]
        links = {key_of(one.namespace, one.value): Link(one, NOW) for one in HELD}
        item = ProfileItem(
            profile_id=profile_id(),
            version=1,
            state=encode_profile(Profile(profile_id=profile_id(), links=links, first_seen=NOW)),
        )
        identity = Identity(profile_id=profile_id(), at=NOW)
        claims = tuple(Claim(identity_key=one, read=None, identity=identity) for one in links)
        client, tables = deployment.cloud.client("dynamodb"), deployment.tables
        store = DynamoProfiles(client, profiles=tables["profiles"], identities=tables["identities"])
        store.commit(Commit(items=((None, item),), claims=claims))
        S3Quarantine(deployment.cloud.client("s3"), deployment.quarantine, Pseudonyms().key).keep(
            "no_identifier", "shop", NOW, b"{}", CAME
        )
        yield Shop(deployment, str(key))


@pytest.mark.parametrize("name", ACCESSES)
def test_an_access_is_recorded(shop: Shop, name: str) -> None:
    method, _, _, is_admin, subjects = ACCESSES[name]
    answer = shop.call(name, reason=REASON)
    assert answer.status < 500, answer.body
    records = shop.records()
    assert {one.subject for one in records} == subjects
    assert {one.reason for one in records} == {REASON}
    if is_admin:
        assert {one.who for one in records} == {f"admin key {api_keys.digest(ADMIN)[:8]}"}
    else:
        parts = api_keys.read_key(shop.key)
        assert parts is not None
        assert {one.who for one in records} == {f"server key {parts.key_id}"}
    [route] = {one.route for one in records}
    assert route.startswith(f"{method} /v1/")
    told = json.dumps([(one.who, one.route, one.subject, one.reason) for one in records]).lower()
    assert "ada" not in told


@pytest.mark.parametrize("name", ACCESSES)
def test_what_cannot_be_recorded_is_not_answered(shop: Shop, name: str) -> None:
    """The ledger is out of reach: nothing is shown and nothing changes, not even a hold."""
    deployment = shop.deployment
    shop.call("explain")  # definitions are read by now, and a hold is not among them
    before = len(deployment.records())
    deployment.cloud.client("dynamodb").delete_table(TableName=deployment.tables["ledger"])
    answer = shop.call(name)
    assert (answer.status, set(answer.body)) == (500, {"code", "message"})
    assert len(deployment.records()) == before
    identities = deployment.cloud.client("dynamodb").scan(TableName=deployment.tables["identities"])["Items"]
    assert not [one for one in identities if one["identity_key"]["S"].startswith("hold#")]
    traces = [key for key in deployment.cloud.objects(deployment.quarantine) if ".tried-" in key]
    assert traces == []
    assert deployment.call("GET", "/v1/repairs", key=ADMIN).body == {"runs": []}


@pytest.mark.parametrize("name", ACCESSES)
def test_who_may_not_is_refused_and_leaves_no_record(shop: Shop, name: str) -> None:
    assert shop.call(name, key="wrong").status == 401
    assert shop.records() == []


@pytest.mark.parametrize("reason", ["Ada Lovelace rang", "ada@example.com", "x" * 40, "case:", "case:1:2", "Case", "ä"])
def test_a_reason_that_could_name_somebody_is_refused(shop: Shop, reason: str) -> None:
    answer = shop.call("read", reason=reason)
    assert (answer.status, answer.body["code"]) == (400, "invalid_reason")
    assert shop.records() == []


@pytest.mark.parametrize("reason", ["audit", "support_case:4711", "ticket:CS-12", f"{'a' * 32}:{'B' * 10}-{'1' * 12}"])
def test_a_word_with_a_number_is_a_reason(shop: Shop, reason: str) -> None:
    assert shop.call("read", reason=reason).status == 200
    assert [one.reason for one in shop.records()] == [reason]


def test_who_looks_for_somebody_unknown_is_recorded_too(shop: Shop) -> None:
    answer = shop.deployment.call("GET", "/v1/profiles/email%3Aeve%40example.com", key=shop.key)
    assert answer.status == 404
    assert [one.subject for one in shop.records()] == [key_of("email", "eve@example.com")]


def test_an_address_that_can_be_nobodys_is_refused_as_ever(shop: Shop) -> None:
    answer = shop.deployment.call("GET", "/v1/profiles/ada", key=shop.key)
    assert (answer.status, answer.body["code"]) == (400, "invalid_identifier")
    assert shop.records() == []


def test_the_records_of_a_person_are_those_of_every_address_they_have(shop: Shop) -> None:
    for name in ("read", "rebuild", "list", "input"):
        shop.call(name)
    deployment = shop.deployment
    ledger = DynamoLedger(deployment.cloud.client("dynamodb"), deployment.tables["ledger"])
    routes = [one.route for one in ledger.of_subjects(KEYS)]
    assert sorted(routes) == [
        "GET /v1/profiles/{profile}",
        "POST /v1/lists/{list}",
        "POST /v1/lists/{list}",
        "POST /v1/repairs",
    ]
