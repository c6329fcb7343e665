"""sweep_stores: everything that holds what people said, to take the erased out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_personal import DynamoPersonalItems
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_registry import S3Registry
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.scratch import own_folder
from attune.use_cases.erasure.sweep_batches import SweepBatches
from attune.use_cases.erasure.sweep_files import SweepFiles
from attune.use_cases.erasure.sweep_lake import SweepLake
from attune.use_cases.erasure.sweep_late import NoteLate
from attune.use_cases.erasure.sweep_models import SweepModels
from attune.use_cases.erasure.sweep_stores import Buckets, SweepStores

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.privacy import SweepStoresSettings


def sweep_stores(settings: SweepStoresSettings, count: Count) -> SweepStores:
    """What a killed invocation left on the disk is cleared by the next."""
    objects, tables = client("s3"), client("dynamodb")
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities="")
    lake = S3Swept(objects, settings.lake_bucket)
    return SweepStores(
        documents=S3Documents(objects, settings.audit_bucket),
        profiles=profiles,
        items=DynamoPersonalItems(tables, deliveries=settings.deliveries_table, identities=settings.identities_table),
        messages=DynamoDeliveries(tables, settings.deliveries_table),
        buckets=Buckets(
            quarantine=S3Swept(objects, settings.quarantine_bucket),
            lake=lake,
            audit=S3Swept(objects, settings.audit_bucket),
        ),
        batches=SweepBatches(
            bucket=S3Swept(objects, settings.failures_bucket), lake=lake, pseudonyms=pseudonyms, clock=now
        ),
        files=SweepFiles(
            bucket=S3Swept(objects, settings.imports_bucket), tables=DuckTables(own_folder("sweep-stores"))
        ),
        lake=SweepLake(
            bucket=lake,
            profiles=profiles,
            pseudonyms=pseudonyms,
            seal=AesSeal(),
            retention_hours=settings.stream_retention_hours,
            note=NoteLate(lake, now),
        ),
        models=SweepModels(
            registry=S3Registry(objects, settings.registry_bucket),
            bucket=S3Swept(objects, settings.registry_bucket),
        ),
        clock=now,
        count=count,
    )
