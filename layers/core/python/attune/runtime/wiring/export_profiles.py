"""export_profiles: reads every store that holds something of a person, writes documents; begins shops' erasures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.athena_features import S3FeatureRows
from attune.adapters.athena_history import AthenaHistory
from attune.adapters.athena_queries import AthenaQueries
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.use_cases.answer_requests import AnswerRequests
from attune.use_cases.begin_requests import BeginRequests
from attune.use_cases.export_profiles import ExportProfiles
from attune.use_cases.find_shop_people import FindShopPeople

if TYPE_CHECKING:
    from attune.runtime.settings import ExportProfilesSettings


def export_profiles(settings: ExportProfilesSettings) -> AnswerRequests:
    """Profiles are read without a cache."""
    tables, bucket = client("dynamodb"), client("s3")
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    holds = DynamoHolds(tables, settings.identities_table)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    requests = DynamoPrivacyRequests(tables, settings.privacy_requests_table)
    documents = S3Documents(bucket, settings.audit_bucket)
    ledger = DynamoLedger(tables, settings.ledger_table)
    history = _history(settings)
    export = ExportProfiles(
        profiles=profiles,
        holds=holds,
        deliveries=DynamoDeliveries(tables, settings.deliveries_table),
        consents=ledger,
        accesses=ledger,
        quarantine=S3Quarantine(bucket, settings.quarantine_bucket),
        requests=requests,
        history=history,
        definitions=definitions,
        pseudonyms=pseudonyms,
        seal=AesSeal(),
        clock=now,
    )
    begin = BeginRequests(
        profiles=profiles,
        holds=holds,
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        documents=documents,
        definitions=definitions,
        pseudonyms=pseudonyms,
    )
    find = FindShopPeople(profiles=profiles, history=history, begin=begin, pseudonyms=pseudonyms)
    return AnswerRequests(requests=requests, export=export, find_people=find, documents=documents, clock=now)


def _history(settings: ExportProfilesSettings) -> AthenaHistory:
    queries = AthenaQueries(
        client("athena"),
        workgroup=settings.lake_workgroup,
        database=settings.lake_database,
        bucket=settings.lake_bucket,
    )
    return AthenaHistory(queries, S3FeatureRows(client("s3"), settings.lake_bucket))
