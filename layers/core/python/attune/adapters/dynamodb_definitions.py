"""Definitions in one DynamoDB table: current ones, all versions they ever had, and a revision for readers.

Items, by (`kind`, `id`): the current definition under its own kind, with `version`, `document` (JSON) and where it
stands (`takeovers.Standing`: `serving` is JSON too); each version, also the one that says `deleted`, under
`<kind>@history`, `<id>#<8 digits>`; and (`revision`, `all`), whose `revision` every change that readers must know of
raises in its own transaction, so that a reader who finds it unchanged needs to read nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.adapters.definition_items import decode_standing, decode_version, encode_standing, encode_version
from attune.domain.definitions.kinds import KINDS, Definition, Definitions
from attune.domain.past.takeovers import Standing, Version, assemble, changed
from attune.ports import Clock, ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        self._standings: list[Standing] = []
        self._snapshot = Definitions()
        #: when the snapshot becomes another one by itself
        self._until: int | None = None

    def current(self) -> Definitions:
        """A snapshot at most `lifetime` ms old."""
        now = self._clock()
        if self._checked_at is None or not 0 <= now - self._checked_at < self._lifetime:
            # The revision first: a change between the two reads is then read again, never missed.
            revision = self._read_revision()
            if revision != self._revision:
                self._standings = [one for kind in KINDS for one in self.standings(kind)]
                self._snapshot, self._until = assemble(self._standings, now)
                self._revision = revision
            self._checked_at = now
        if self._until is not None and self._until <= now:
            self._snapshot, self._until = assemble(self._standings, now)
        return self._snapshot

    def get(self, kind: str, definition_id: str) -> tuple[int, Definition] | None:
        """Version and definition, read consistently."""
        stored = self._standing(kind, definition_id)
        return None if stored is None else (stored.version, stored.definition)

    def versions(self, kind: str) -> list[tuple[int, Definition]]:
        """All current ones of a kind, in order of id, read consistently."""
        return [(one.version, one.definition) for one in self.standings(kind)]

    def standings(self, kind: str) -> list[Standing]:
        """The same with where they stand."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#kind = :kind",
            ExpressionAttributeNames={"#kind": "kind"},
            ExpressionAttributeValues={":kind": {"S": kind}},
            ConsistentRead=True,
        )
        now = self._clock()
        return [decode_standing(item).as_of(now) for page in pages for item in page["Items"]]

    def put(self, definition: Definition, *, read_version: int | None, at_once: bool = True) -> int:
        """The new version. After a deletion counting goes on: no version number ever means two documents."""
        kind = _kind(definition)
        known = self._standing(kind, definition.id)
        if (known.version if known else None) != read_version:
            raise ConflictError("the definition changed meanwhile")
        version = (self._last_version(kind, definition.id) if known is None else known.version) + 1
        standing = changed(known, definition, version, self._clock(), at_once=at_once)
        current: dict[str, Any] = {
            "Put": {
                "TableName": self._table,
                "Item": _key(kind, definition.id) | encode_standing(standing),
                **_unchanged(read_version),
            }
        }
        self._transact(current, self._kept(kind, definition.id, version, encode_version(standing)))
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
        self._transact(gone, self._kept(kind, definition_id, version, document))

    def history(self, kind: str, definition_id: str) -> list[Version]:
        """Newest first."""
        return [decode_version(item) for page in self._past(kind, definition_id) for item in page["Items"]]

    def deleted(self, kind: str) -> list[str]:
        """In order."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#kind = :kind",
            ExpressionAttributeNames={"#kind": "kind", "#deleted": "deleted", "#id": "id"},
            ExpressionAttributeValues={":kind": {"S": f"{kind}@history"}},
            ProjectionExpression="#id, #deleted",
            ConsistentRead=True,
        )
        # in order of id and version: the last word on each counts
        last = {item["id"]["S"].rpartition("#")[0]: "deleted" in item for page in pages for item in page["Items"]}
        return sorted(name for name, gone in last.items() if gone)

    def take_over(self, definition_id: str, version: int, at: int) -> None:
        """In its history too."""
        current = self._update(
            _key("segment", definition_id),
            "SET takes_over_at = :at",
            "#version = :version AND attribute_exists(serving) AND attribute_not_exists(takes_over_at)",
            {":at": {"N": str(at)}, ":version": {"N": str(version)}},
        )
        past = self._update(
            _key("segment@history", f"{definition_id}#{version:08}"),
            "SET since = :at",
            "#version = :version",
            {":at": {"N": str(at)}, ":version": {"N": str(version)}},
        )
        self._transact(current, past)

    def settle(self, kind: str, definition_id: str, version: int) -> None:
        """Of no interest to readers: it raises no revision."""
        given = {":yes": {"BOOL": True}, ":version": {"N": str(version)}}
        update = self._update(_key(kind, definition_id), "SET settled = :yes", "#version = :version", given)
        try:
            self._client.update_item(**update["Update"])
        except self._client.exceptions.ConditionalCheckFailedException:
            raise ConflictError("the definition changed meanwhile") from None

    def watched_since(self, campaign: str, segment: str) -> int:
        """Back through the campaign's history, newest first, to its deletion or another trigger."""
        since = 0
        pages = self._past("campaign", campaign)
        for item in (item for page in pages for item in page["Items"]):
            if "deleted" in item or _trigger(item["document"]["S"]) != segment:
                break
            since = int(item.get("at", {"N": "0"})["N"])
        return since

    def _past(self, kind: str, definition_id: str) -> Iterator[Any]:
        """Pages of the items of all its versions, newest first."""
        return iter(
            self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#kind = :kind AND begins_with(#id, :id)",
                ExpressionAttributeNames={"#kind": "kind", "#id": "id"},
                ExpressionAttributeValues={":kind": {"S": f"{kind}@history"}, ":id": {"S": f"{definition_id}#"}},
                ConsistentRead=True,
                ScanIndexForward=False,
            )
        )

    def _standing(self, kind: str, definition_id: str) -> Standing | None:
        item = self._client.get_item(TableName=self._table, Key=_key(kind, definition_id), ConsistentRead=True)
        return decode_standing(item["Item"]).as_of(self._clock()) if "Item" in item else None

    def _update(self, key: Any, update: str, condition: str, values: Any) -> Any:
        """An action on an item, which must be there; `#version` is its version."""
        return {
            "Update": {
                "TableName": self._table,
                "Key": key,
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": values,
            }
        }

    def _kept(self, kind: str, definition_id: str, version: int, document: dict[str, Any]) -> dict[str, Any]:
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
