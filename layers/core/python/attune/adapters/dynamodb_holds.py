"""Holds in the identities table, under `hold#<identity key>`: since when (ms) as `since#<purpose>`."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from attune.domain.profiles.consent import latest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PREFIX: Final = "hold#"
_SINCE: Final = "since#"
#: keys of one BatchGetItem
_BATCH: Final = 100
#: seconds before what a batch left unread is asked for again; after the last one the caller is told
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)


class DynamoHolds:
    """`Holds` and `HoldScan`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def place(self, identity_key: str, purposes: Mapping[str, int], expires_at: int) -> None:
        """One conditional write a purpose, only to a later instant: retries and races change nothing.

        The expiry goes first: an item that ends there after a crash holds nothing, and goes by itself.
        """
        self._raise(identity_key, "expires_at", expires_at)
        for purpose, since in sorted(purposes.items()):
            self._raise(identity_key, _SINCE + purpose, since)

    def held(self, identity_keys: Collection[str]) -> dict[str, int]:
        """The latest instant per purpose over all keys, read consistently."""
        return latest(self.each_hold(identity_keys).values())

    def each_hold(self, identity_keys: Collection[str]) -> dict[str, dict[str, int]]:
        """`HoldScan`. A request for every 100 keys."""
        wanted = sorted(set(identity_keys))
        items = (one for start in range(0, len(wanted), _BATCH) for one in self._items(wanted[start : start + _BATCH]))
        return dict(filter(lambda found: found[1], map(_read, items)))

    def every_hold(self) -> dict[str, dict[str, int]]:
        """`HoldScan`. The whole table is read, and paid for; what is sent here are holds."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(identity_key, :hold)",
            ExpressionAttributeValues={":hold": {"S": _PREFIX}},
            ConsistentRead=True,
        )
        return dict(filter(lambda found: found[1], (_read(item) for page in pages for item in page["Items"])))

    def lift(self, identity_keys: Collection[str], until: int) -> None:
        """One conditional write a key, on what was read; what was raised meanwhile stays, and a retry changes nothing.

        What is left of the item goes by its expiry.
        """
        wanted = sorted(set(identity_keys))
        for start in range(0, len(wanted), _BATCH):
            for item in list(self._items(wanted[start : start + _BATCH])):
                over = {
                    name: value for name, value in item.items() if name.startswith(_SINCE) and int(value["N"]) <= until
                }
                if over and not self._remove(item["identity_key"], over):
                    for name, value in over.items():  # one of them was raised; the others are over all the same
                        self._remove(item["identity_key"], {name: value})

    def _remove(self, key: Any, attributes: Mapping[str, Any]) -> bool:
        """False, and nothing done, unless all are as they were read."""
        names = {f"#n{number}": name for number, name in enumerate(attributes)}
        values = {f":v{number}": value for number, value in enumerate(attributes.values())}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"identity_key": key},
                UpdateExpression="REMOVE " + ", ".join(names),
                ConditionExpression=" AND ".join(f"{n} = {v}" for n, v in zip(names, values, strict=True)),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _raise(self, identity_key: str, attribute: str, value: int) -> None:
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"identity_key": {"S": _PREFIX + identity_key}},
                UpdateExpression="SET #attribute = :value",
                ConditionExpression="attribute_not_exists(#attribute) OR #attribute < :value",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues={":value": {"N": str(value)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _items(self, identity_keys: Collection[str]) -> Iterator[dict[str, Any]]:
        keys = [{"identity_key": {"S": _PREFIX + key}} for key in identity_keys]
        request: Any = {self._table: {"Keys": keys, "ConsistentRead": True}}
        for pause in (*_PAUSES, None):
            answer = self._client.batch_get_item(RequestItems=request)
            yield from answer.get("Responses", {}).get(self._table, [])
            request = answer.get("UnprocessedKeys")
            if not request:
                return
            if pause is None:
                # an unread hold must never pass for none
                raise TimeoutError("the table left holds unread")
            time.sleep(pause)


def _read(item: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    held = {name.removeprefix(_SINCE): int(value["N"]) for name, value in item.items() if name.startswith(_SINCE)}
    return item["identity_key"]["S"].removeprefix(_PREFIX), held
