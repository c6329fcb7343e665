"""API keys in the definitions table, under the kind `key`: what is stored is a hash, the key itself never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.domain.collection.api_keys import FULL
from attune.ports import Clock, Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

#: ms; the first is how long a key that was taken out of the table may still work
LIFETIME: Final = 60_000
UNKNOWN_LIFETIME: Final = 5_000
#: entries of each cache; a flood of invented key ids can neither fill the memory nor push out the keys in use
KNOWN, UNKNOWN = 1_000, 1_000


class DynamoKeys:
    """`Keys`, cached: a known key for `lifetime` ms, the absence of one for 5 s."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Clock, lifetime: int = LIFETIME) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._lifetime = lifetime
        self._known: dict[str, tuple[int, Key]] = {}
        self._unknown: dict[str, int] = {}

    def key(self, key_id: str) -> Key | None:
        """One consistent read where nothing fresh is cached."""
        now = self._clock()
        cached = self._known.get(key_id)
        if cached is not None and 0 <= now - cached[0] < self._lifetime:
            return cached[1]
        missed_at = self._unknown.get(key_id)
        if missed_at is not None and 0 <= now - missed_at < UNKNOWN_LIFETIME:
            return None
        return self._remember(key_id, self._read(key_id), now)

    def add(self, key: Key) -> None:
        """Never replaces a key: ids are random, and one that exists is somebody's."""
        item = {
            "kind": {"S": "key"},
            "id": {"S": key.key_id},
            "source": {"S": key.source},
            "type": {"S": key.type},
            "role": {"S": key.role},
            "digest": {"S": key.digest},
            "created_at": {"N": str(key.created_at)},
        }
        # A retry inside boto3 whose first try was applied finds itself: the same digest is the same key.
        self._client.put_item(
            TableName=self._table,
            Item=item,
            ConditionExpression="attribute_not_exists(#id) OR #digest = :digest",
            ExpressionAttributeNames={"#id": "id", "#digest": "digest"},
            ExpressionAttributeValues={":digest": {"S": key.digest}},
        )
        self._unknown.pop(key.key_id, None)

    def of(self, source: str) -> list[Key]:
        """All keys are read for it: there are few."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="kind = :key",
            FilterExpression="#source = :source",
            ExpressionAttributeNames={"#source": "source"},
            ExpressionAttributeValues={":key": {"S": "key"}, ":source": {"S": source}},
        )
        found = [_key(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda key: (key.created_at, key.key_id))

    def remove(self, key_id: str) -> None:
        """Elsewhere it may work for `LIFETIME` still."""
        self._client.delete_item(TableName=self._table, Key={"kind": {"S": "key"}, "id": {"S": key_id}})
        self._known.pop(key_id, None)

    def _read(self, key_id: str) -> Key | None:
        place = {"kind": {"S": "key"}, "id": {"S": key_id}}
        item = self._client.get_item(TableName=self._table, Key=place, ConsistentRead=True).get("Item")
        return None if item is None else _key(item)

    def _remember(self, key_id: str, key: Key | None, now: int) -> Key | None:
        self._known.pop(key_id, None)
        self._unknown.pop(key_id, None)
        if key is None:
            self._unknown[key_id] = now
            _shorten(self._unknown, UNKNOWN)
        else:
            self._known[key_id] = (now, key)
            _shorten(self._known, KNOWN)
        return key


def _key(item: dict[str, Any]) -> Key:
    return Key(
        key_id=item["id"]["S"],
        source=item["source"]["S"],
        type=item["type"]["S"],
        role=item["role"]["S"] if "role" in item else FULL,  # keys of before had none
        digest=item["digest"]["S"],
        created_at=int(item["created_at"]["N"]),
    )


def _shorten(cache: dict[str, tuple[int, Key]] | dict[str, int], size: int) -> None:
    while len(cache) > size:
        cache.pop(next(iter(cache)))
