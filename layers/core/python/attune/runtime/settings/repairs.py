"""Of what makes up for faults."""

from __future__ import annotations

from attune.runtime.settings import Settings
from attune.runtime.settings.path import RunCampaignsSettings


class ReplayBatchesSettings(Settings, frozen=True, kw_only=True):
    """`campaigns_function` is the name of `run_campaigns`; `stream_shards` bounds the rate of what is put back."""

    failures_bucket: str
    notices_queue_url: str
    stream_name: str
    stream_shards: int
    campaigns_function: str


class RepairEffectsSettings(RunCampaignsSettings, frozen=True, kw_only=True):
    """The same tables and queue as those of `run_campaigns`, whose work it makes up for."""


class ManageRepairsSettings(Settings, frozen=True, kw_only=True):
    """`repair_machine`: ARN of the state machine; `admin_secret`, `identity_secret`: ARNs of secrets."""

    repair_machine: str
    ledger_table: str
    admin_secret: str
    identity_secret: str
