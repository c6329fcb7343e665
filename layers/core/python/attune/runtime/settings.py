"""What each function reads from its environment, spelled once: fields are the variables in lower case."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Self


class SettingsError(Exception):
    """The environment lacks variables or holds unusable ones; the message names all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Raises `SettingsError` naming every variable that is missing, empty or no number where one is due.

        A field with a default may be missing or empty.
        """
        values: dict[str, str | int] = {}
        wrong: list[str] = []
        for field in fields(cls):
            name = field.name.upper()
            text = environ.get(name, "")
            if text == "" and field.default is not MISSING:
                continue
            if text == "" or (field.type == "int" and not text.isdecimal()):
                wrong.append(name)
            else:
                values[field.name] = int(text) if field.type == "int" else text
        if wrong:
            raise SettingsError(f"{cls.__name__}: missing or unusable in the environment: {', '.join(wrong)}")
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectEventsSettings(_Settings):
    """`identity_secret` is the ARN of a secret, never its value; so it is in every class below."""

    stream_name: str
    definitions_table: str
    identity_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveWebhookSettings(_Settings):
    """`webhook_secrets`: ARN of the secret that maps sources to their webhook secrets."""

    stream_name: str
    definitions_table: str
    identity_secret: str
    webhook_secrets: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessEventsSettings(_Settings):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeProfilesSettings(_Settings):
    """`due_index` names the profiles table's sparse index; `stream_shards` bounds the rate of wake-ups."""

    profiles_table: str
    due_index: str
    definitions_table: str
    stream_name: str
    stream_shards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCampaignsSettings(_Settings):
    """From the profiles table's stream to claimed deliveries."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverMessagesSettings(_Settings):
    """`channel_secrets`: ARN of the signing secrets; `allowed_addresses`: opened CIDRs, by comma."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    delivery_queue_url: str
    channel_secrets: str
    allowed_addresses: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageProfilesSettings(_Settings):
    """Reads profiles; every change it makes is an event on the stream, but for the synchronous hold."""

    profiles_table: str
    identities_table: str
    deliveries_table: str
    definitions_table: str
    stream_name: str
    identity_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageDefinitionsSettings(_Settings):
    """`admin_secret`, `webhook_secrets`, `channel_secrets` are ARNs of secrets."""

    definitions_table: str
    admin_secret: str
    webhook_secrets: str
    channel_secrets: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactLakeSettings(_Settings):
    """`stream_retention_hours` bounds how long after its first row an event may be archived again."""

    profiles_table: str
    lake_bucket: str
    stream_retention_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainModelsSettings(_Settings):
    """`lake_workgroup` is the Athena work group, `lake_database` the Glue database of the compacted lake."""

    lake_bucket: str
    lake_database: str
    lake_workgroup: str
    registry_bucket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshScoresSettings(_Settings):
    """`stream_shards` bounds the rate of scores."""

    lake_bucket: str
    registry_bucket: str
    stream_name: str
    stream_shards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageModelsSettings(_Settings):
    """`learning_machine`: ARN of the state machine that trains; `admin_secret`: ARN of the admin key."""

    registry_bucket: str
    learning_machine: str
    admin_secret: str
