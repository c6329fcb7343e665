"""Of the functions on an event's path, from the entrances to the sender."""

from __future__ import annotations

from attune.runtime.settings import Settings


class CollectEventsSettings(Settings, frozen=True, kw_only=True):
    """`identity_secret` is the ARN of a secret, never its value; so it is in every class below."""

    stream_name: str
    definitions_table: str
    limits_table: str
    identity_secret: str


class ReceiveWebhookSettings(Settings, frozen=True, kw_only=True):
    """`webhook_secrets`: ARN of the secret that maps sources to their webhook secrets."""

    stream_name: str
    definitions_table: str
    privacy_requests_table: str
    identity_secret: str
    webhook_secrets: str


class ImportFilesSettings(Settings, frozen=True, kw_only=True):
    """`stream_shards` bounds the rate of rows."""

    imports_bucket: str
    stream_name: str
    stream_shards: int
    definitions_table: str
    identity_secret: str


class ProcessEventsSettings(Settings, frozen=True, kw_only=True):
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


class WakeProfilesSettings(Settings, frozen=True, kw_only=True):
    """`due_index` names the profiles table's sparse index; `stream_shards` bounds the rate of wake-ups."""

    profiles_table: str
    due_index: str
    definitions_table: str
    stream_name: str
    stream_shards: int


class RunCampaignsSettings(Settings, frozen=True, kw_only=True):
    """From the profiles table's stream to claimed deliveries."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str


class DeliverMessagesSettings(Settings, frozen=True, kw_only=True):
    """`channel_secrets`: ARN of the signing secrets; `allowed_addresses`: opened CIDRs, by comma."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str
    channel_secrets: str
    allowed_addresses: str = ""
