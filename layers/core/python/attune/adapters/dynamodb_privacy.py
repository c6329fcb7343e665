"""`PrivacyRequests` in DynamoDB: an item each under `request_id`, in the index by due time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import ClientError

from attune.domain.privacy_requests import PrivacyRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from attune.ports.privacy import After

INDEX: Final = "by_state"


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

    def waiting(self, limit: int, after: After | None = None) -> list[PrivacyRequest]:
        """Page by page."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#state = :received",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":received": {"S": "received"}},
        }
        start = _key(after.due_at, after.request_id) if after else None
        found: list[PrivacyRequest] = []
        while len(found) < limit:
            place: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
            page = self._client.query(**query, **place, Limit=limit - len(found))
            found += [_decode(item) for item in page["Items"]]
            start = page.get("LastEvaluatedKey")
            if not start:
                break
        return found


def _key(due_at: int, request_id: str) -> dict[str, Any]:
    return {"state": {"S": "received"}, "due_at": {"N": str(due_at)}, "request_id": {"S": request_id}}


def _encode(request: PrivacyRequest) -> dict[str, Any]:
    """What indexes need as attributes, the whole as JSON beside them."""
    attributes = _key(request.due_at, request.request_id)
    attributes["state"] = {"S": request.state}
    return attributes | {"request": {"S": msgspec.json.encode(request).decode()}}


def _decode(item: dict[str, Any]) -> PrivacyRequest:
    return _requests.decode(item["request"]["S"])


_requests: Final = msgspec.json.Decoder(PrivacyRequest)
