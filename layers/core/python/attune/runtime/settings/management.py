"""Of what answers the company's own servers and people, and of what seals the ledger."""

from __future__ import annotations

from attune.runtime.settings import Settings


class ManageProfilesSettings(Settings, frozen=True, kw_only=True):
    """Reads profiles; every change it makes is an event on the stream, but for the synchronous hold."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    stream_name: str
    identity_secret: str
    admin_secret: str


class ManagePreferencesSettings(Settings, frozen=True, kw_only=True):
    """Reads profiles; writes holds, access records and events. The identity secret signs links as well."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    ledger_table: str
    stream_name: str
    identity_secret: str


class ManageDefinitionsSettings(Settings, frozen=True, kw_only=True):
    """`admin_secret`, `webhook_secrets`, `channel_secrets` are ARNs of secrets."""

    definitions_table: str
    admin_secret: str
    webhook_secrets: str
    channel_secrets: str


class ManageQuarantineSettings(Settings, frozen=True, kw_only=True):
    """What an entrance has, the bucket, and the admin key."""

    quarantine_bucket: str
    stream_name: str
    definitions_table: str
    privacy_requests_table: str
    ledger_table: str
    identity_secret: str
    admin_secret: str


class DigestAccessSettings(Settings, frozen=True, kw_only=True):
    """From the ledger's table to the audit bucket."""

    ledger_table: str
    audit_bucket: str


class VerifyLedgerSettings(Settings, frozen=True, kw_only=True):
    """`admin_secret`: ARN of the admin key."""

    ledger_table: str
    profiles_table: str
    privacy_requests_table: str
    audit_bucket: str
    admin_secret: str
