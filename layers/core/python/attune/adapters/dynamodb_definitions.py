"""Definitions in one DynamoDB table: current ones, all versions they ever had, and a revision for readers.

Items, by (`kind`, `id`): the current definition under its own kind, with `version` and `document` (JSON);
each version, also the one that says `deleted`, under `<kind>@history`, `<id>#<8 digits>`; and (`revision`,
`all`), whose `revision` every change raises in its own transaction, so that a reader who finds it unchanged
needs to read nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.definitions import KINDS, Definition, Definitions, decode_definition, snapshot
from attune.ports import Clock, ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

#: how old `current()` may be, ms
LIFETIME: Final = 5_000
_REVISION: Final[dict[str, Any]] = {"kind": {"S": "revision"}, "id": {"S": "all"}}
_CONFLICTS: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


class DynamoDefinitions:
    """`DefinitionStore`; as a reader it asks for the revision once a lifetime: one consistent read."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Clock, lifetime: int = LIFETIME) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._lifetime = lifetime
        self._checked_at: int | None = None
        self._revision = -1
        self._snapshot = Definitions()

    def current(self) -> Definitions:
        """A snapshot at most `lifetime` ms old."""
        now = self._clock()
        if self._checked_at is None or not 0 <= now - self._checked_at < self._lifetime:
            # The revision first: a change between the two reads is then read again, never missed.
            revision = self._read_revision()
            if revision != self._revision:
                self._snapshot = snapshot(tuple(one for kind in KINDS for _, one in self.versions(kind)))
                self._revision = revision
            self._checked_at = now
        return self._snapshot

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition, read consistently."""
        key = {"kind": {"S": kind}, "id": {"S": definition_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else _decode(item)

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """All current ones of a kind, in order of id, read consistently."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#kind = :kind",
            ExpressionAttributeNames={"#kind": "kind"},
            ExpressionAttributeValues={":kind": {"S": kind}},
            ConsistentRead=True,
        )
        return [_decode(item) for page in pages for item in page["Items"]]

    def put(self, definition: Definition, *, read_version: int | None) -> int:
        """The new version. After a deletion counting goes on: no version number ever means two documents."""
        kind = _kind(definition)
        version = (self._last_version(kind, definition.id) if read_version is None else read_version) + 1
        document = {
            "version": {"N": str(version)},
            "document": {"S": msgspec.json.encode(definition).decode()},
            "at": {"N": str(self._clock())},
        }
        current: dict[str, Any] = {
            "Put": {
                "TableName": self._table,
                "Item": _key(kind, definition.id) | document,
                **_unchanged(read_version),
            }
        }
        self._transact(current, self._history(kind, definition.id, version, document))
        return version

    def delete(self, kind: str, definition_id: str, *, read_version: int) -> None:
        """`ConflictError` unless `read_version` is current."""
        gone: dict[str, Any] = {
            "Delete": {"TableName": self._table, "Key": _key(kind, definition_id), **_unchanged(read_version)}
        }
        version = read_version + 1
        document: dict[str, Any] = {
            "version": {"N": str(version)},
            "deleted": {"BOOL": True},
            "at": {"N": str(self._clock())},
        }
        self._transact(gone, self._history(kind, definition_id, version, document))

    def watched_since(self, campaign: str, segment: str) -> int:
        """Back through the campaign's history, newest first, to its deletion or another trigger."""
        since = 0
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#kind = :kind AND begins_with(#id, :id)",
            ExpressionAttributeNames={"#kind": "kind", "#id": "id"},
            ExpressionAttributeValues={":kind": {"S": "campaign@history"}, ":id": {"S": f"{campaign}#"}},
            ScanIndexForward=False,
        )
        for item in (item for page in pages for item in page["Items"]):
            if "deleted" in item or _trigger(item["document"]["S"]) != segment:
                break
            since = int(item.get("at", {"N": "0"})["N"])
        return since

    def _history(self, kind: str, definition_id: str, version: int, document: dict[str, Any]) -> dict[str, Any]:
        key = _key(f"{kind}@history", f"{definition_id}#{version:08}")
        names = {"#id": "id"}
        condition = "attribute_not_exists(#id)"
        put = {"TableName": self._table, "Item": key | document, "ConditionExpression": condition}
        return {"Put": put | {"ExpressionAttributeNames": names}}

    def _transact(self, *actions: Any) -> None:
        raised: Any = {
            "Update": {
                "TableName": self._table,
                "Key": _REVISION,
                "UpdateExpression": "ADD #revision :one",
                "ExpressionAttributeNames": {"#revision": "revision"},
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            }
        }
        try:
            # boto3 sends one idempotency token with all its own retries, and the conditions guard the rest
            self._client.transact_write_items(TransactItems=[*actions, raised])
        except ClientError as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
            if reasons & _CONFLICTS or error.response["Error"]["Code"] == "TransactionConflictException":
                raise ConflictError("the definition changed meanwhile") from error
            raise
        self._checked_at = None

    def _read_revision(self) -> int:
        item = self._client.get_item(TableName=self._table, Key=_REVISION, ConsistentRead=True).get("Item")
        return 0 if item is None else int(item["revision"]["N"])

    def _last_version(self, kind: str, definition_id: str) -> int:
        newest = self._client.query(
            TableName=self._table,
            KeyConditionExpression="#kind = :kind AND begins_with(#id, :id)",
            ExpressionAttributeNames={"#kind": "kind", "#id": "id"},
            ExpressionAttributeValues={":kind": {"S": f"{kind}@history"}, ":id": {"S": f"{definition_id}#"}},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        return int(newest[0]["version"]["N"]) if newest else 0


def _key(kind: str, definition_id: str) -> dict[str, Any]:
    return {"kind": {"S": kind}, "id": {"S": definition_id}}


def _unchanged(read_version: int | None) -> dict[str, Any]:
    if read_version is None:
        return {"ConditionExpression": "attribute_not_exists(#id)", "ExpressionAttributeNames": {"#id": "id"}}
    return {
        "ConditionExpression": "#version = :read",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":read": {"N": str(read_version)}},
    }


def _kind(definition: Definition) -> str:
    return str(type(definition).__struct_config__.tag)


def _trigger(document: str) -> str:
    """The segment that starts a campaign, of a document of any age."""
    return str(msgspec.json.decode(document).get("trigger", {}).get("segment", ""))


def _decode(item: Any) -> tuple[int, Definition]:
    document = msgspec.json.decode(item["document"]["S"])
    return int(item["version"]["N"]), decode_definition(document)
