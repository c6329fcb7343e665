"""manage_models: the registry, read only, and the learning machine."""

from __future__ import annotations

from attune.adapters.s3_registry import S3Registry
from attune.adapters.secrets_manager import SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.learning import ManageModelsSettings
from attune.use_cases.learning.manage_models import ManageModels


def manage_models(settings: ManageModelsSettings) -> ManageModels:
    """The registry is read anew each time: an operator looks because something has just changed."""
    return ManageModels(
        registry=S3Registry(client("s3"), settings.registry_bucket),
        runs=StepFunctionsRuns(client("stepfunctions"), settings.learning_machine),
        admin_key=SecretText(client("secretsmanager"), settings.admin_secret, clock=now).value,
        clock=now,
    )
