"""Of what carries out what people ask about their data, and of what looks for the rest."""

from __future__ import annotations

from attune.runtime.settings import Settings


class ManagePrivacySettings(Settings, frozen=True, kw_only=True):
    """`privacy_machine`: ARN of the state machine; `admin_secret`, `identity_secret`: ARNs of secrets."""

    privacy_requests_table: str
    privacy_machine: str
    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    audit_bucket: str
    stream_name: str
    identity_secret: str
    admin_secret: str
    ledger_table: str


class FulfilRequestsSettings(Settings, frozen=True, kw_only=True):
    """`merged_index`: of the profiles table. `stream_retention_hours`: how long the stream holds what was erased."""

    privacy_requests_table: str
    profiles_table: str
    merged_index: str
    identities_table: str
    definitions_table: str
    audit_bucket: str
    stream_name: str
    stream_retention_hours: int
    identity_secret: str


class ExportProfilesSettings(Settings, frozen=True, kw_only=True):
    """Every store that holds something of a person; `lake_workgroup` and `lake_database` as for training."""

    privacy_requests_table: str
    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    quarantine_bucket: str
    failures_bucket: str
    imports_bucket: str
    audit_bucket: str
    stream_name: str
    lake_bucket: str
    lake_database: str
    lake_workgroup: str
    identity_secret: str


class SweepStoresSettings(Settings, frozen=True, kw_only=True):
    """Every store that holds what people said; `stream_retention_hours` bounds how far rows of one event lie apart."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    lake_bucket: str
    quarantine_bucket: str
    failures_bucket: str
    imports_bucket: str
    registry_bucket: str
    audit_bucket: str
    stream_retention_hours: int
    identity_secret: str


class ManageVerificationsSettings(Settings, frozen=True, kw_only=True):
    """`verification_machine`: ARN of the state machine; `admin_secret`, `identity_secret`: ARNs of secrets."""

    verification_machine: str
    definitions_table: str
    ledger_table: str
    audit_bucket: str
    stream_retention_hours: int
    identity_secret: str
    admin_secret: str


class VerifyPrivacySettings(Settings, frozen=True, kw_only=True):
    """Everything that holds anything; `log_groups`: what the names of ours begin with, by comma."""

    profiles_table: str
    identities_table: str
    ledger_table: str
    deliveries_table: str
    definitions_table: str
    limits_table: str
    privacy_requests_table: str
    lake_bucket: str
    quarantine_bucket: str
    failures_bucket: str
    imports_bucket: str
    registry_bucket: str
    audit_bucket: str
    dead_letter_url: str
    notices_queue_url: str
    log_groups: str
