"""compact_lake: reads raw rows and profiles, writes the compacted lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.duckdb_lake import DuckCompaction
from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.s3_lake import S3LakeFiles
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.scratch import own_folder
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_late import SweepLate
from attune.use_cases.learning.compact_lake import CompactLake

if TYPE_CHECKING:
    from attune.runtime.settings.learning import CompactLakeSettings
    from attune.runtime.telemetry import Telemetry


def compact_lake(settings: CompactLakeSettings, telemetry: Telemetry) -> CompactLake:
    """What a killed invocation left on the disk is cleared by the next."""
    tables = client("dynamodb")

    def report(key: str, lines: int) -> None:
        telemetry.logger.error("rows of the lake cannot be read", object_key=key, lines=lines)

    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities="")
    bucket = S3Swept(client("s3"), settings.lake_bucket)
    sweep = SweepLake(
        bucket=bucket,
        profiles=profiles,
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        seal=AesSeal(),
        retention_hours=settings.stream_retention_hours,
    )
    return CompactLake(
        lake=S3LakeFiles(client("s3"), settings.lake_bucket),
        compaction=DuckCompaction(own_folder("compact-lake")),
        profiles=profiles,
        everybody=DynamoProfileScan(tables, settings.profiles_table),
        holds=DynamoHolds(tables, settings.identities_table),
        late=SweepLate(bucket=bucket, sweep=sweep, clock=now),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        sizes=DynamoSizes(tables, settings.definitions_table),
        arrivals=DynamoArrivals(tables, settings.definitions_table),
        clock=now,
        retention_hours=settings.stream_retention_hours,
        count=telemetry.count,
        report=report,
    )
