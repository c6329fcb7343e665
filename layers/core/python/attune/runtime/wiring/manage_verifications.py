"""manage_verifications: the verification machine, and where what it looks for is kept until it is done."""

from __future__ import annotations

import secrets

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.s3_documents import S3Documents
from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.privacy import ManageVerificationsSettings
from attune.runtime.wiring.recording import record_access
from attune.use_cases.erasure.manage_verifications import ManageVerifications
from attune.use_cases.management.record_access import RecordAccess


def manage_verifications(settings: ManageVerificationsSettings) -> tuple[ManageVerifications, RecordAccess]:
    """And what records who looked for whom."""
    tables, vault = client("dynamodb"), client("secretsmanager")
    manage = ManageVerifications(
        runs=StepFunctionsRuns(client("stepfunctions"), settings.verification_machine),
        documents=S3Documents(client("s3"), settings.audit_bucket),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        pseudonyms=SecretPseudonyms(vault, settings.identity_secret),
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
        random_bytes=secrets.token_bytes,
        retention_hours=settings.stream_retention_hours,
    )
    return manage, record_access(tables, settings.ledger_table)
