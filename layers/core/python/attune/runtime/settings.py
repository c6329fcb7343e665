"""What each function reads from its environment, spelled once: fields are the variables in lower case.

These are structs because every function loads them all: as dataclasses they would be a tenth of its start.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

import msgspec


class SettingsError(Exception):
    """The environment lacks variables or holds unusable ones; the message names all of them."""


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises `SettingsError` naming every variable that is missing, empty or no number where one is due.

        A field with a default may be missing or empty.
        """
        values: dict[str, str | int] = {}
        wrong: list[str] = []
        for field in msgspec.structs.fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if text == "" and not field.required:
                continue
            if text == "" or (field.type is int and not text.isdecimal()):
                wrong.append(name)
            else:
                values[field.name] = int(text) if field.type is int else text
        if wrong:
            raise SettingsError(f"{cls.__name__}: missing or unusable in the environment: {', '.join(wrong)}")
        return cls(**values)


class CollectEventsSettings(_Settings, frozen=True, kw_only=True):
    """`identity_secret` is the ARN of a secret, never its value; so it is in every class below."""

    stream_name: str
    definitions_table: str
    limits_table: str
    identity_secret: str


class ReceiveWebhookSettings(_Settings, frozen=True, kw_only=True):
    """`webhook_secrets`: ARN of the secret that maps sources to their webhook secrets."""

    stream_name: str
    definitions_table: str
    privacy_requests_table: str
    identity_secret: str
    webhook_secrets: str


class ImportFilesSettings(_Settings, frozen=True, kw_only=True):
    """`stream_shards` bounds the rate of rows."""

    imports_bucket: str
    stream_name: str
    stream_shards: int
    definitions_table: str
    identity_secret: str


class ProcessEventsSettings(_Settings, frozen=True, kw_only=True):
    """`stream_epoch` rises when the stream is replaced; `lake_stream` is the Firehose stream's name."""

    stream_epoch: int
    profiles_table: str
    identities_table: str
    ledger_table: str
    definitions_table: str
    lake_stream: str
    quarantine_bucket: str
    registry_bucket: str
    identity_secret: str


class WakeProfilesSettings(_Settings, frozen=True, kw_only=True):
    """`due_index` names the profiles table's sparse index; `stream_shards` bounds the rate of wake-ups."""

    profiles_table: str
    due_index: str
    definitions_table: str
    stream_name: str
    stream_shards: int


class RunCampaignsSettings(_Settings, frozen=True, kw_only=True):
    """From the profiles table's stream to claimed deliveries."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str


class DeliverMessagesSettings(_Settings, frozen=True, kw_only=True):
    """`channel_secrets`: ARN of the signing secrets; `allowed_addresses`: opened CIDRs, by comma."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str
    channel_secrets: str
    allowed_addresses: str = ""


class ManageProfilesSettings(_Settings, frozen=True, kw_only=True):
    """Reads profiles; every change it makes is an event on the stream, but for the synchronous hold."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    stream_name: str
    identity_secret: str
    admin_secret: str


class ManagePreferencesSettings(_Settings, frozen=True, kw_only=True):
    """Reads profiles; writes holds, access records and events. The identity secret signs links as well."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    stream_name: str
    identity_secret: str


class ManageDefinitionsSettings(_Settings, frozen=True, kw_only=True):
    """`admin_secret`, `webhook_secrets`, `channel_secrets` are ARNs of secrets.

    `lake_retention_days`: 0 where the lake keeps for good.
    """

    definitions_table: str
    admin_secret: str
    webhook_secrets: str
    channel_secrets: str
    lake_retention_days: int


class CompactLakeSettings(_Settings, frozen=True, kw_only=True):
    """`stream_retention_hours` bounds how long after its first row an event may be archived again.

    `lake_retention_days`: 0 where the lake keeps for good.
    """

    profiles_table: str
    definitions_table: str
    lake_bucket: str
    stream_retention_hours: int
    lake_retention_days: int


class TrainModelsSettings(_Settings, frozen=True, kw_only=True):
    """`lake_workgroup` is the Athena work group, `lake_database` the Glue database of the compacted lake."""

    lake_bucket: str
    lake_database: str
    lake_workgroup: str
    registry_bucket: str


