"""`ArrivalHistory` in the definitions table, under the kind `arrivals`: one item a day, which nobody clears away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.ports.arrivals import DayOfArrivals, Ended

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoArrivals:
    """An item grows by some 60 bytes a source and reason: beyond 6,000 of both it would no longer be one item."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def keep(self, day: DayOfArrivals) -> None:
        """One unconditional write: of two counts of a day either may stay."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "kind": {"S": "arrivals"},
                "id": {"S": day.day},
                "counted_at": {"N": str(day.counted_at)},
                "ended": {"S": msgspec.json.encode(day.ended).decode()},
            },
        )

    def since(self, day: str) -> list[DayOfArrivals]:
        """Page by page; eventually consistent."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="kind = :kind AND id >= :day",
            ExpressionAttributeValues={":kind": {"S": "arrivals"}, ":day": {"S": day or "0"}},
        )
        return [
            DayOfArrivals(
                day=item["id"]["S"],
                counted_at=int(item["counted_at"]["N"]),
                ended=msgspec.json.decode(item["ended"]["S"], type=tuple[Ended, ...]),
            )
            for page in pages
            for item in page["Items"]
        ]
