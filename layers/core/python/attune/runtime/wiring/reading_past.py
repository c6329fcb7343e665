"""Who did what, by the compacted lake, for functions that fold it anew or lay it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.athena_history import AthenaHistory
from attune.adapters.athena_queries import AthenaQueries
from attune.runtime.clients import client

if TYPE_CHECKING:
    from attune.runtime.settings.past import ReadPastSettings
    from attune.runtime.settings.privacy import ExportProfilesSettings


def read_past(settings: ReadPastSettings | ExportProfilesSettings) -> AthenaHistory:
    """By Athena, over everything that was compacted."""
    queries = AthenaQueries(
        client("athena"),
        workgroup=settings.lake_workgroup,
        database=settings.lake_database,
        bucket=settings.lake_bucket,
    )
    return AthenaHistory(queries, S3FeatureRows(client("s3"), settings.lake_bucket))
