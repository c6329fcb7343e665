"""The management API over HTTP, from a bare deployment to consent, with everything a caller may get wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functions.management import ADMIN, Deployment

SHOP = {"kind": "source", "id": "shop"}
SHOPIFY = {"kind": "source", "id": "shopify", "type": "shopify", "shop_domain": "a-shop.myshopify.com"}
HOOK = {"kind": "channel", "id": "hook", "url": "https://shop.example/hooks"}
KEEN = {"kind": "segment", "id": "keen", "when": {"type": "performed", "event": "Product Viewed", "at_least": 4}}
OFFER = {"kind": "campaign", "id": "offer", "trigger": {"segment": "keen"}, "channel": "hook", "message": {"a": 1}}


@pytest.fixture(scope="module")
def keys(deployment: Deployment) -> dict[str, str]:
    """A browser and a server key of the source `shop`."""
    deployment.call("PUT", "/v1/definitions/source/shop", SHOP, key=ADMIN)
    made = {}
    for key_type in ("browser", "server"):
        answer = deployment.call("POST", "/v1/sources/shop/keys", {"type": key_type}, key=ADMIN)
        assert answer.status == 201
        made[key_type] = answer.body["key"]
    return made


@pytest.mark.parametrize("key", [None, "wrong", ADMIN + "x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/definitions/source"),
        ("PUT", "/v1/definitions/source/shop"),
        ("DELETE", "/v1/definitions/nonsense/shop"),
        ("POST", "/v1/sources/shop/keys"),
        ("GET", "/v1/sources/shop/keys"),
        ("DELETE", "/v1/sources/shop/keys/abcdefgh2345"),
        ("PUT", "/v1/sources/shop/secrets"),
        ("POST", "/v1/channels/hook/secrets"),
    ],
)
def test_without_the_admin_key_every_route_is_a_401(
    deployment: Deployment, method: str, path: str, key: str | None
) -> None:
    answer = deployment.call(method, path, {}, key=key)
    assert (answer.status, answer.body["code"]) == (401, "unknown_admin_key")


def test_definitions_are_put_shown_changed_and_deleted(deployment: Deployment) -> None:
    for definition in (HOOK, KEEN, OFFER):
        place = f"/v1/definitions/{definition['kind']}/{definition['id']}"
        put = deployment.call("PUT", place, definition, key=ADMIN)
        awaits = {"awaits_backfill": True, "pending": False} if definition["kind"] == "segment" else {}
        assert (put.status, put.body) == (
            200,
            {"kind": definition["kind"], "id": definition["id"], "version": 1, "changed": True} | awaits,
        )
        again = deployment.call("PUT", place, definition, key=ADMIN)
        assert (again.status, again.body["version"], again.body["changed"]) == (200, 1, False)
        shown = deployment.call("GET", place, key=ADMIN)
        assert (shown.status, shown.body["definition"]) == (200, definition)
    listed = deployment.call("GET", "/v1/definitions/segment", key=ADMIN)
    assert [one["id"] for one in listed.body["definitions"]] == ["keen"]
    used = deployment.call("DELETE", "/v1/definitions/channel/hook", key=ADMIN)
    assert (used.status, used.body["code"]) == (409, "definition_in_use")
    gone = deployment.call("DELETE", "/v1/definitions/campaign/offer", key=ADMIN)
    assert (gone.status, gone.body) == (200, {"kind": "campaign", "id": "offer", "deleted": True})
    missing = deployment.call("GET", "/v1/definitions/campaign/offer", key=ADMIN)
    assert (missing.status, missing.body["code"]) == (404, "unknown_definition")


@pytest.mark.parametrize(
    ("path", "raw", "status", "code"),
    [
        ("/v1/definitions/segment/keen", b"", 400, "invalid_json"),
        ("/v1/definitions/segment/keen", b"{", 400, "invalid_json"),
        ("/v1/definitions/segment/keen", b"\xff\xfe", 400, "invalid_json"),
        ("/v1/definitions/segment/keen", b"{}", 400, "invalid_definition"),
        ("/v1/definitions/segment/keen", b"[" * 2_000 + b"]" * 2_000, 400, "invalid_json"),
        ("/v1/definitions/segment/keen", b'"' + b"x" * 100_000 + b'"', 413, "too_large"),
        ("/v1/definitions/campaign/offer", json.dumps(OFFER | {"channel": "no"}).encode(), 400, "invalid_definition"),
        ("/v1/definitions/key/abcdefgh2345", b"{}", 404, "unknown_kind"),
        ("/v1/sources/nowhere/secrets", b'{"secrets":["a secret"]}', 404, "unknown_definition"),
        ("/v1/sources/shop/secrets", b'{"secrets":["a secret"]}', 400, "source_without_webhooks"),
    ],
)
def test_bad_input_is_a_4xx_with_a_stable_code(
    deployment: Deployment, keys: dict[str, str], path: str, raw: bytes, status: int, code: str
) -> None:
    answer = deployment.call("PUT", path, key=ADMIN, raw=raw)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert set(answer.body) == {"code", "message"}


def test_a_condition_of_every_wrong_shape_is_a_400(deployment: Deployment) -> None:
    wrong: list[Any] = [None, 1, "x", [], {}, {"type": "all"}, {"type": "all", "conditions": []}, {"type": 1}]
    wrong += [{"type": "performed", "event": "X", "within": "999999d\n"}, {"type": "not", "condition": {"type": "not"}}]
    for when in wrong:
        answer = deployment.call("PUT", "/v1/definitions/segment/keen", KEEN | {"when": when}, key=ADMIN)
        assert (answer.status, answer.body["code"]) == (400, "invalid_definition"), when


def test_secrets_go_into_their_maps(deployment: Deployment) -> None:
    deployment.call("PUT", "/v1/definitions/source/shopify", SHOPIFY, key=ADMIN)
    deployment.call("PUT", "/v1/definitions/channel/hook", HOOK, key=ADMIN)
    body = {"secrets": ["new-secret", "old-secret"]}
    stored = deployment.call("PUT", "/v1/sources/shopify/secrets", body, key=ADMIN)
    assert (stored.status, stored.body) == (200, {"source": "shopify", "live": 2})
    made = [deployment.call("POST", "/v1/channels/hook/secrets", key=ADMIN) for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    vault = deployment.cloud.client("secretsmanager")
    maps = [json.loads(vault.get_secret_value(SecretId=one["ARN"])["SecretString"]) for one in _maps(vault)]
    assert {"shopify": ["new-secret", "old-secret"]} in maps
    assert {"hook": [made[1].body["secret"], made[0].body["secret"]]} in maps


def _maps(vault: Any) -> list[Any]:
    found = vault.list_secrets()["SecretList"]
    return [one for one in found if vault.get_secret_value(SecretId=one["ARN"])["SecretString"].startswith("{")]


# --------------------------------------------------------------------------------------------------- profiles


def test_profiles_are_for_server_keys(deployment: Deployment, keys: dict[str, str]) -> None:
    for method, path in (("GET", "/v1/profiles/user_id%3Au1"), ("PUT", "/v1/profiles/user_id%3Au1/consent")):
        for key, status, code in (
            (None, 401, "unknown_server_key"),
            (ADMIN, 401, "unknown_server_key"),
            (keys["browser"], 403, "server_key_required"),
        ):
            answer = deployment.call(method, path, {"consent": {"email": True}}, key=key)
            assert (answer.status, answer.body["code"]) == (status, code)


@pytest.mark.parametrize("path", ["user_id%3Anobody", "user_id:nobody", "email%3Aa%2Bb%40example.com"])
def test_an_unknown_profile_is_a_404(deployment: Deployment, keys: dict[str, str], path: str) -> None:
    answer = deployment.call("GET", f"/v1/profiles/{path}", key=keys["server"])
    assert (answer.status, answer.body["code"]) == (404, "unknown_profile")


@pytest.mark.parametrize("path", ["nobody", "%3Anobody", "user_id%3A", "user_id%3A%EF%BF%BE%00", "%25", "a%2525%3A0"])
def test_an_address_that_identifies_nobody_is_a_400(deployment: Deployment, keys: dict[str, str], path: str) -> None:
    answer = deployment.call("GET", f"/v1/profiles/{path}", key=keys["server"])
    assert (answer.status, answer.body["code"]) == (400, "invalid_identifier")


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("user_id%3A100%25", "100%"),
        ("user_id%3A%2541", "%41"),
        ("user_id%3Aa%20b%2Bc+d", "a b+c+d"),
        ("user_id%3Aa%3Ab", "a:b"),
        ("user_id:plain", "plain"),
    ],
)
def test_a_percent_encoded_address_reaches_the_stream_as_it_was_meant(
    deployment: Deployment, keys: dict[str, str], address: str, value: str
) -> None:
    body = {"consent": {"email": False}}
    answer = deployment.call("PUT", f"/v1/profiles/{address}/consent", body, key=keys["server"])
    assert (answer.status, answer.body["accepted"]) == (202, True)
    record = deployment.records()[-1]
    [said] = record["events"]
    assert (record["source"], record["origin"], record["trusted"]) == ("shop", "internal", True)
    assert (said["type"], said["identifiers"], said["message_id"]) == (
        "$consent",
        [["user_id", value]],
        answer.body["message_id"],
    )
    held = deployment.cloud.client("dynamodb").get_item(
        TableName=deployment.tables["identities"], Key={"identity_key": {"S": f"hold#{record['key']}"}}
    )["Item"]
    assert held["since#email"] == {"N": str(said["time"])}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"consent": {"post": True}}, "unknown_purpose"),
        ({"consent": {"email": "no"}}, "invalid_body"),
        ({"consent": {"email": False}, "effective_at": "2999-01-01T00:00:00Z"}, "invalid_time"),
        ({"consent": {"email": False}, "effective_at": "+275760-09-13"}, "invalid_time"),
    ],
)
def test_a_consent_change_that_cannot_be_meant_is_a_400(
    deployment: Deployment, keys: dict[str, str], body: Any, code: str
) -> None:
    answer = deployment.call("PUT", "/v1/profiles/user_id%3Au1/consent", body, key=keys["server"])
    assert (answer.status, answer.body["code"]) == (400, code)


def test_nothing_of_a_person_or_a_key_is_logged(
    deployment: Deployment, keys: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/v1/profiles/email%3Aada%40example.com"
    deployment.call("PUT", f"{path}/consent", {"consent": {"email": False}}, key=keys["server"])
    deployment.call("GET", path, key=keys["server"])
    deployment.call("PUT", f"{path}/consent", {"consent": {"email": "ada@example.com"}}, key=keys["server"])
    printed = "".join(capsys.readouterr())
    assert "ada" not in printed
    assert keys["server"] not in printed


def test_the_catalog_is_the_admin_s_and_names_the_fields_of_what_is_defined(
    deployment: Deployment, keys: dict[str, str]
) -> None:
    assert deployment.call("GET", "/v1/catalog", key=keys["server"]).status == 401
    answer = deployment.call("GET", "/v1/catalog", key=ADMIN)
    assert answer.status == 200
    assert {"shop"} <= {one["source"] for one in answer.body["sources"]}
    found = {(one["part"], one["name"]): one for one in answer.body["fields"]}
    assert {"source": "shop", "by": "spec", "lies": "sealed"} in found["identifier", "email"]["given_by"]
    retention = {one["purpose"]: one["retention"] for one in answer.body["purposes"]}
    assert retention["analytics"] == {"traits": {}, "messages": "90d", "events": None}
    assert retention["email"] == {"traits": {}, "messages": "90d"}
