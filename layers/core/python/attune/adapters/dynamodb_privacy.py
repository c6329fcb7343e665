"""`PrivacyRequests` in DynamoDB: an item each under `request_id`, in the index by due time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from botocore.exceptions import ClientError

from attune.domain.privacy.requests import PrivacyRequest
from attune.ports import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from attune.domain.privacy.requests import State
    from attune.ports.privacy import After

INDEX: Final = "by_state"
#: in place of a request's id: whose turn it is. It has no state, so the index does not know it
_TURN: Final[dict[str, Any]] = {"request_id": {"S": "#turn"}}


class DynamoPrivacyRequests:
    """Written once each; whether a refused write was our own, retried, does not matter: the item is there."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def keep(self, request: PrivacyRequest) -> bool:
        """One conditional write."""
        try:
            self._client.put_item(
                TableName=self._table, Item=_encode(request), ConditionExpression="attribute_not_exists(request_id)"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def get(self, request_id: str) -> PrivacyRequest | None:
        """Read consistently."""
        key: dict[str, Any] = {"request_id": {"S": request_id}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return _decode(item) if item else None

    def save(self, request: PrivacyRequest, *, read_state: State) -> None:
        """One conditional write; one that the SDK repeats finds its own state and is told apart by what lies there."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_encode(request),
                ConditionExpression="#state = :read",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":read": {"S": read_state}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            if self.get(request.request_id) != request:
                raise ConflictError from error

    def waiting(self, limit: int, after: After | None = None, *, state: State = "received") -> list[PrivacyRequest]:
        """Page by page."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": {"S": state}},
        }
        start = _key(state, after.due_at, after.request_id) if after else None
        found: list[PrivacyRequest] = []
        while len(found) < limit:
            place: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
            page = self._client.query(**query, **place, Limit=limit - len(found))
            found += [_decode(item) for item in page["Items"]]
            start = page.get("LastEvaluatedKey")
            if not start:
                break
        return found

    def take_turn(self, run: str, now: int, until: int) -> bool:
        """One conditional write; repeated by the SDK it finds its own turn."""
        return self._of_turn(
            "update_item",
            UpdateExpression="SET #run = :run, #until = :until",
            ConditionExpression="attribute_not_exists(#run) OR #run = :run OR #until <= :now",
            ExpressionAttributeNames={"#run": "run", "#until": "until"},
            ExpressionAttributeValues={":run": {"S": run}, ":until": {"N": str(until)}, ":now": {"N": str(now)}},
        )

    def end_turn(self, run: str) -> None:
        """One conditional write."""
        self._of_turn(
            "delete_item",
            ConditionExpression="#run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues={":run": {"S": run}},
        )

    def _of_turn(self, action: Literal["update_item", "delete_item"], **said: Any) -> bool:
        try:
            getattr(self._client, action)(TableName=self._table, Key=_TURN, **said)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _key(state: State, due_at: int, request_id: str) -> dict[str, Any]:
    return {"state": {"S": state}, "due_at": {"N": str(due_at)}, "request_id": {"S": request_id}}


def _encode(request: PrivacyRequest) -> dict[str, Any]:
    """What indexes need as attributes, the whole as JSON beside them."""
    attributes = _key(request.state, request.due_at, request.request_id)
    return attributes | {"request": {"S": msgspec.json.encode(request).decode()}}


def _decode(item: dict[str, Any]) -> PrivacyRequest:
    return _requests.decode(item["request"]["S"])


_requests: Final = msgspec.json.Decoder(PrivacyRequest)
