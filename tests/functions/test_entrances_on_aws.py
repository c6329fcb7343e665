"""Both entrances as they are wired: settings from the environment, the real adapters, AWS in this process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.domain.collection.api_keys import BROWSER, digest, new_key
from attune.domain.definitions.sources import Source
from attune.domain.events import Record, decode_record
from attune.ports import Key
from tests.adapters.cloud import REGION, Cloud
from tests.builders import NOW, SECRET, key_of, source
from tests.functions.gateway import call, http_event, load

CART = b'{"token":"c1","line_items":[],"updated_at":"2025-06-15T10:06:40-04:00"}'


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with mock_aws():
        cloud = Cloud()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        stream = cloud.name("events")
        cloud.client("kinesis").create_stream(StreamName=stream, ShardCount=1)
        monkeypatch.setenv("STREAM_NAME", stream)
        monkeypatch.setenv("DEFINITIONS_TABLE", cloud.table("definitions"))
        monkeypatch.setenv("PRIVACY_REQUESTS_TABLE", cloud.table("privacy_requests"))
        monkeypatch.setenv("LIMITS_TABLE", cloud.table("limits"))
        monkeypatch.setenv("IDENTITY_SECRET", cloud.secret(SECRET.decode()))
        monkeypatch.setenv("WEBHOOK_SECRETS", cloud.secret('{"store":["hush"]}'))
        yield cloud


@pytest.fixture
def write_key(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> str:
    table = os.environ["DEFINITIONS_TABLE"]
    definitions = DynamoDefinitions(cloud.client("dynamodb"), table, clock=lambda: NOW)
    for one in (source(), Source(id="store", type="shopify")):
        definitions.put(one, read_version=None)
    key_id, key = new_key(BROWSER, bytes)
    stored = Key(key_id=key_id, source="shop", type=BROWSER, digest=digest(key), created_at=NOW)
    DynamoKeys(cloud.client("dynamodb"), table, clock=lambda: NOW).add(stored)
    return key


def stored(cloud: Cloud) -> list[Record]:
    kinesis = cloud.client("kinesis")
    name = kinesis.list_streams()["StreamNames"][0]
    shard = kinesis.list_shards(StreamName=name)["Shards"][0]["ShardId"]
    place = kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = kinesis.get_records(ShardIterator=place["ShardIterator"])["Records"]
    found = [decode_record(record["Data"]) for record in records]
    assert [record["PartitionKey"] for record in records] == [record.key for record in found]
    return found


def test_a_clients_call_reaches_the_stream(cloud: Cloud, write_key: str) -> None:
    body = json.dumps({"writeKey": write_key, "event": "Viewed", "userId": "u1"}).encode()
    answer = call(load("collect_events").handler, http_event("POST /v1/track", body))
    assert (answer.status, answer.body) == (200, {"success": True})
    (record,) = stored(cloud)
    assert (record.source, record.key, record.trusted) == ("shop", key_of("user_id", "u1"), False)


def test_a_shops_webhook_reaches_the_stream(cloud: Cloud, write_key: str) -> None:
    signed = base64.b64encode(hmac.digest(b"hush", CART, hashlib.sha256)).decode()
    headers = {"x-shopify-hmac-sha256": signed, "x-shopify-topic": "carts/update"}
    event = http_event("POST /v1/webhooks/{source}", CART, headers, {"source": "store"})
    answer = call(load("receive_webhook").handler, event)
    assert (answer.status, answer.body) == (200, {"success": True})
    (record,) = stored(cloud)
    assert (record.source, record.key, record.trusted) == ("store", key_of("cart_token", "c1"), True)


def test_what_was_counted_is_written_as_metrics_once_per_call(
    cloud: Cloud, write_key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"writeKey": write_key, "batch": [{"type": "page", "userId": "u1"}] * 3}).encode()
    call(load("collect_events").handler, http_event("POST /v1/batch", body))
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = [line for line in lines if "_aws" in line]
    assert [(line["EventsAccepted"], line["source"], line["service"]) for line in metrics] == [
        ([3.0], "shop", "collect_events")
    ]
