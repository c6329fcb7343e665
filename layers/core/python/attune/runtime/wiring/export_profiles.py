"""export_profiles: reads every store that holds something of a person, writes documents; begins shops' erasures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.aes_seal import AesSeal
from attune.adapters.duckdb_tables import DuckTables
from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_deliveries import DynamoDeliveries
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_ledger import DynamoLedger
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.s3_documents import S3Documents
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.s3_swept import S3Swept
from attune.adapters.secrets_manager import SecretPseudonyms
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.scratch import own_folder
from attune.runtime.wiring.reading_past import read_past
from attune.use_cases.exports.answer_requests import AnswerRequests
from attune.use_cases.exports.export_profiles import ExportProfiles
from attune.use_cases.exports.gather_events import GatherEvents, GatherMissedRows
from attune.use_cases.exports.gather_inputs import GatherBatches, GatherFiles, GatherRefused
from attune.use_cases.exports.gather_parts import GatherParts
from attune.use_cases.exports.open_cases import OpenCases
from attune.use_cases.exports.write_exports import WriteExports
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.find_shop_people import FindShopPeople

if TYPE_CHECKING:
    from attune.runtime.settings.privacy import ExportProfilesSettings
    from attune.use_cases.exports.open_cases import Part


def export_profiles(settings: ExportProfilesSettings) -> AnswerRequests:
    """Profiles are read without a cache."""
    tables, objects = client("dynamodb"), client("s3")
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    pseudonyms = SecretPseudonyms(client("secretsmanager"), settings.identity_secret)
    documents = S3Documents(objects, settings.audit_bucket)
    history = read_past(settings)
    open_case = OpenCases(profiles, definitions, pseudonyms)
    events = GatherEvents(profiles, history, AesSeal(), pseudonyms)
    export = ExportProfiles(
        parts=_tabled(settings, open_case) | {"events": events} | _as_it_came(settings, pseudonyms),
        open_case=open_case,
        write=WriteExports(documents),
        documents=documents,
        remove=S3Swept(objects, settings.audit_bucket).remove,
        clock=now,
    )
    begin = BeginRequests(
        profiles=profiles,
        holds=DynamoHolds(tables, settings.identities_table),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        documents=documents,
        definitions=definitions,
        pseudonyms=pseudonyms,
    )
    find = FindShopPeople(profiles=profiles, history=history, begin=begin, pseudonyms=pseudonyms)
    requests = DynamoPrivacyRequests(tables, settings.privacy_requests_table)
    return AnswerRequests(requests=requests, export=export, find_people=find, clock=now)


def _tabled(settings: ExportProfilesSettings, open_case: OpenCases) -> dict[str, Part]:
    tables = client("dynamodb")
    ledger = DynamoLedger(tables, settings.ledger_table)
    gather = GatherParts(
        holds=DynamoHolds(tables, settings.identities_table),
        deliveries=DynamoDeliveries(tables, settings.deliveries_table),
        consents=ledger,
        accesses=ledger,
        requests=DynamoPrivacyRequests(tables, settings.privacy_requests_table),
        open_case=open_case,
    )
    return gather.parts()


def _as_it_came(settings: ExportProfilesSettings, pseudonyms: SecretPseudonyms) -> dict[str, Part]:
    """What anybody can fill is last."""
    objects = client("s3")
    lake, failures, imports = (
        S3Swept(objects, name) for name in (settings.lake_bucket, settings.failures_bucket, settings.imports_bucket)
    )
    return {
        "missed_rows": GatherMissedRows(lake, AesSeal(), pseudonyms),
        "failed_batches": GatherBatches(failures),
        "dropped_files": GatherFiles(imports, DuckTables(own_folder("export-profiles"))),
        "refused_input": GatherRefused(S3Quarantine(objects, settings.quarantine_bucket, pseudonyms.key)),
    }
