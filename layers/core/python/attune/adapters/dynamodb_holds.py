"""Holds in the identities table, under `hold#<identity key>`: since when (ms) as `since#<purpose>`."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_PREFIX: Final = "hold#"
_SINCE: Final = "since#"
#: keys of one BatchGetItem
_BATCH: Final = 100
#: seconds before what a batch left unread is asked for again; after the last one the caller is told
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)


class DynamoHolds:
    """`Holds`."""

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
        latest: dict[str, int] = {}
        wanted = sorted(set(identity_keys))
        for start in range(0, len(wanted), _BATCH):
            for item in self._items(wanted[start : start + _BATCH]):
                for name, value in item.items():
                    if name.startswith(_SINCE):
                        purpose, since = name.removeprefix(_SINCE), int(value["N"])
                        latest[purpose] = max(since, latest.get(purpose, since))
        return latest

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
