"""manage_repairs: the repair machine, and pseudonyms for the profiles that it is to rebuild."""

from __future__ import annotations

from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.repairs import ManageRepairsSettings
from attune.runtime.wiring.recording import record_access
from attune.use_cases.management.record_access import RecordAccess
from attune.use_cases.repairs.manage_repairs import ManageRepairs


def manage_repairs(settings: ManageRepairsSettings) -> tuple[ManageRepairs, RecordAccess]:
    """It reads no profile, but names who is to be folded anew."""
    vault = client("secretsmanager")
    manage = ManageRepairs(
        runs=StepFunctionsRuns(client("stepfunctions"), settings.repair_machine),
        pseudonyms=SecretPseudonyms(vault, settings.identity_secret),
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
    )
    return manage, record_access(client("dynamodb"), settings.ledger_table)