class RefreshScoresSettings(_Settings, frozen=True, kw_only=True):
    """`stream_shards` bounds the rate of scores."""

    lake_bucket: str
    registry_bucket: str
    stream_name: str
    stream_shards: int


class ManageModelsSettings(_Settings, frozen=True, kw_only=True):
    """`learning_machine`: ARN of the state machine that trains; `admin_secret`: ARN of the admin key."""

    registry_bucket: str
    learning_machine: str
    admin_secret: str


class ManagePrivacySettings(_Settings, frozen=True, kw_only=True):
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


class FulfilRequestsSettings(_Settings, frozen=True, kw_only=True):
    """`stream_retention_hours`: how long what was erased may still lie on the stream, as receipts say."""

    privacy_requests_table: str
    profiles_table: str
    identities_table: str
    definitions_table: str
    audit_bucket: str
    stream_name: str
    stream_retention_hours: int
    identity_secret: str


class ExportProfilesSettings(_Settings, frozen=True, kw_only=True):
    """Every store that holds something of a person; `lake_workgroup` and `lake_database` as for training."""

    privacy_requests_table: str
    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    quarantine_bucket: str
    audit_bucket: str
    stream_name: str
    lake_bucket: str
    lake_database: str
    lake_workgroup: str
    identity_secret: str


class SweepStoresSettings(_Settings, frozen=True, kw_only=True):
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


class ManageVerificationsSettings(_Settings, frozen=True, kw_only=True):
    """`verification_machine`: ARN of the state machine; `admin_secret`, `identity_secret`: ARNs of secrets."""

    verification_machine: str
    definitions_table: str
    ledger_table: str
    audit_bucket: str
    stream_retention_hours: int
    identity_secret: str
    admin_secret: str


class VerifyPrivacySettings(_Settings, frozen=True, kw_only=True):
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


class ReplayBatchesSettings(_Settings, frozen=True, kw_only=True):
    """`campaigns_function` is the name of `run_campaigns`; `stream_shards` bounds the rate of what is put back."""

    failures_bucket: str
    notices_queue_url: str
    stream_name: str
    stream_shards: int
    campaigns_function: str


class RepairEffectsSettings(RunCampaignsSettings, frozen=True, kw_only=True):
    """The same tables and queue as those of `run_campaigns`, whose work it makes up for."""


class ManageRepairsSettings(_Settings, frozen=True, kw_only=True):
    """`repair_machine`: ARN of the state machine; `admin_secret`, `identity_secret`: ARNs of secrets."""

    repair_machine: str
    ledger_table: str
    admin_secret: str
    identity_secret: str


class ManageQuarantineSettings(_Settings, frozen=True, kw_only=True):
    """What an entrance has, the bucket, and the admin key."""

    quarantine_bucket: str
    stream_name: str
    definitions_table: str
    privacy_requests_table: str
    ledger_table: str
    identity_secret: str
    admin_secret: str


class ReadPastSettings(_Settings, frozen=True, kw_only=True):
    """`lake_workgroup` and `lake_database` as for training."""

    profiles_table: str
    identities_table: str
    definitions_table: str
    identity_secret: str
    lake_bucket: str
    lake_database: str
    lake_workgroup: str


class ExplainSegmentsSettings(ReadPastSettings, frozen=True, kw_only=True):
    """Whoever is explained leaves an access record."""

    ledger_table: str


class PreviewSegmentsSettings(ReadPastSettings, frozen=True, kw_only=True):
    """The same but for the record: it reads what an explanation reads, of many."""


class ManagePreviewsSettings(_Settings, frozen=True, kw_only=True):
    """`preview_machine`: ARN of the state machine; `admin_secret`: ARN of the admin key."""

    preview_machine: str
    definitions_table: str
    admin_secret: str


class RebuildProfilesSettings(ReadPastSettings, frozen=True, kw_only=True):
    """The same: what is explained is what would be rebuilt."""


class DigestAccessSettings(_Settings, frozen=True, kw_only=True):
    """From the ledger's table to the audit bucket."""

    ledger_table: str
    audit_bucket: str


class VerifyLedgerSettings(_Settings, frozen=True, kw_only=True):
    """`admin_secret`: ARN of the admin key."""

    ledger_table: str
    profiles_table: str
    audit_bucket: str
    admin_secret: str
