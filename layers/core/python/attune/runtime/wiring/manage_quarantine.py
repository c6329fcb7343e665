"""manage_quarantine: the quarantine to read and to leave traces in, and all that an entrance has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.adapters.dynamodb_definitions import DynamoDefinitions
from attune.adapters.dynamodb_privacy import DynamoPrivacyRequests
from attune.adapters.kinesis_stream import KinesisStream, kinesis_config
from attune.adapters.s3_quarantine import S3Quarantine
from attune.adapters.secrets_manager import SecretPseudonyms, SecretText
from attune.runtime.clients import client
from attune.runtime.clock import now
from attune.runtime.wiring.recording import record_access
from attune.use_cases.repairs.manage_quarantine import ManageQuarantine
from attune.use_cases.repairs.replay_quarantined import ReplayQuarantined

if TYPE_CHECKING:
    from attune.ports import Count
    from attune.runtime.settings.management import ManageQuarantineSettings
    from attune.use_cases.management.record_access import RecordAccess


def manage_quarantine(settings: ManageQuarantineSettings, count: Count) -> tuple[ManageQuarantine, RecordAccess]:
    """Definitions are read anew by each call: who has just applied a mapping wants to see what it does."""
    tables, vault = client("dynamodb"), client("secretsmanager")
    pseudonyms = SecretPseudonyms(vault, settings.identity_secret)
    store = S3Quarantine(client("s3"), settings.quarantine_bucket, pseudonyms.key)
    replay = ReplayQuarantined(
        store=store,
        definitions=DynamoDefinitions(tables, settings.definitions_table, clock=now, lifetime=0),
        pseudonyms=pseudonyms,
        stream=KinesisStream(client("kinesis", config=kinesis_config()), settings.stream_name),
        requests=DynamoPrivacyRequests(tables, settings.privacy_requests_table),
        clock=now,
        count=count,
    )
    admin_key = SecretText(vault, settings.admin_secret, clock=now).value
    manage = ManageQuarantine(store=store, replay=replay, admin_key=admin_key)
    return manage, record_access(tables, settings.ledger_table)
