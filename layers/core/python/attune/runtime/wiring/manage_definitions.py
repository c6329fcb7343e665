"""manage_definitions: the editor over the definitions table and the two maps of secrets."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.secrets_manager import SecretMap, SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.management import ManageDefinitionsSettings
from attune.use_cases.definitions.manage_definitions import ManageDefinitions
from attune.use_cases.repairs.show_arrivals import ShowArrivals
from attune.use_cases.segments.count_segments import ShowSizes

if TYPE_CHECKING:
    from collections.abc import Callable


def manage_definitions(
    settings: ManageDefinitionsSettings,
) -> tuple[ManageDefinitions, ShowSizes, ShowArrivals, Callable[[], dict[str, Any]]]:
    """Secret maps are read anew each time: an edit must not start from a copy."""
    tables = client("dynamodb")
    vault = client("secretsmanager")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    manage = ManageDefinitions(
        store=definitions,
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        webhook_secrets=SecretMap(vault, settings.webhook_secrets, clock=now, lifetime=0),
        channel_secrets=SecretMap(vault, settings.channel_secrets, clock=now, lifetime=0),
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
        random_bytes=secrets.token_bytes,
    )
    sizes = ShowSizes(history=DynamoSizes(tables, settings.definitions_table), authorise=manage.authorise)
    arrivals = ShowArrivals(history=DynamoArrivals(tables, settings.definitions_table), authorise=manage.authorise)

    def show_catalog() -> dict[str, Any]:
        # Later than this module: few ask, and it loads the readers of every sender.
        from attune.use_cases.definitions.show_catalog import ShowCatalog

        return ShowCatalog(definitions=definitions, clock=now)()

    return manage, sizes, arrivals, show_catalog
