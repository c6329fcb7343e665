"""preview_segments: reads the compacted lake and profiles, writes nothing but the lake's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.athena_history import AthenaHistory
from attune.adapters.athena_queries import AthenaQueries
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.overlap_segments import OverlapSegments
from attune.use_cases.preview_segments import PreviewSegments

if TYPE_CHECKING:
    from attune.runtime.settings.past import PreviewSegmentsSettings


def preview_segments(settings: PreviewSegmentsSettings) -> tuple[PreviewSegments, OverlapSegments]:
    """For a segment that is not there yet, and for those that are."""
    tables = client("dynamodb")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    queries = AthenaQueries(
        client("athena"),
        workgroup=settings.lake_workgroup,
        database=settings.lake_database,
        bucket=settings.lake_bucket,
    )
    preview = PreviewSegments(
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
        history=AthenaHistory(queries, S3FeatureRows(client("s3"), settings.lake_bucket)),
        definitions=definitions,
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        seal=AesSeal(),
    )
    everybody = DynamoProfileScan(tables, settings.profiles_table)
    return preview, OverlapSegments(everybody=everybody, definitions=definitions)
