"""`ProfileScan` over the profiles table: for jobs that look at everybody, never for a function on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.ports import ProfileItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoProfileScan:
    """Page by page; a page is read when it is asked for."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all_items(self) -> Iterator[ProfileItem]:
        """Without outbox and due time, which are of no use later."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ProjectionExpression="profile_id, #version, #state, merged_into",
            ExpressionAttributeNames={"#version": "version", "#state": "state"},
        )
        for page in pages:
            for item in page["Items"]:
                yield ProfileItem(
                    profile_id=item["profile_id"]["S"],
                    version=int(item["version"]["N"]),
                    state=bytes(item["state"]["B"]) if "state" in item else b"",
                    merged_into=item["merged_into"]["S"] if "merged_into" in item else None,
                )
