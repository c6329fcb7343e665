"""What a deployed stack answers to what it should never have been sent, and where that ends up."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from local.state import client_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.state import Stack

pytestmark = pytest.mark.cloud

EVERYTHING = {"consent": {"categoryPreferences": {"analytics": True, "personalization": True}}}


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api_url, timeout=30, trust_env=False) as client:
        yield client


def call(**fields: Any) -> dict[str, Any]:
    return {"type": "track", "anonymousId": "somebody", "event": "Product Viewed", "context": EVERYTHING} | fields


@pytest.mark.parametrize(
    ("path", "content", "headers", "status", "code"),
    [
        ("/v1/track", b"{}", {"authorization": "Basic bm8tc3VjaC1rZXk6"}, 401, "unknown_write_key"),
        ("/v1/track", b'{"event": ', {}, 400, "invalid_json"),
        ("/v1/batch", b"\x1f\x8b not gzip", {"content-encoding": "gzip"}, 400, "invalid_gzip"),
        ("/v1/batch", b'{"batch": [' + b" " * 512_001 + b"]}", {}, 413, "too_large"),
        ("/v1/track", json.dumps(call(properties={"x": "y" * 33_000})).encode(), {}, 413, "too_large"),
        ("/v1/nothing", b"{}", {}, 404, "not_found"),
        ("/v1/webhooks/shopify_store", b"{}", {"x-shopify-hmac-sha256": "AAAA"}, 401, "invalid_signature"),
        ("/v1/webhooks/nowhere", b"{}", {}, 404, "unknown_source"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.islower() and "/" not in value else "",
)
def test_every_refusal_has_a_stable_code(
    stack: Stack, api: httpx.Client, path: str, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    auth = httpx.USE_CLIENT_DEFAULT if "authorization" in headers else httpx.BasicAuth(stack.write_key, "")
    answer = api.post(path, content=content, headers={"content-type": "application/json"} | headers, auth=auth)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message"}


def test_a_batch_that_is_too_large_leaves_nothing_half_accepted(stack: Stack, api: httpx.Client) -> None:
    who = f"nobody-{uuid.uuid4()}"
    batch = [call(anonymousId=who), call(anonymousId=who, properties={"x": "y" * 33_000})]
    assert api.post("/v1/batch", json={"batch": batch}, auth=(stack.write_key, "")).status_code == 413
    good = call(anonymousId=f"after-{who}")
    assert api.post("/v1/batch", json={"batch": [good]}, auth=(stack.write_key, "")).status_code == 200
    assert profile(stack, api, f"after-{who}", events=1) is not None
    assert profile(stack, api, who, events=None) is None


def test_bad_events_lie_in_quarantine_byte_for_byte_while_their_neighbours_go_on(
    stack: Stack, api: httpx.Client
) -> None:
    who = str(uuid.uuid4())
    bad = {
        "no_identifier": json.dumps({"type": "track", "event": f"Nobody {who}"}),
        "invalid_event": json.dumps([who]),
        "invalid_time": json.dumps(call(anonymousId=who, timestamp="yesterday")),
        "invalid_type": json.dumps(call(anonymousId=who, type="trick")),
        "reserved_name": json.dumps(call(anonymousId=who, event="$wake")),
    }
    good = json.dumps(call(anonymousId=who))
    body = f'{{"batch": [{good}, {", ".join(bad.values())}, {good}]}}'
    answer = api.post(
        "/v1/batch",
        content=gzip.compress(body.encode()),
        headers={"content-encoding": "gzip"},
        auth=(stack.write_key, ""),
    )
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert profile(stack, api, who, events=1) is not None
    assert quarantined(stack, who) == bad


def profile(stack: Stack, api: httpx.Client, anonymous_id: str, *, events: int | None) -> dict[str, Any] | None:
    """The profile as the API shows it; waits for it where events are expected."""
    until = time.monotonic() + (30 if events else 0)
    while True:
        headers = {"authorization": f"Bearer {stack.server_key}"}
        answer = api.get(f"/v1/profiles/anonymous_id%3A{anonymous_id}", headers=headers)
        if answer.status_code == 200:
            return dict(answer.json())
        if time.monotonic() > until:
            return None
        time.sleep(0.2)


def quarantined(stack: Stack, mark: str) -> dict[str, str]:
    """Reason → content of the quarantine's objects that hold the mark."""
    s3 = boto3.client("s3", **client_settings(stack.aws_endpoint_url))
    bucket = stack.outputs["QuarantineBucket"]
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", ()):
            content = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode("utf-8", "replace")
            if mark in content:
                found[entry["Key"].split("/")[1]] = content
    return found


def test_a_source_above_its_rate_limit_is_asked_to_come_again_and_loses_nothing(
    stack: Stack, api: httpx.Client
) -> None:
    admin = {"authorization": f"Bearer {stack.admin_key}"}
    limit = {"per_second": 1, "burst": 3}
    definition = {"kind": "source", "id": "hurried", "type": "http", "rate_limit": limit}
    assert api.put("/v1/definitions/source/hurried", json=definition, headers=admin).status_code == 200
    key = api.post("/v1/sources/hurried/keys", json={"type": "browser"}, headers=admin).json()["key"]
    who = str(uuid.uuid4())
    calls = [call(anonymousId=who, messageId=f"{who}-{number}") for number in range(6)]
    refused = 0
    for one in calls:
        while (answer := api.post("/v1/track", json=one, auth=(key, ""))).status_code != 200:
            if answer.status_code == 401:  # a definition is known everywhere within 5 s
                time.sleep(0.5)
                continue
            assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
            refused += 1
            time.sleep(int(answer.headers["retry-after"]))
    assert refused > 0
    assert profile(stack, api, who, events=len(calls)) is not None
