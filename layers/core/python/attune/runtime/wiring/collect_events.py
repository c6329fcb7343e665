"""collect_events: definitions and keys to read, the stream to append to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.collect_events import CollectEvents

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings import CollectEventsSettings


def collect_events(settings: CollectEventsSettings, count: Count) -> CollectEvents:
    """A revoked key works on for as long as `DynamoKeys` remembers it: a minute."""
    tables = client("dynamodb")
    return CollectEvents(
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        count=count,
    )
