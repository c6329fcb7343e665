"""Unlinking from the command line: what is asked of the API, and the rebuild that follows where somebody waits."""

from __future__ import annotations

import threading

import pytest

from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.domain.identifiers import Identifier
from attune.domain.identity.resolution import Claim, Identity
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import Commit, ProfileItem
from tests.builders import NOW, key_of
from tests.cli.conftest import Api, Attune
from tests.cli.test_repairs import running
from tests.functions.management import ADMIN

OLD, NEW = "ab" * 16, "cd" * 16
ANN, BEN = Identifier("user_id", "ann"), Identifier("email", "ben@example.com")
ASKED = ("profile", "unlink", "user_id:ann", "--identifier", "email:ben@example.com", "--reason", "Ben has called")


def store(api: Api) -> DynamoProfiles:
    tables = api.deployment.tables
    client = api.deployment.cloud.client("dynamodb")
    return DynamoProfiles(client, profiles=tables["profiles"], identities=tables["identities"])


def write(api: Api, profile_id: str, read: str | None, *held: Identifier) -> None:
    """A profile of these identifiers, which were another's (`read`), or nobody's."""
    keys = [key_of(one.namespace, one.value) for one in held]
    links = {key: Link(one, NOW) for key, one in zip(keys, held, strict=True)}
    state = encode_profile(Profile(profile_id=profile_id, links=links))
    before = None if read is None else Identity(profile_id=read, at=NOW)
    claims = [Claim(identity_key=key, read=before, identity=Identity(profile_id=profile_id, at=NOW)) for key in keys]
    item = ProfileItem(profile_id=profile_id, version=1, state=state)
    store(api).commit(Commit(items=((None, item),), claims=tuple(claims)))


@pytest.fixture
def attune_with_both_keys(attune: Attune, api: Api, monkeypatch: pytest.MonkeyPatch) -> Attune:
    api.deployment.call("PUT", "/v1/definitions/source/shop", {"kind": "source", "id": "shop"}, key=ADMIN)
    made = api.deployment.call("POST", "/v1/sources/shop/keys", {"type": "server"}, key=ADMIN)
    monkeypatch.setenv("ATTUNE_SERVER_KEY", made.body["key"])
    return attune


def test_it_is_asked_for_and_the_next_step_is_told(attune: Attune, api: Api) -> None:
    write(api, OLD, None, ANN, BEN)
    ran = attune(*ASKED)
    [said] = api.deployment.records()[-1]["events"]
    assert (ran.code, ran.out) == (0, f"{said['message_id']}\n")
    assert (said["properties"]["reason"], said["identifiers"]) == ("Ben has called", [["email", "ben@example.com"]])
    assert "attune rebuild user_id:ann email:ben@example.com --wait" in ran.err


def test_who_waits_has_both_folded_apart(attune_with_both_keys: Attune, api: Api) -> None:
    write(api, OLD, None, ANN, BEN)

    def carry() -> None:
        """What the stream does, and the machine."""
        moment = threading.Event()
        for _ in range(3_000):
            if any(method == "GET" and "/profiles/" in path for method, path in api.requests):
                break
            moment.wait(0.01)
        write(api, NEW, OLD, BEN)
        answer = {"done": True, "rebuilt": 2, "unchanged": 0, "incomplete": 0, "unknown": 0}
        api.deployment.repairs.succeed(running(api), {"profiles": answer})

    carrying = threading.Thread(target=carry, daemon=True)
    carrying.start()
    ran = attune_with_both_keys(*ASKED, "--wait")
    carrying.join(10)
    assert (ran.code, ran.out.splitlines()[2:]) == (0, ["profiles: 2 rebuilt, 0 unchanged"])
    assert ("POST", "/v1/repairs") in api.requests


def test_a_refusal_is_said_in_words(attune: Attune, api: Api) -> None:
    ran = attune(*ASKED)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("attune: unknown_profile: ")
    assert api.deployment.records() == []


def test_what_is_no_address_is_refused_here(attune: Attune, api: Api) -> None:
    ran = attune("profile", "unlink", "user_id:ann", "--identifier", "ben", "--reason", "why")
    assert (ran.code, ran.err) == (1, "attune: ben: a profile is addressed as namespace:value\n")
    assert api.requests == []


def test_nobody_can_wait_for_what_cannot_be_looked_up(attune: Attune, api: Api) -> None:
    ran = attune("profile", "unlink", "user_id:ann", "--identifier", "url:a/b", "--reason", "why", "--wait")
    assert (ran.code, "do not wait" in ran.err) == (1, True)
    assert api.requests == []
