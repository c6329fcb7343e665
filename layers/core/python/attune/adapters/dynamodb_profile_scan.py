"""`ProfileScan` over the profiles table: for jobs that look at everybody, never for a function on the path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.adapters.profile_items import read_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from attune.ports import ProfileItem

_WHAT: Final[dict[str, Any]] = {
    "ProjectionExpression": (
        "profile_id, #version, #state, merged_into, erased_at, ledger_length, ledger_head, due_at"
    ),
    "ExpressionAttributeNames": {"#version": "version", "#state": "state"},
}


class DynamoProfileScan:
    """Page by page; a page is read when it is asked for."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def all_items(self, *, consistent: bool = False) -> Iterator[ProfileItem]:
        """Without outbox and pages, which are of no use later. A consistent one costs twice as much."""
        yield from self._scanned({"ConsistentRead": consistent})

    def tombstones(self) -> Iterator[ProfileItem]:
        """Everything is read, and paid for; what is sent here are tombstones."""
        only = "attribute_exists(erased_at) OR attribute_exists(merged_into)"
        yield from self._scanned({"FilterExpression": only})

    def _scanned(self, how: dict[str, Any]) -> Iterator[ProfileItem]:
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, **_WHAT, **how):
            for item in page["Items"]:
                yield read_profile(item)

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        """One request: at most 1 MB, so it may be fewer than `limit`, or none. The place is a profile's id."""
        start: dict[str, Any] = {"ExclusiveStartKey": {"profile_id": {"S": after}}} if after else {}
        page = self._client.scan(TableName=self._table, Limit=limit, **_WHAT, **start)
        place = page.get("LastEvaluatedKey", {}).get("profile_id", {}).get("S", "")
        return [read_profile(item) for item in page["Items"]], place
