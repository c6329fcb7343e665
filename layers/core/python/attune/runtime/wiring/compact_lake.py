"""compact_lake: reads raw rows and profiles, writes the compacted lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.duckdb_lake import DuckCompaction
from attune.adapters.dynamodb_arrivals import DynamoArrivals
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.dynamodb_sizes import DynamoSizes
from attune.adapters.s3_lake import S3LakeFiles
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.scratch import own_folder
from attune.use_cases.compact_lake import CompactLake

if TYPE_CHECKING:
    from attune.runtime.settings import CompactLakeSettings
    from attune.runtime.telemetry import Telemetry


def compact_lake(settings: CompactLakeSettings, telemetry: Telemetry) -> CompactLake:
    """What a killed invocation left on the disk is cleared by the next."""
    tables = client("dynamodb")

    def report(key: str, lines: int) -> None:
        telemetry.logger.error("rows of the lake cannot be read", object_key=key, lines=lines)

    return CompactLake(
        lake=S3LakeFiles(client("s3"), settings.lake_bucket),
        compaction=DuckCompaction(own_folder("compact-lake")),
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=""),
        everybody=DynamoProfileScan(tables, settings.profiles_table),
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now),
        sizes=DynamoSizes(tables, settings.definitions_table),
        arrivals=DynamoArrivals(tables, settings.definitions_table),
        clock=now,
        retention_hours=settings.stream_retention_hours,
        keep_days=settings.lake_retention_days,
        count=telemetry.count,
        report=report,
    )
