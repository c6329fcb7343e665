"""`ProfileScan` over the profiles table: for jobs that look at everybody, never for a function on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.ports import ProfileItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

_WHAT: Final[dict[str, Any]] = {
    "ProjectionExpression": "profile_id, #version, #state, merged_into, due_at",
    "ExpressionAttributeNames": {"#version": "version", "#state": "state"},
}


class DynamoProfileScan:
    """Page by page; a page is read when it is asked for."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all_items(self) -> Iterator[ProfileItem]:
        """Without outbox and pages, which are of no use later."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, **_WHAT):
            for item in page["Items"]:
                yield _profile(item)

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        """One request: at most 1 MB, so it may be fewer than `limit`, or none. The place is a profile's id."""
        start: dict[str, Any] = {"ExclusiveStartKey": {"profile_id": {"S": after}}} if after else {}
        page = self._client.scan(TableName=self._table, Limit=limit, **_WHAT, **start)
        place = page.get("LastEvaluatedKey", {}).get("profile_id", {}).get("S", "")
        return [_profile(item) for item in page["Items"]], place


def _profile(item: dict[str, Any]) -> ProfileItem:
    return ProfileItem(
        profile_id=item["profile_id"]["S"],
        version=int(item["version"]["N"]),
        state=bytes(item["state"]["B"]) if "state" in item else b"",
        merged_into=item["merged_into"]["S"] if "merged_into" in item else None,
        due_at=int(item["due_at"]["N"]) if "due_at" in item else None,
    )
