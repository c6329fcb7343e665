"""What boto3 does by itself when a response is lost: the same write again. It must not look like somebody else's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.sqs_deliveries import SqsDeliveries
from attune.domain.campaigns.deliveries import State, answered, begun, not_sent
from attune.ports import ConflictError
from tests.adapters.cloud import Cloud
from tests.builders import NOW, delivery


class LostResponses:
    """A client that applies every write, loses the answer, and sends the write again, as botocore's retry does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name not in {"put_item", "update_item"}:
            return real

        def twice(**arguments: Any) -> Any:
            real(**arguments)
            return real(**arguments)

        return twice


@pytest.fixture
def table(moto_cloud: Cloud) -> str:
    return moto_cloud.table("deliveries")


@pytest.fixture
def store(moto_cloud: Cloud, table: str) -> DynamoDeliveries:
    return DynamoDeliveries(moto_cloud.client("dynamodb"), table)


@pytest.fixture
def lossy(moto_cloud: Cloud, table: str) -> DynamoDeliveries:
    return DynamoDeliveries(LostResponses(moto_cloud.client("dynamodb")), table)  # type: ignore[arg-type]


def test_a_claim_whose_response_was_lost_is_ours(lossy: DynamoDeliveries) -> None:
    assert lossy.claim(delivery(body="{}")) == delivery(body="{}")


def test_every_step_whose_response_was_lost_was_taken_once(store: DynamoDeliveries, lossy: DynamoDeliveries) -> None:
    new = lossy.claim(delivery(body="{}"))
    first = begun(new, holder="a", now=NOW)
    lossy.settle(first, read_state=State.CLAIMED, read_attempts=0)
    waiting = answered(first, status=500, jitter=0, now=NOW)
    lossy.settle(waiting, read_state=State.CLAIMED, read_attempts=1)
    second = begun(waiting, holder="a", now=NOW)
    lossy.settle(second, read_state=State.CLAIMED, read_attempts=1)
    delivered = answered(second, status=200, jitter=0, now=NOW)
    lossy.settle(delivered, read_state=State.CLAIMED, read_attempts=2)
    assert store.get(new.profile_id, new.delivery_id) == delivered
    assert (delivered.attempts, delivered.state) == (2, State.DELIVERED)


def test_a_refusal_whose_response_was_lost_stays(store: DynamoDeliveries, lossy: DynamoDeliveries) -> None:
    new = store.claim(delivery(body="{}"))
    refused = not_sent(new, reason="held", detail="email", now=NOW)
    lossy.settle(refused, read_state=State.CLAIMED, read_attempts=0)
    assert store.get(new.profile_id, new.delivery_id) == refused


def test_of_two_workers_that_begin_in_the_same_millisecond_one_is_told_so(store: DynamoDeliveries) -> None:
    new = store.claim(delivery(body="{}"))
    store.settle(begun(new, holder="a", now=NOW), read_state=State.CLAIMED, read_attempts=0)
    with pytest.raises(ConflictError):
        store.settle(begun(new, holder="b", now=NOW), read_state=State.CLAIMED, read_attempts=0)


def test_the_item_lives_under_the_names_that_the_tables_ttl_and_the_api_know(
    moto_cloud: Cloud, store: DynamoDeliveries, table: str
) -> None:
    new = store.claim(delivery(body='{"a": 1}'))
    (item,) = moto_cloud.client("dynamodb").scan(TableName=table)["Items"]
    assert item.keys() == set(new.__struct_fields__)
    assert item["expires_at"] == {"N": str(new.expires_at)}


def test_an_attribute_that_a_newer_version_wrote_is_read_over(
    moto_cloud: Cloud, store: DynamoDeliveries, table: str
) -> None:
    new = store.claim(delivery())
    moto_cloud.client("dynamodb").update_item(
        TableName=table,
        Key={"profile_id": {"S": new.profile_id}, "delivery_id": {"S": new.delivery_id}},
        UpdateExpression="SET clicked_at = :now",
        ExpressionAttributeValues={":now": {"N": "1"}},
    )
    assert store.get(new.profile_id, new.delivery_id) == new


def test_what_is_put_back_is_hidden_for_that_long(moto_cloud: Cloud) -> None:
    client = moto_cloud.client("sqs")
    url = client.create_queue(QueueName=moto_cloud.name("queue"), Attributes={"VisibilityTimeout": "360"})["QueueUrl"]
    queue = SqsDeliveries(client, url)
    queue.enqueue("p", "msg_1")
    (message,) = client.receive_message(QueueUrl=url)["Messages"]
    assert msgspec.json.decode(message["Body"]) == {"profile_id": "p", "delivery_id": "msg_1"}
    assert "Messages" not in client.receive_message(QueueUrl=url)
    queue.put_back(message["ReceiptHandle"], 0)
    assert client.receive_message(QueueUrl=url)["Messages"][0]["MessageId"] == message["MessageId"]
