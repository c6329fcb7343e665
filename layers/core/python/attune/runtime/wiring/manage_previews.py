"""manage_previews: the preview machine, the definitions that a draft is checked among, where it is kept meanwhile."""

from __future__ import annotations

import secrets

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.s3_documents import S3Documents
from attune.adapters.secrets_manager import SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.past import ManagePreviewsSettings
from attune.runtime.wiring.recording import record_access
from attune.use_cases.management.record_access import RecordAccess
from attune.use_cases.segments.manage_previews import ManagePreviews


def manage_previews(settings: ManagePreviewsSettings) -> tuple[ManagePreviews, RecordAccess]:
    """And what records who asked for whom; it reads no profile."""
    tables = client("dynamodb")
    manage = ManagePreviews(
        runs=StepFunctionsRuns(client("stepfunctions"), settings.preview_machine),
        documents=S3Documents(client("s3"), settings.audit_bucket),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        admin_key=SecretText(client("secretsmanager"), settings.admin_secret, clock=now).value,
        clock=now,
        random_bytes=secrets.token_bytes,
    )
    return manage, record_access(tables, settings.ledger_table)
