"""The ledger's table for whoever shows or checks it, and access records, which lie beside the consent records.

Access records: partition `access#<day>#<slot>`, in order of time. The head of their digests: `digest#access`, `head`.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.privacy.access_records import SLOTS, AccessRecord, Head, entry_of, partition_of
from attune.domain.profiles.consent import LedgerEntry
from attune.ports import ConflictError
from attune.ports.ledger import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "by_subject"
#: actions of one transaction
_TOGETHER: Final = 100
_HEAD: Final[dict[str, Any]] = {"profile_id": {"S": "digest#access"}, "entry": {"S": "head"}}


class DynamoLedger:
    """`ConsentChains`, `AccessRecords`, `DigestHeads` and `LedgerPlaces` over one table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def chain(self, profile_id: str) -> list[LedgerEntry]:
        """One query, 1 MB at a time."""
        return [_ledger_entry(_plain(item)) for item in self._partition(profile_id)]

    def keep(self, records: Sequence[AccessRecord]) -> None:
        """One write, or a transaction for each hundred: so nobody who may write here needs a right to delete.

        No condition: a record's key is random, and what the SDK repeats is the same record.
        """
        puts: list[Any] = [{"TableName": self._table, "Item": _access_item(record)} for record in records]
        if len(puts) == 1:
            self._client.put_item(**puts[0])
            return
        for start in range(0, len(puts), _TOGETHER):
            self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts[start : start + _TOGETHER]])

    def of_day(self, day: str) -> Iterator[Found]:
        """A query for each slot, merged."""
        return heapq.merge(
            *(self._of_slot(day, slot) for slot in range(SLOTS)), key=lambda found: (found.entry, found.slot)
        )

    def of_subjects(self, subjects: Iterable[str]) -> list[AccessRecord]:
        """A query of the index for each. Of what does not lie where it says nothing is told: nobody seals it."""
        found: list[AccessRecord] = []
        for subject in sorted(set(subjects)):
            condition = {"KeyConditionExpression": "subject = :subject", "IndexName": INDEX}
            for item in self._query(condition, {":subject": {"S": subject}}):
                record = _access_record(_plain(item))
                if (item["profile_id"]["S"], item["entry"]["S"]) == (partition_of(record), entry_of(record)):
                    found.append(record)
        return sorted(found, key=entry_of)

    def head(self) -> Head | None:
        """Read consistently; its fields are empty where it is none any more."""
        item = self._client.get_item(TableName=self._table, Key=_HEAD, ConsistentRead=True).get("Item")
        if item is None:
            return None
        try:
            return msgspec.convert(_plain(item), Head)
        except msgspec.ValidationError:
            return Head(first="", day="", digest="")

    def set_head(self, head: Head, read: Head | None) -> None:
        """One conditional write; one that the SDK repeats finds what it wrote."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(profile_id)"}
        if read is not None:
            condition = {
                "ConditionExpression": "digest = :read",
                "ExpressionAttributeValues": {":read": {"S": read.digest}},
            }
        said = {name: {"S": text} for name, text in msgspec.to_builtins(head).items()}
        try:
            self._client.put_item(TableName=self._table, Item=_HEAD | said, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            if self.head() != head:
                raise ConflictError from error

    def some_partitions(self, after: str) -> tuple[set[str], str]:
        """One request: at most 1 MB of the table."""
        partition, _, entry = after.partition("|")
        key: Any = {"profile_id": {"S": partition}, "entry": {"S": entry or " "}}
        start: dict[str, Any] = {"ExclusiveStartKey": key} if partition else {}
        page = self._client.scan(TableName=self._table, ProjectionExpression="profile_id", **start)
        last = page.get("LastEvaluatedKey", {})
        place = f"{last['profile_id']['S']}|{last['entry']['S']}" if last else ""
        return {item["profile_id"]["S"] for item in page["Items"]}, place

    def _of_slot(self, day: str, slot: int) -> Iterator[Found]:
        for item in self._partition(f"access#{day}#{slot}"):
            yield Found(item["entry"]["S"], slot, _access_record(_plain(item)))

    def _partition(self, key: str) -> Iterator[Mapping[str, Any]]:
        condition = {"KeyConditionExpression": "profile_id = :key", "ConsistentRead": True}
        return self._query(condition, {":key": {"S": key}})

    def _query(self, condition: dict[str, Any], values: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table, ExpressionAttributeValues=values, **condition
        )
        for page in pages:
            yield from page["Items"]


def _access_item(record: AccessRecord) -> dict[str, Any]:
    said = {
        "profile_id": partition_of(record),
        "entry": entry_of(record),
        "record_id": record.record_id,
        "subject": record.subject,
        "who": record.who,
        "route": record.route,
    } | ({"reason": record.reason} if record.reason else {})
    return {name: {"S": text} for name, text in said.items()} | {"at": {"N": str(record.at)}}


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's attributes as values; of a kind that nobody writes here, as their kind."""
    return {name: _value(*next(iter(typed.items()))) for name, typed in item.items()}


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value) if str(value).lstrip("-").isdecimal() else str(value)
        case "M":
            return _plain(value)
        case _:
            return kind


def _access_record(said: dict[str, Any]) -> AccessRecord:
    """As it lies there, so that whoever checks it sees what was changed; empty where it is no record any more."""
    try:
        return msgspec.convert(said, AccessRecord)
    except msgspec.ValidationError:
        return AccessRecord(at=0, record_id="0" * 16, who="", route="", subject="")


def _ledger_entry(said: dict[str, Any]) -> LedgerEntry:
    try:
        return msgspec.convert(said, LedgerEntry)
    except msgspec.ValidationError:
        return LedgerEntry(
            profile_id="",
            entry=str(said["entry"]),
            purpose="",
            granted=False,
            effective_at=0,
            recorded_at=0,
            source="",
            previous="",
            digest="",
        )
