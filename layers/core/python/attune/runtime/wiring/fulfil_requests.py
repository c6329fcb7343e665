"""fulfil_requests: requests under way, the profiles they are about, the documents of erasures, the receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_merges import DynamoMerges
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_imports import S3ImportBucket
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.domain.consent.trait_lifetimes import lifetimes_of
from attune.domain.definitions.kinds import purposes_of
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.erasure.write_receipts import WriteReceipts
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.follow_requests import FollowRequests
from attune.use_cases.privacy.fulfil_requests import FulfilRequests

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.privacy import FulfilRequestsSettings


def fulfil_requests(settings: FulfilRequestsSettings, count: Count) -> FulfilRequests:
    """Profiles are read without a cache: whether somebody is gone is asked of what is stored."""
    tables, bucket = client("dynamodb"), client("s3")
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    documents = S3Documents(bucket, settings.audit_bucket)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    begin = BeginRequests(
        profiles=profiles,
        holds=DynamoHolds(tables, settings.identities_table),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        documents=documents,
        definitions=definitions,
        pseudonyms=SecretPseudonyms(client("secretsmanager"), settings.identity_secret),
    )
    write_receipt = WriteReceipts(
        documents=documents,
        notes=S3ImportBucket(bucket, settings.audit_bucket),
        retention_hours=settings.stream_retention_hours,
        clock=now,
    )
    return FulfilRequests(
        requests=DynamoPrivacyRequests(tables, settings.privacy_requests_table),
        begin=begin,
        follow=FollowRequests(
            profiles=profiles,
            documents=documents,
            named=begin.named,
            lifetimes=lambda: lifetimes_of(purposes_of(definitions.current()).values()),
        ),
        documents=documents,
        remove=S3Swept(bucket, settings.audit_bucket).remove,
        merges=DynamoMerges(tables, profiles=settings.profiles_table, index=settings.merged_index),
        write_receipt=write_receipt,
        clock=now,
        count=count,
    )
