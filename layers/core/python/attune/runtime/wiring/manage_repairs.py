"""manage_repairs: the repair machine, and pseudonyms for the profiles that it is to rebuild."""

from __future__ import annotations

from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings import ManageRepairsSettings
from attune.use_cases.manage_repairs import ManageRepairs


def manage_repairs(settings: ManageRepairsSettings) -> ManageRepairs:
    """It reads no profile."""
    vault = client("secretsmanager")
    return ManageRepairs(
        runs=StepFunctionsRuns(client("stepfunctions"), settings.repair_machine),
        pseudonyms=SecretPseudonyms(vault, settings.identity_secret),
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
    )
