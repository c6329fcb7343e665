"""Deliveries in DynamoDB: one item each, under (`profile_id`, `delivery_id`), gone after `expires_at`.

Every write has a condition, and a condition that fails may mean that our own write had been applied and
only its response was lost (boto3 retries by itself). So the item that stood in the way comes back with the
failure, and one that equals what was to be written counts as written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.campaigns.deliveries import MUTABLE, Delivery, State
from attune.domain.profiles.changes import SegmentEntered
from attune.ports import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_NUMBERS: Final = frozenset({"created_at", "updated_at", "expires_at", "attempts", "next_attempt_at"})


class DynamoDeliveries:
    """`DeliveryStore`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, delivery: Delivery) -> Delivery:
        """One write, and no read: what was there before comes back with the refusal."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_encode(delivery),
                ConditionExpression="attribute_not_exists(profile_id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _in_the_way(error, delivery)
        return delivery

    def get(self, profile_id: str, delivery_id: str) -> Delivery | None:
        """Read consistently."""
        key: dict[str, Any] = {"profile_id": {"S": profile_id}, "delivery_id": {"S": delivery_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else _decode(item)

    def settle(self, delivery: Delivery, *, read_state: State, read_attempts: int) -> None:
        """`ConflictError` if state or attempts moved on meanwhile, other than to what is being written."""
        item = _encode(delivery)
        values = {f":{name}": item[name] for name in MUTABLE}
        read = {":read_state": {"S": str(read_state)}, ":read_attempts": {"N": str(read_attempts)}}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={name: item[name] for name in ("profile_id", "delivery_id")},
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in MUTABLE),
                ConditionExpression="#state = :read_state AND #attempts = :read_attempts",
                ExpressionAttributeNames={f"#{name}": name for name in MUTABLE},
                ExpressionAttributeValues=values | read,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if _in_the_way(error, None) != delivery:
                raise ConflictError(delivery.delivery_id) from error

    def of_profile(self, profile_id: str) -> list[Delivery]:
        """All: 90 days of messages to one person, unless their purpose says otherwise."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="profile_id = :profile_id",
            ExpressionAttributeValues={":profile_id": {"S": profile_id}},
        )
        return [_decode(item) for page in pages for item in page["Items"]]

    def under_way(self, profile_id: str, now: int) -> bool:
        """Read consistently. `deliveries.is_under_way`, told by the table."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            Select="COUNT",
            KeyConditionExpression="profile_id = :profile_id",
            FilterExpression="#state = :claimed AND #attempts > :none AND #reason = :unknown AND #until > :now",
            ExpressionAttributeNames={
                "#state": "state",
                "#attempts": "attempts",
                "#reason": "reason",
                "#until": "next_attempt_at",
            },
            ExpressionAttributeValues={
                ":profile_id": {"S": profile_id},
                ":claimed": {"S": str(State.CLAIMED)},
                ":none": {"N": "0"},
                ":unknown": {"S": ""},
                ":now": {"N": str(now)},
            },
        )
        return any(page["Count"] for page in pages)


def _in_the_way[Absent](error: ClientError, absent: Absent) -> Delivery | Absent:
    """What is stored under the id, from a failed condition; any other error is raised."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    item: dict[str, Any] | None = error.response.get("Item")  # type: ignore[assignment]
    return _decode(item) if item else absent


def _encode(delivery: Delivery) -> dict[str, Any]:
    fields = {name: getattr(delivery, name) for name in delivery.__struct_fields__}
    fields["cause"] = msgspec.json.encode(delivery.cause).decode()
    return {name: {"N": str(value)} if name in _NUMBERS else {"S": str(value)} for name, value in fields.items()}


def _decode(item: dict[str, Any]) -> Delivery:
    fields = {name: value.get("S", value.get("N")) for name, value in item.items()}
    fields["cause"] = _causes.decode(fields["cause"])
    numbers = {name: int(fields[name]) for name in _NUMBERS}
    known = {name: fields[name] for name in Delivery.__struct_fields__ if name in fields}
    return Delivery(**{**known, **numbers, "state": State(fields["state"])})


_causes: Final = msgspec.json.Decoder(SegmentEntered)
