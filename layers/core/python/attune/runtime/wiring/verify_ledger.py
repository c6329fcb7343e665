"""verify_ledger: reads the ledger, the profiles, the digests, receipts and requests, and writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.adapters.secrets_manager import SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.privacy.verify_ledger import VerifyLedger

if TYPE_CHECKING:
    from attune.runtime.settings.management import VerifyLedgerSettings


def verify_ledger(settings: VerifyLedgerSettings) -> VerifyLedger:
    """Profiles are read by a scan, and once more where something does not fit."""
    tables = client("dynamodb")
    return VerifyLedger(
        ledger=DynamoLedger(tables, settings.ledger_table),
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=""),
        scan=DynamoProfileScan(tables, settings.profiles_table),
        documents=S3Documents(client("s3"), settings.audit_bucket),
        requests=DynamoPrivacyRequests(tables, settings.privacy_requests_table),
        admin_key=SecretText(client("secretsmanager"), settings.admin_secret, clock=now).value,
        clock=now,
    )
