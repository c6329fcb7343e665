"""Waiting for messages under way, for functions that answer who withdraws."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.runtime.clock import now
from attune.use_cases.privacy.await_deliveries import AwaitDeliveries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from attune.ports import Identified, ProfileReader


def await_deliveries(
    tables: DynamoDBClient, deliveries_table: str, profiles: ProfileReader, pseudonyms: Identified
) -> AwaitDeliveries:
    """It only reads, again and again while something is under way."""
    deliveries = DynamoDeliveries(tables, deliveries_table)
    return AwaitDeliveries(profiles=profiles, deliveries=deliveries, pseudonyms=pseudonyms, clock=now, pause=time.sleep)
