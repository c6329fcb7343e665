"""Of what folds events of the lake again: explanations, previews, rebuilds."""

from __future__ import annotations

from attune.runtime.settings import Settings


class ReadPastSettings(Settings, frozen=True, kw_only=True):
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
    """Of many; `audit_bucket` holds what a run is asked."""

    audit_bucket: str


class ManagePreviewsSettings(Settings, frozen=True, kw_only=True):
    """`preview_machine`: ARN of the state machine; `admin_secret`: ARN of the admin key."""

    preview_machine: str
    definitions_table: str
    ledger_table: str
    audit_bucket: str
    admin_secret: str


class RebuildProfilesSettings(ReadPastSettings, frozen=True, kw_only=True):
    """The same: what is explained is what would be rebuilt."""
