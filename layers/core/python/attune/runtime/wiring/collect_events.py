"""collect_events: definitions and keys to read, the stream to append to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_allowances import DynamoAllowances, allowances_config
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client, later
from attune.runtime.clock import now
from attune.use_cases.collection.collect_events import CollectEvents
from attune.use_cases.collection.show_settings import ShowSettings

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.path import CollectEventsSettings


def collect_events(settings: CollectEventsSettings, count: Count) -> tuple[CollectEvents, ShowSettings]:
    """A revoked key works on for as long as `DynamoKeys` remembers it: a minute."""
    tables = client("dynamodb")
    keys = DynamoKeys(tables, settings.definitions_table, clock=now)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    collect = CollectEvents(
        keys=keys,
        definitions=definitions,
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        # Most sources have no limit: then nothing asks.
        allowances=later(
            lambda: DynamoAllowances(client("dynamodb", config=allowances_config()), settings.limits_table)
        ),
        count=count,
    )
    return collect, ShowSettings(keys=keys, definitions=definitions)
