"""Of the learning loop."""

from __future__ import annotations

from attune.runtime.settings import Settings


class CompactLakeSettings(Settings, frozen=True, kw_only=True):
    """`stream_retention_hours` bounds how long after its first row an event may be archived again."""

    profiles_table: str
    identities_table: str
    definitions_table: str
    lake_bucket: str
    stream_retention_hours: int
    identity_secret: str


class TrainModelsSettings(Settings, frozen=True, kw_only=True):
    """`lake_workgroup` is the Athena work group, `lake_database` the Glue database of the compacted lake."""

    profiles_table: str
    identities_table: str
    definitions_table: str
    lake_bucket: str
    lake_database: str
    lake_workgroup: str
    registry_bucket: str


class RefreshScoresSettings(Settings, frozen=True, kw_only=True):
    """`stream_shards` bounds the rate of scores."""

    profiles_table: str
    identities_table: str
    definitions_table: str
    lake_bucket: str
    registry_bucket: str
    stream_name: str
    stream_shards: int


class ManageModelsSettings(Settings, frozen=True, kw_only=True):
    """`learning_machine`: ARN of the state machine that trains; `admin_secret`: ARN of the admin key."""

    registry_bucket: str
    learning_machine: str
    admin_secret: str
