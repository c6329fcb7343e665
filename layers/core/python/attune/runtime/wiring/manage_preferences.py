"""manage_preferences: reads of the tables, holds, and the stream that carries what people decide."""

from __future__ import annotations

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.management import ManagePreferencesSettings
from attune.runtime.wiring.awaiting import await_deliveries
from attune.runtime.wiring.recording import record_access
from attune.use_cases.consent.manage_preferences import ManagePreferences
from attune.use_cases.management.record_access import RecordAccess


def manage_preferences(settings: ManagePreferencesSettings) -> tuple[ManagePreferences, RecordAccess]:
    """The only writes are holds, access records, and records on the stream."""
    tables = client("dynamodb")
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    manage = ManagePreferences(
        profiles=profiles,
        holds=DynamoHolds(tables, settings.identities_table),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        pseudonyms=pseudonyms,
        secret=pseudonyms.secret,
        in_flight=await_deliveries(tables, settings.deliveries_table, profiles, pseudonyms),
        clock=now,
    )
    return manage, record_access(tables, settings.ledger_table)
