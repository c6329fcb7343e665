"""preview_segments: reads the compacted lake and profiles, writes the lake's answers, removes what it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.wiring.reading_past import read_past
from attune.use_cases.segments.overlap_segments import OverlapSegments
from attune.use_cases.segments.preview_segments import PreviewSegments
from attune.use_cases.segments.run_previews import RunPreviews

if TYPE_CHECKING:
    from attune.runtime.settings.past import PreviewSegmentsSettings


def preview_segments(settings: PreviewSegmentsSettings) -> RunPreviews:
    """For a segment that is not there yet, and for those that are."""
    tables, objects = client("dynamodb"), client("s3")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    preview = PreviewSegments(
        profiles=DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table),
        history=read_past(settings),
        definitions=definitions,
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
        seal=AesSeal(),
    )
    everybody = DynamoProfileScan(tables, settings.profiles_table)
    return RunPreviews(
        documents=S3Documents(objects, settings.audit_bucket),
        audit=S3Swept(objects, settings.audit_bucket),
        preview=preview,
        overlap=OverlapSegments(everybody=everybody, definitions=definitions),
    )
