"""Profiles, identities and the consent ledger in DynamoDB, and the index of due profiles.

Pages of profiles' memories lie among the identities, whose items can expire, under `page#` and their reference.

Every write carries a condition, so a request that the SDK repeats after a lost answer cannot apply twice.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.adapters.aws_outages import ThrottledError
from attune.adapters.profile_items import instants, marks_of, read_identity, read_profile
from attune.domain.identifiers import WEAK, WEAK_LIFETIME
from attune.domain.profiles.changes import encode_outbox
from attune.domain.profiles.timers import due_shard
from attune.ports import ConflictError, Due, Identity, Marks, ProfileItem, UnstorableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from attune.domain.profiles.consent import LedgerEntry
    from attune.ports import Claim, Commit, Page

_BATCH: Final = 100
_TRIES: Final = 6
_FIRST_PAUSE: Final = 0.05
_CONFLICTS: Final = frozenset(
    {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}
)
_MARKS: Final[dict[str, Any]] = {"kind": {"S": "mark"}, "id": {"S": "all"}}
_CONFLICT_REASONS: Final = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict", "DuplicateItem"})


class DynamoProfiles:
    """`ProfileStore` over the tables `profiles`, `identities` and `ledger`."""

    def __init__(self, client: DynamoDBClient, *, profiles: str, identities: str, ledger: str = "") -> None:
        """`ledger` may be empty for a reader."""
        self._client = client
        self._profiles = profiles
        self._identities = identities
        self._ledger = ledger

    def identities(self, keys: Collection[str], *, consistent: bool) -> dict[str, Identity]:
        """By identity key; holds and other things in the table are not identities."""
        found = self._batch_get(self._identities, "identity_key", keys, consistent=consistent)
        return {item["identity_key"]["S"]: read_identity(item) for item in found if "profile_id" in item}

    def items(self, profile_ids: Collection[str], *, consistent: bool) -> dict[str, ProfileItem]:
        """By profile id, tombstones included."""
        found = self._batch_get(self._profiles, "profile_id", profile_ids, consistent=consistent)
        return {item["profile_id"]["S"]: read_profile(item) for item in found}

    def pages(self, references: Collection[bytes]) -> dict[bytes, bytes]:
        """Entries by reference."""
        keys = [_page_key(reference) for reference in references]
        found = self._batch_get(self._identities, "identity_key", keys, consistent=True)
        return {_reference(item["identity_key"]["S"]): bytes(item["entries"]["B"]) for item in found}

    def commit(self, commit: Commit) -> None:
        """One conditional put where that is all there is, else one transaction.

        Pages need no condition: whoever writes one under its reference writes the same.
        """
        for page in commit.pages:
            self._client.put_item(**self._put_page(page))
        puts: list[Any] = [self._put_profile(version, item) for version, item in commit.items]
        puts += [self._put_claim(claim) for claim in commit.claims]
        puts += [self._put_ledger(entry) for entry in commit.ledger]
        try:
            if len(puts) == 1:
                self._client.put_item(**puts[0])
            else:
                self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except ClientError as error:
            if _is_conflict(error):
                raise ConflictError from error
            if _is_refusal(error):
                raise UnstorableError from error
            raise

    def _batch_get(
        self, table: str, key: str, values: Collection[str], *, consistent: bool
    ) -> Iterator[dict[str, Any]]:
        ordered = sorted(set(values))
        for start in range(0, len(ordered), _BATCH):
            wanted: list[dict[str, Any]] = [{key: {"S": value}} for value in ordered[start : start + _BATCH]]
            for attempt in range(_TRIES):
                if attempt:
                    time.sleep(_FIRST_PAUSE * 2**attempt)
                answer = self._client.batch_get_item(
                    RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}}
                )
                yield from answer["Responses"].get(table, ())
                left = answer.get("UnprocessedKeys", {}).get(table)
                if not left:
                    break
                wanted = list(left["Keys"])
            else:
                raise ThrottledError(table)

    def _put_profile(self, version: int | None, item: ProfileItem) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "profile_id": {"S": item.profile_id},
            "version": {"N": str(item.version)},
        }
        if item.state:
            attributes["state"] = {"B": item.state}
        if item.merged_into:
            attributes["merged_into"] = {"S": item.merged_into}
        if item.ledger_length:
            attributes |= {"ledger_length": {"N": str(item.ledger_length)}, "ledger_head": {"B": item.ledger_head}}
        attributes |= instants(erased_at=item.erased_at, suppressed_at=item.suppressed_at, released_at=item.released_at)
        if item.outbox:
            attributes["outbox"] = {"S": encode_outbox(item.outbox)}
        if item.pages:
            attributes["pages"] = {"B": b"".join(item.pages)}
        if item.due_at is not None:
            attributes |= {"due_shard": {"S": str(due_shard(item.profile_id))}, "due_at": {"N": str(item.due_at)}}
        put: dict[str, Any] = {"TableName": self._profiles, "Item": attributes}
        if version is None:
            return put | {"ConditionExpression": "attribute_not_exists(profile_id)"}
        return put | {
            "ConditionExpression": "#version = :read",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":read": {"N": str(version)}},
        }

    def _put_page(self, page: Page) -> dict[str, Any]:
        attributes = {
            "identity_key": {"S": _page_key(page.reference)},
            "entries": {"B": page.entries},
            "expires_at": {"N": str(page.expires_at)},
        }
        return {"TableName": self._identities, "Item": attributes}

    def _put_claim(self, claim: Claim) -> dict[str, Any]:
        identity = claim.identity
        attributes: dict[str, Any] = {
            "identity_key": {"S": claim.identity_key},
            "profile_id": {"S": identity.profile_id},
            "at": {"N": str(identity.at)},
            "namespace": {"S": identity.namespace},
            "generation": {"N": str(identity.generation)},
            "verified": {"BOOL": identity.verified},
        }
        marks = marks_of(identity)
        attributes |= instants(**marks)
        if identity.namespace in WEAK and not identity.is_marked:
            attributes["expires_at"] = {"N": str((identity.at + WEAK_LIFETIME) // 1000)}
        put: dict[str, Any] = {"TableName": self._identities, "Item": attributes}
        if claim.read is None:
            return put | {"ConditionExpression": "attribute_not_exists(identity_key)"}
        unmarked = [f"attribute_not_exists({name})" for name, at in marks_of(claim.read).items() if not at]
        marked = {name: at for name, at in marks_of(claim.read).items() if at}
        same = ["profile_id = :read", "#at = :at", *unmarked, *(f"{name} = :{name}" for name in marked)]
        return put | {
            "ConditionExpression": " AND ".join(same),
            "ExpressionAttributeNames": {"#at": "at"},
            "ExpressionAttributeValues": {
                ":read": {"S": claim.read.profile_id},
                ":at": {"N": str(claim.read.at)},
                **{f":{name}": {"N": str(at)} for name, at in marked.items()},
            },
        }

    def _put_ledger(self, entry: LedgerEntry) -> dict[str, Any]:
        return {
            "TableName": self._ledger,
            "Item": {
                "profile_id": {"S": entry.profile_id},
                "entry": {"S": entry.entry},
                "purpose": {"S": entry.purpose},
                "granted": {"BOOL": entry.granted},
                "effective_at": {"N": str(entry.effective_at)},
                "recorded_at": {"N": str(entry.recorded_at)},
                "source": {"S": entry.source},
                "previous": {"S": entry.previous},
                "digest": {"S": entry.digest},
                **_evidence(entry),
            },
            "ConditionExpression": "attribute_not_exists(profile_id)",
        }


def _evidence(entry: LedgerEntry) -> dict[str, Any]:
    """What an entry says beside the record; nothing where it says nothing."""
    numbers = {"form": entry.form if entry.form != 1 else 0, "expires_at": entry.expires_at}
    texts = {"method": entry.method, "notice": entry.notice, "message": entry.message}
    return {name: {"N": str(number)} for name, number in numbers.items() if number} | {
        name: {"S": text} for name, text in texts.items() if text
    }


class DynamoDueIndex:
    """`DueIndex` over the profile table's sparse index, with its marks among the definitions."""

    def __init__(self, client: DynamoDBClient, *, profiles: str, index: str, marks: str) -> None:
        self._client = client
        self._profiles = profiles
        self._index = index
        self._marks = marks

    def due(self, shard: int, after: Due, until: int, limit: int) -> list[Due]:
        """Pages through the index until `limit` or the end."""
        if after.due_at > until:
            return []  # the table refuses a range that ends before it begins
        found: list[Due] = []
        start: dict[str, Any] = {"ExclusiveStartKey": _index_key(shard, after)} if after.profile_id else {}
        while len(found) < limit:
            answer = self._client.query(
                TableName=self._profiles,
                IndexName=self._index,
                KeyConditionExpression="due_shard = :shard AND due_at BETWEEN :from AND :until",
                ExpressionAttributeValues={
                    ":shard": {"S": str(shard)},
                    ":from": {"N": str(after.due_at)},
                    ":until": {"N": str(until)},
                },
                Limit=limit - len(found),
                **start,
            )
            found += [Due(int(item["due_at"]["N"]), item["profile_id"]["S"]) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return found

    def marks(self) -> Marks:
        """Read consistently."""
        item = self._client.get_item(TableName=self._marks, Key=_MARKS, ConsistentRead=True).get("Item")
        return Marks() if item is None else msgspec.json.decode(item["marks"]["S"], type=Marks)

    def set_marks(self, marks: Marks) -> None:
        """A plain put: the value does not depend on the one before, so repeating it is harmless."""
        self._client.put_item(
            TableName=self._marks, Item=_MARKS | {"marks": {"S": msgspec.json.encode(marks).decode()}}
        )


def _index_key(shard: int, due: Due) -> dict[str, Any]:
    return {
        "due_shard": {"S": str(shard)},
        "due_at": {"N": str(due.due_at)},
        "profile_id": {"S": due.profile_id},
    }


def _page_key(reference: bytes) -> str:
    return f"page#{reference.hex()}"


def _reference(page_key: str) -> bytes:
    return bytes.fromhex(page_key.removeprefix("page#"))


def _is_conflict(error: ClientError) -> bool:
    """A condition that did not hold or a transaction in the way; a cancelled one may also have hit a real fault."""
    if error.response["Error"]["Code"] not in _CONFLICTS:
        return False
    reasons: Any = error.response.get("CancellationReasons", [])
    return all(reason.get("Code", "None") in _CONFLICT_REASONS for reason in reasons)


def _is_refusal(error: ClientError) -> bool:
    """Of a transaction what no table takes is refused as a whole, or by the reason of the action that is too large."""
    reasons: Any = error.response.get("CancellationReasons", [])
    refused = any(reason.get("Code") == "ValidationError" for reason in reasons)
    return refused or error.response["Error"]["Code"] == "ValidationException"
