"""POST /v1/profiles/{profile}/unlink as deployed: who may ask, what lies on the stream, and every refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from tests.builders import NOW, key_of
from tests.functions.management import ADMIN, Deployment

ROUTE = "/v1/profiles/user_id%3Aann/unlink"
WRONG_ONE = {"identifiers": ["email:Ben@Example.com "], "reason": "Ben has called"}
ID = "ab" * 16


@pytest.fixture(scope="module")
def known(deployment: Deployment) -> Deployment:
    """Ann, who holds Ben's address."""
    held = (Identifier("user_id", "ann"), Identifier("email", "ben@example.com"))
    keys = [key_of(one.namespace, one.value) for one in held]
    links = {key: Link(one, NOW) for key, one in zip(keys, held, strict=True)}
    item = ProfileItem(profile_id=ID, version=1, state=encode_profile(Profile(profile_id=ID, links=links)))
    claims = [Claim(identity_key=key, read=None, identity=Identity(profile_id=ID, at=NOW)) for key in keys]
    tables = deployment.tables
    store = DynamoProfiles(
        deployment.cloud.client("dynamodb"), profiles=tables["profiles"], identities=tables["identities"]
    )
    store.commit(Commit(items=((None, item),), claims=tuple(claims)))
    return deployment


@pytest.mark.parametrize("key", [None, "wrong", "atn_s_" + "a" * 12 + "_" + "b" * 52])
def test_it_is_for_the_admin_key(known: Deployment, key: str | None) -> None:
    answer = known.call("POST", ROUTE, WRONG_ONE, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_what_is_accepted_lies_on_the_stream(known: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    answer = known.call("POST", ROUTE, WRONG_ONE, key=ADMIN)
    assert (answer.status, answer.body["accepted"], answer.body["unlinked"]) == (202, True, False)
    assert answer.body["profile_id"] == ID
    record = known.records()[-1]
    [said] = record["events"]
    assert (record["key"], record["origin"], said["type"]) == (ID, "internal", "$unlink")
    assert said["identifiers"] == [["email", "ben@example.com"]]
    assert said["message_id"] == answer.body["message_id"]
    assert "Ben" not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("user_id%3Anobody", WRONG_ONE, 404, "unknown_profile"),
        ("ann", WRONG_ONE, 400, "invalid_identifier"),
        ("user_id%3Aann", WRONG_ONE | {"identifiers": ["ben"]}, 400, "invalid_identifier"),
        ("user_id%3Aann", WRONG_ONE | {"identifiers": []}, 400, "invalid_body"),
        ("user_id%3Aann", {"identifiers": ["email:ben@example.com"]}, 400, "invalid_body"),
        ("user_id%3Aann", WRONG_ONE | {"identifiers": ["email:another@example.com"]}, 409, "not_linked"),
        ("user_id%3Aann", WRONG_ONE | {"identifiers": ["email:ben@example.com", "user_id:ann"]}, 409, "nothing_left"),
    ],
)
def test_what_cannot_be_meant_is_refused(known: Deployment, path: str, body: Any, status: int, code: str) -> None:
    sent = len(known.records())
    answer = known.call("POST", f"/v1/profiles/{path}/unlink", body, key=ADMIN)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert "example" not in json.dumps(answer.body)
    assert len(known.records()) == sent
