"""`PersonalItems` in DynamoDB: deletes repeat harmlessly, so none has a condition."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from attune.adapters.aws_outages import ThrottledError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_dynamodb.client import DynamoDBClient

_TOGETHER: Final = 25
_TRIES: Final = 8
_FIRST_PAUSE: Final = 0.05


class DynamoPersonalItems:
    """`deliveries` by (`profile_id`, `delivery_id`); pages among the identities, under `page#` and their reference."""

    def __init__(self, client: DynamoDBClient, *, deliveries: str, identities: str) -> None:
        self._client = client
        self._deliveries = deliveries
        self._identities = identities

    def remove_deliveries(self, profile_ids: Collection[str]) -> int:
        """One query a profile."""
        return sum(self._remove(self._deliveries, list(self._keys(profile_id))) for profile_id in sorted(profile_ids))

    def remove_pages(self, references: Collection[str]) -> int:
        """Those that are there are read first, to be counted."""
        keys: list[Any] = [{"identity_key": {"S": f"page#{reference}"}} for reference in sorted(references)]
        there = [key for key in keys if "Item" in self._client.get_item(TableName=self._identities, Key=key)]
        return self._remove(self._identities, there)

    def _keys(self, profile_id: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._deliveries,
            KeyConditionExpression="profile_id = :profile_id",
            ExpressionAttributeValues={":profile_id": {"S": profile_id}},
            ProjectionExpression="profile_id, delivery_id",
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _remove(self, table: str, keys: list[dict[str, Any]]) -> int:
        for start in range(0, len(keys), _TOGETHER):
            wanted: Any = [{"DeleteRequest": {"Key": key}} for key in keys[start : start + _TOGETHER]]
            for attempt in range(_TRIES):
                if attempt:
                    time.sleep(_FIRST_PAUSE * 2**attempt)
                answer = self._client.batch_write_item(RequestItems={table: wanted})
                wanted = answer.get("UnprocessedItems", {}).get(table)
                if not wanted:
                    break
            else:
                raise ThrottledError(table)
        return len(keys)
