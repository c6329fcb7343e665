"""manage_definitions: the editor over the definitions table and the two maps of secrets."""

from __future__ import annotations

import secrets

from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.secrets_manager import SecretMap, SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings import ManageDefinitionsSettings
from attune.use_cases.count_segments import ShowSizes
from attune.use_cases.manage_definitions import ManageDefinitions
from attune.use_cases.show_arrivals import ShowArrivals


def manage_definitions(settings: ManageDefinitionsSettings) -> tuple[ManageDefinitions, ShowSizes, ShowArrivals]:
    """Secret maps are read anew each time: an edit must not start from a copy."""
    tables = client("dynamodb")
    vault = client("secretsmanager")
    manage = ManageDefinitions(
        store=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        webhook_secrets=SecretMap(vault, settings.webhook_secrets, clock=now, lifetime=0),
        channel_secrets=SecretMap(vault, settings.channel_secrets, clock=now, lifetime=0),
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
        random_bytes=secrets.token_bytes,
    )
    sizes = ShowSizes(history=DynamoSizes(tables, settings.definitions_table), authorise=manage.authorise)
    arrivals = ShowArrivals(history=DynamoArrivals(tables, settings.definitions_table), authorise=manage.authorise)
    return manage, sizes, arrivals
