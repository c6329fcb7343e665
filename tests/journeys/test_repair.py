"""`attune repair` on the deployed stack: what was given up changes its profile, and a lost message is made again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from local.state import ROOT, client_settings
from tests.failed_batches import document, kinesis_record, table_record

if TYPE_CHECKING:
    from local.state import Stack

pytestmark = pytest.mark.cloud


def attune(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={"ATTUNE_API_URL": stack.api_url, "ATTUNE_ADMIN_KEY": stack.admin_key, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def client(stack: Stack, service: str) -> Any:
    make: Any = boto3.client
    return make(service, **client_settings(stack.aws_endpoint_url))


def eventually[T](look: Callable[[], T | None], seconds: float = 20) -> T:
    end = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
    return found


def profile(stack: Stack, user: str) -> dict[str, Any] | None:
    headers = {"Authorization": f"Bearer {stack.server_key}"}
    answer = httpx.get(f"{stack.api_url}/v1/profiles/user_id%3A{user}", headers=headers, trust_env=False, timeout=35)
    return dict(answer.json()) if answer.status_code == 200 else None


def notices(stack: Stack) -> list[str]:
    """Keys of the batches that the queue tells of; looking hides none of them."""
    queue = client(stack, "sqs")
    listed = queue.receive_message(
        QueueUrl=stack.outputs["FailedBatchNoticesUrl"], MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [json.loads(message["Body"])["detail"]["object"]["key"] for message in listed.get("Messages", ())]


def send(stack: Stack, *events: dict[str, Any]) -> None:
    agreed = dict.fromkeys(("analytics", "personalization", "email"), True)
    body = {"batch": list(events), "context": {"consent": {"categoryPreferences": agreed}}}
    auth = (stack.server_key, "")
    answer = httpx.post(f"{stack.api_url}/v1/batch", json=body, auth=auth, trust_env=False, timeout=35)
    assert answer.status_code == 200, answer.text


def sent(stack: Stack, user: str) -> tuple[str, bytes]:
    """What a request of theirs put onto the stream: key and bytes, as the mapping would have read them."""
    send(stack, {"type": "identify", "userId": user, "messageId": f"m-{user}", "traits": {"first_name": "Ada"}})
    kinesis = client(stack, "kinesis")
    name = stack.outputs["StreamName"]
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        place = kinesis.get_shard_iterator(StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        for record in kinesis.get_records(ShardIterator=place["ShardIterator"], Limit=10_000)["Records"]:
            if user.encode() in record["Data"]:
                return record["PartitionKey"], record["Data"]
    raise AssertionError("the stream has no such record")


def first_name(stack: Stack, user: str) -> str | None:
    traits: dict[str, str] = (profile(stack, user) or {"traits": {}})["traits"]
    return traits.get("first_name")


def object_key() -> str:
    return f"aws/lambda/{uuid.uuid4()}/shardId-000000000000/2025/06/15/2025-06-15T15.06.40-{uuid.uuid4()}"


def missed(key: str, data: bytes) -> bytes:
    """The object of a batch with the same person's next request, in which she changes her name."""
    record = json.loads(data)
    [event] = record["events"]
    event |= {"message_id": f"{event['message_id']}-next", "time": event["time"] + 1, "traits": {"first_name": "Eve"}}
    return document([kinesis_record(key, json.dumps(record).encode())])


def test_what_was_given_up_is_replayed_by_one_command(stack: Stack) -> None:
    user = uuid.uuid4().hex
    key, data = sent(stack, user)
    eventually(lambda: first_name(stack, user))
    of_stream, of_table = object_key(), object_key()
    store, bucket = client(stack, "s3"), stack.outputs["FailuresBucket"]
    store.put_object(Bucket=bucket, Key=of_stream, Body=missed(key, data))
    store.put_object(Bucket=bucket, Key=of_table, Body=document([table_record("nobody", "[]")]))
    eventually(lambda: {of_stream, of_table} <= set(notices(stack)) or None)

    looked = attune(stack, "repair", "--only", "batches", "--dry-run")
    assert looked.returncode == 0, looked
    assert "process_events: 1 (1 records) would go back onto the stream" in looked.stdout
    assert first_name(stack, user) == "Ada"

    done = attune(stack, "repair", "--wait")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "process_events: 1 (1 records) put back onto the stream" in done.stdout
    assert "run_campaigns: 1 (1 records) run again" in done.stdout
    assert "profiles looked at" in done.stdout
    assert eventually(lambda: first_name(stack, user) == "Eve" or None)
    assert not {of_stream, of_table} & set(notices(stack))
    kept = {entry["Key"] for entry in store.list_objects_v2(Bucket=bucket)["Contents"]}
    assert {of_stream, of_table, f"replayed/{of_stream}", f"replayed/{of_table}"} <= kept


def test_a_message_that_was_lost_is_made_again_under_its_id(stack: Stack) -> None:
    """Lost with everything that is known of it: as if campaigns had never heard of the fourth view."""
    user = uuid.uuid4().hex
    view = {"type": "track", "event": "Product Viewed", "userId": user, "properties": {"product_id": "p"}}
    send(stack, *(view | {"messageId": f"v-{number}-{user}"} for number in range(4)))

    def offer() -> dict[str, Any] | None:
        known = profile(stack, user) or {"deliveries": []}
        return next((one for one in known["deliveries"] if one["campaign"] == "viewer_offer"), None)

    first = eventually(offer)
    known = profile(stack, user)
    assert known is not None
    item = {"profile_id": {"S": known["profile_id"]}, "delivery_id": {"S": first["delivery_id"]}}
    client(stack, "dynamodb").delete_item(TableName=stack.outputs["DeliveriesTable"], Key=item)
    assert offer() is None

    done = attune(stack, "repair", "--only", "effects", "--since", "1h", "--wait")
    assert (done.returncode, done.stderr) == (0, ""), done
    again = eventually(offer)
    assert again["delivery_id"] == first["delivery_id"]
    assert again["created_at"] > first["created_at"]
