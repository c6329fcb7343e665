"""`Allowances` in a table of their own: one item a bucket, with one number, changed under a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from attune.domain.collection.rate_limits import Grant, available, bucket, cost, latest, most_at_once
from attune.ports import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from attune.domain.definitions.sources import RateLimit

#: writes of one claim: the first guess may be wrong, and so may what it was told, if others claim at the same time
ATTEMPTS: Final = 4
#: seconds after which a bucket that nobody takes from may be forgotten, beyond its filling up: full is what none is
_KEPT: Final = 86_400
_MICROSECONDS: Final = 1_000_000

#: what is set, and when: for a bucket from which others took lately, and for one that is full
_FILLING: Final = ("full_at + :cost", "full_at >= :now AND full_at <= :latest")
_FULL: Final = (":then", "attribute_not_exists(full_at) OR full_at < :now")


def allowances_config() -> Config:
    """An event must not wait for its limit to be counted."""
    return Config(connect_timeout=0.3, read_timeout=0.3, retries={"total_max_attempts": 1})


class DynamoAllowances:
    """One write a claim, two if the first guess whether the bucket is full was wrong. Nothing is ever read."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table
        self._full_at: dict[str, int] = {}

    def claim(self, source: str, limit: RateLimit, wanted: int, now: int) -> Grant:
        """A claim whose answer is lost is not made good: what it took flows in again."""
        name = bucket(source, limit)
        for _ in range(ATTEMPTS):
            full_at = self._take(name, limit, wanted, now)
            if full_at is None:
                return Grant(requests=wanted)
            grant = available(limit, full_at, wanted, now)
            if grant.requests == 0:
                return grant
            wanted = grant.requests
        raise ConflictError(source)

    def _take(self, name: str, limit: RateLimit, wanted: int, now: int) -> int | None:
        """None if they are taken, else when the bucket will be full (0: it is)."""
        values = {":now": now * 1_000, ":ends": _expiry(limit, now)}
        if self._full_at.get(name, 0) >= values[":now"]:
            change, condition = _FILLING
            values |= {":cost": cost(limit, wanted), ":latest": latest(limit, wanted, now)}
        else:
            change, condition = _FULL
            values[":then"] = values[":now"] + cost(limit, wanted)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"bucket": {"S": name}},
                UpdateExpression=f"SET full_at = {change}, expires_at = :ends",
                ConditionExpression=condition,
                ExpressionAttributeValues={word: {"N": str(value)} for word, value in values.items()},
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found: Any = error.response.get("Item", {})
            return self._remember(name, found)
        self._remember(name, answer["Attributes"])
        return None

    def _remember(self, name: str, item: dict[str, Any]) -> int:
        full_at = int(item["full_at"]["N"]) if "full_at" in item else 0
        self._full_at[name] = full_at
        return full_at


def _expiry(limit: RateLimit, now: int) -> int:
    """Epoch seconds."""
    return now // 1_000 + cost(limit, most_at_once(limit)) // _MICROSECONDS + _KEPT
