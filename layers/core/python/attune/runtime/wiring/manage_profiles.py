"""manage_profiles: reads of the tables, holds, and the stream that carries every change."""

from __future__ import annotations

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings import ManageProfilesSettings
from attune.use_cases.manage_profiles import ManageProfiles


def manage_profiles(settings: ManageProfilesSettings) -> ManageProfiles:
    """The only writes are holds and records on the stream."""
    tables = client("dynamodb")
    return ManageProfiles(
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
        deliveries=DynamoDeliveries(tables, settings.deliveries_table),
        holds=DynamoHolds(tables, settings.identities_table),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        clock=now,
    )
