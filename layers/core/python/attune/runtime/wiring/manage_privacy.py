"""manage_privacy: what people ask about their data; holds, the stream, and the machine that does the rest."""

from __future__ import annotations

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_holds import DynamoHolds
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.dynamodb_profiles import DynamoProfiles
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.s3_documents import S3Documents, documents_config
from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.adapters.stepfunctions_runs import StepFunctionsRuns
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.settings.privacy import ManagePrivacySettings
from attune.runtime.wiring.awaiting import await_deliveries
from attune.runtime.wiring.recording import record_access
from attune.use_cases.management.record_access import RecordAccess
from attune.use_cases.privacy.begin_requests import BeginRequests
from attune.use_cases.privacy.manage_privacy import ManagePrivacy


def manage_privacy(settings: ManagePrivacySettings) -> tuple[ManagePrivacy, RecordAccess]:
    """Whom requests name, and what records who looked at them."""
    tables, vault = client("dynamodb"), client("secretsmanager")
    definitions = DynamoDefinitions(tables, settings.definitions_table, clock=now)
    documents = S3Documents(client("s3", config=documents_config()), settings.audit_bucket)
    pseudonyms = SecretPseudonyms(vault, settings.identity_secret)
    profiles = DynamoProfiles(tables, profiles=settings.profiles_table, identities=settings.identities_table)
    begin = BeginRequests(
        profiles=profiles,
        holds=DynamoHolds(tables, settings.identities_table),
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        documents=documents,
        definitions=definitions,
        pseudonyms=pseudonyms,
        in_flight=await_deliveries(tables, settings.deliveries_table, profiles, pseudonyms),
    )
    manage = ManagePrivacy(
        requests=DynamoPrivacyRequests(tables, settings.privacy_requests_table),
        begin=begin,
        runs=StepFunctionsRuns(client("stepfunctions"), settings.privacy_machine),
        documents=documents,
        definitions=definitions,
        pseudonyms=pseudonyms,
        admin_key=SecretText(vault, settings.admin_secret, clock=now).value,
        clock=now,
    )
    return manage, record_access(tables, settings.ledger_table)
