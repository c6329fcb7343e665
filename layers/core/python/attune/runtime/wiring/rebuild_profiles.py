"""rebuild_profiles: reads the compacted lake, writes profiles under the condition that process_events keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.streams import pause
from attune.runtime.wiring.reading_past import read_past
from attune.use_cases.past.rebuild_profiles import RebuildProfiles

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.past import RebuildProfilesSettings


def rebuild_profiles(settings: RebuildProfilesSettings, count: Count) -> RebuildProfiles:
    """Profiles are read without a cache: what is built on must be what is stored."""
    tables = client("dynamodb")
    return RebuildProfiles(
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
        history=read_past(settings),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        seal=AesSeal(),
        clock=now,
        count=count,
        pause=pause,
    )
