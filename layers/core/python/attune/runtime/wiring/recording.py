"""Access records, for every function that shows or changes a person."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.runtime.clock import now
from attune.use_cases.management.record_access import RecordAccess

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def record_access(tables: DynamoDBClient, ledger_table: str) -> RecordAccess:
    """Writes access records, and nothing else."""
    return RecordAccess(records=DynamoLedger(tables, ledger_table), clock=now, random_bytes=secrets.token_bytes)
