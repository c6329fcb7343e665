"""process_events: the only function that reads the stream; beside rebuild_profiles the only one to write profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.cached_profiles import CachedProfiles
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.firehose_lake import FirehoseLake
from attune.adapters.s3_champions import S3Champions, champions_config
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client, later
from attune.runtime.clock import now
from attune.runtime.streams import pause
from attune.use_cases.processing.process_events import ProcessEvents

if TYPE_CHECKING:
    from attune.runtime.settings.path import ProcessEventsSettings
    from attune.runtime.telemetry import Telemetry


def process_events(settings: ProcessEventsSettings, telemetry: Telemetry) -> ProcessEvents:
    """Profiles are cached for as long as the environment lives; a commit's condition guards against staleness."""
    tables = client("dynamodb")
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    return ProcessEvents(
        profiles=CachedProfiles(
            DynamoProfiles(
                tables,
                profiles=settings.profiles_table,
                identities=settings.identities_table,
                ledger=settings.ledger_table,
            )
        ),
        lake=FirehoseLake(client("firehose"), settings.lake_stream),
        quarantine=S3Quarantine(later(lambda: client("s3")), settings.quarantine_bucket, pseudonyms.key),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        champions=S3Champions(
            client("s3", config=champions_config()),
            settings.registry_bucket,
            clock=now,
            report=telemetry.failed,
        ),
        pseudonyms=pseudonyms,
        seal=AesSeal(),
        clock=now,
        epoch=settings.stream_epoch,
        count=telemetry.count,
        pause=pause,
        report=telemetry.failed,
        elapsed=telemetry.elapsed,
    )
