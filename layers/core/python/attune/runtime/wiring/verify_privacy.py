"""verify_privacy: everything that holds anything, to be looked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.adapters.aes_seal import AesSeal
from attune.adapters.cloudwatch_stored import LogsStored, MetricsStored
from attune.adapters.duckdb_rows import DuckRows
from attune.adapters.dynamodb_profile_scan import DynamoProfileScan
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.dynamodb_stored import DynamoStored
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_stored import S3Stored
from attune.adapters.s3_swept import S3Swept
from attune.adapters.sqs_stored import SqsStored
from attune.domain.erasure.verifications import RUNS
from attune.runtime.clients import client
from attune.runtime.scratch import own_folder
from attune.runtime.telemetry import NAMESPACE
from attune.use_cases.erasure.open_seals import OpenSeals
from attune.use_cases.erasure.verify_erasure import LAKE, VerifyErasure

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.ports.stored import Stored
    from attune.runtime.settings.privacy import VerifyPrivacySettings

#: by table what says where an item is
KEYS: Final = {
    "profiles": ("profile_id",),
    "identities": ("identity_key",),
    "ledger": ("profile_id", "entry"),
    "deliveries": ("profile_id", "delivery_id"),
    "definitions": ("kind", "id"),
    "limits": ("bucket",),
    "privacy_requests": ("request_id",),
}


def verify_privacy(settings: VerifyPrivacySettings, count: Count) -> VerifyErasure:
    """What a killed invocation left on the disk is cleared by the next."""
    objects, tables = client("s3"), client("dynamodb")
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities="")
    return VerifyErasure(
        stores=_stores(settings),
        profiles=DynamoProfileScan(tables, settings.profiles_table),
        seals=OpenSeals(profiles, AesSeal()),
        documents=S3Documents(objects, settings.audit_bucket),
        audit=S3Swept(objects, settings.audit_bucket),
        count=count,
    )


def _stores(settings: VerifyPrivacySettings) -> dict[str, Stored]:
    objects, tables, queues = client("s3"), client("dynamodb"), client("sqs")
    rows = DuckRows(own_folder("verify-privacy"))
    buckets = {
        LAKE: settings.lake_bucket,
        "quarantine": settings.quarantine_bucket,
        "failures": settings.failures_bucket,
        "imports": settings.imports_bucket,
        "registry": settings.registry_bucket,
    }
    stores: dict[str, Stored] = {}
    for name, keys in KEYS.items():
        stores[name] = DynamoStored(tables, getattr(settings, f"{name}_table"), keys)
    for name, bucket in buckets.items():
        stores[name] = S3Stored(objects, bucket, rows)
    stores["audit"] = S3Stored(objects, settings.audit_bucket, rows, but=(RUNS,))
    stores["dead_letters"] = SqsStored(queues, settings.dead_letter_url)
    stores["notices"] = SqsStored(queues, settings.notices_queue_url)
    stores["logs"] = LogsStored(client("logs"), settings.log_groups.split(","))
    stores["metrics"] = MetricsStored(client("cloudwatch"), NAMESPACE)
    return stores
