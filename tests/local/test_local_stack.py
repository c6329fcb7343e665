"""The deployed local stack, seen from outside: what the emulator's CloudFormation drops is there all the same."""

import gzip
import json

import boto3
import httpx
import pytest

from local.state import Stack, client_settings

pytestmark = pytest.mark.cloud


@pytest.fixture
def api(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, trust_env=False, timeout=35)


def test_a_browser_of_any_origin_may_send_events(api: httpx.Client) -> None:
    with api:
        answer = api.options(
            "/v1/batch",
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("table", ["IdentitiesTable", "DeliveriesTable"])
def test_tables_with_a_time_to_live_forget(stack: Stack, table: str) -> None:
    client = boto3.client("dynamodb", **client_settings(stack.aws_endpoint_url))
    description = client.describe_time_to_live(TableName=stack.outputs[table])["TimeToLiveDescription"]
    assert description == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_gzip_batch_of_json_is_read(stack: Stack, api: httpx.Client) -> None:
    batch = {"batch": [{"type": "track", "event": "Zipped", "anonymousId": "gzip-1", "messageId": "gzip-1"}]}
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with api:
        body = gzip.compress(json.dumps(batch).encode())
        answer = api.post("/v1/batch", content=body, headers=headers, auth=(stack.write_key, ""))
    assert answer.status_code == 200, answer.text


def test_an_address_with_escapes_reaches_the_profile_function(stack: Stack, api: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {stack.server_key}"}
    with api:
        answer = api.get("/v1/profiles/email%3Anobody%40example.com", headers=headers)
    assert answer.status_code == 404
    assert answer.json()["code"] != "not_found", "the gateway found no route"


def test_an_unknown_route_is_answered_by_the_product(api: httpx.Client) -> None:
    with api:
        answer = api.get("/v2/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_stack_comes_with_keys_of_both_kinds(stack: Stack) -> None:
    assert stack.write_key.startswith("atn_w_")
    assert stack.server_key.startswith("atn_s_")
