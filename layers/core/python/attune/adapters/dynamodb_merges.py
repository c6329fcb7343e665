"""`MergeIndex` over the profiles table's sparse index: only tombstones of merges have an attribute for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoMerges:
    """`MergeIndex`."""

    def __init__(self, client: DynamoDBClient, *, profiles: str, index: str) -> None:
        self._client = client
        self._profiles = profiles
        self._index = index

    def absorbed(self, profile_id: str) -> list[str]:
        """Page by page to the end."""
        found: list[str] = []
        start: dict[str, Any] = {}
        while True:
            answer = self._client.query(
                TableName=self._profiles,
                IndexName=self._index,
                KeyConditionExpression="merged_into = :into",
                ExpressionAttributeValues={":into": {"S": profile_id}},
                **start,
            )
            found += [item["profile_id"]["S"] for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
