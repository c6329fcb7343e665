"""`SizeHistory` in the definitions table, under the kind `sizes`: one item a day, which nobody clears away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.ports.sizes import SegmentSizes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class DynamoSizes:
    """An item grows by some 30 bytes a segment: beyond 5,000 segments it would no longer be one item."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def keep(self, sizes: SegmentSizes) -> None:
        """One unconditional write: of two counts of a day either may stay."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "kind": {"S": "sizes"},
                "id": {"S": sizes.day},
                "counted_at": {"N": str(sizes.counted_at)},
                "profiles": {"N": str(sizes.profiles)},
                "segments": {"S": msgspec.json.encode(sizes.segments).decode()},
            },
        )

    def newest(self, days: int) -> list[SegmentSizes]:
        """Page by page; eventually consistent."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="kind = :kind",
            ExpressionAttributeValues={":kind": {"S": "sizes"}},
            ScanIndexForward=False,
            PaginationConfig={"MaxItems": days},
        )
        return [
            SegmentSizes(
                day=item["id"]["S"],
                counted_at=int(item["counted_at"]["N"]),
                profiles=int(item["profiles"]["N"]),
                segments=msgspec.json.decode(item["segments"]["S"], type=dict[str, int]),
            )
            for page in pages
            for item in page["Items"]
        ]
