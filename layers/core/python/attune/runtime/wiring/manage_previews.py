"""manage_previews: the preview machine, and the definitions that a draft is checked among."""

from __future__ import annotations

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.secrets_manager import SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.past import ManagePreviewsSettings
from attune.use_cases.manage_previews import ManagePreviews


def manage_previews(settings: ManagePreviewsSettings) -> ManagePreviews:
    """It reads no profile."""
    return ManagePreviews(
        runs=StepFunctionsRuns(client("stepfunctions"), settings.preview_machine),
        definitions=DynamoDefinitions(client("dynamodb"), settings.definitions_table, clock=now),
        admin_key=SecretText(client("secretsmanager"), settings.admin_secret, clock=now).value,
        clock=now,
    )
