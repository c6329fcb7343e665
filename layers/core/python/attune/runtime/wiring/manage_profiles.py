"""manage_profiles: reads of the tables, holds, and the stream that carries every change."""

from __future__ import annotations

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_keys import DynamoKeys
from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.management import ManageProfilesSettings
from attune.runtime.wiring.awaiting import await_deliveries
from attune.runtime.wiring.recording import record_access
from attune.runtime.wiring.recording_people import record_people
from attune.use_cases.consent.explain_consent import ExplainConsent
from attune.use_cases.consent.link_preferences import LinkPreferences
from attune.use_cases.profiles.manage_lists import ManageLists
from attune.use_cases.profiles.manage_profiles import ManageProfiles
from attune.use_cases.profiles.record_people import RecordPeople
from attune.use_cases.profiles.unlink_profiles import UnlinkProfiles


def manage_profiles(
    settings: ManageProfilesSettings,
) -> tuple[ManageProfiles, ManageLists, UnlinkProfiles, LinkPreferences, ExplainConsent, RecordPeople]:
    """What server keys may, of one customer and of lists, and what the admin may.

    The only writes are holds, access records, and records on the stream.
    """
    tables, vault = client("dynamodb"), client("secretsmanager")
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    stream = KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name)
    pseudonyms = SecretPseudonyms(vault, settings.identity_secret)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    holds = DynamoHolds(tables, settings.identities_table)
    manage = ManageProfiles(
        profiles=profiles,
        deliveries=DynamoDeliveries(tables, settings.deliveries_table),
        holds=holds,
        definitions=definitions,
        keys=DynamoKeys(tables, settings.definitions_table, clock=now),
        stream=stream,
        pseudonyms=pseudonyms,
        in_flight=await_deliveries(tables, settings.deliveries_table, profiles, pseudonyms),
        clock=now,
    )
    lists = ManageLists(profiles=profiles, definitions=definitions, stream=stream, pseudonyms=pseudonyms, clock=now)
    admin_key = SecretText(vault, settings.admin_secret, clock=now).value
    unlink = UnlinkProfiles(profiles=profiles, stream=stream, pseudonyms=pseudonyms, admin_key=admin_key, clock=now)
    link = LinkPreferences(
        profiles=profiles, definitions=definitions, pseudonyms=pseudonyms, secret=pseudonyms.secret, clock=now
    )
    chains = DynamoLedger(tables, settings.ledger_table)
    explain = ExplainConsent(
        profiles=profiles, holds=holds, definitions=definitions, chains=chains, pseudonyms=pseudonyms, clock=now
    )
    record = record_people(record_access(tables, settings.ledger_table), profiles, definitions, pseudonyms)
    return manage, lists, unlink, link, explain, record
