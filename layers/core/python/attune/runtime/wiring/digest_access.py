"""digest_access: access records in, digests out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.s3_documents import S3Documents
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.privacy.digest_access import DigestAccess

if TYPE_CHECKING:
    from attune.runtime.settings.management import DigestAccessSettings


def digest_access(settings: DigestAccessSettings) -> DigestAccess:
    """The head of the digests lies in the table that it is a witness of the bucket for."""
    ledger = DynamoLedger(client("dynamodb"), settings.ledger_table)
    documents = S3Documents(client("s3"), settings.audit_bucket)
    return DigestAccess(ledger=ledger, documents=documents, clock=now)
