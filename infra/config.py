"""What may differ between two deployments, and nothing else."""

import os
from dataclasses import dataclass, replace
from typing import Literal

from aws_cdk import App, RemovalPolicy
from aws_cdk import aws_logs as logs

from infra.packaging import Target


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """One deployment. The defaults are those of production on AWS."""

    name: str
    target: Target = "aws"
    # Known at synthesis, because a table under our own key names its Region in the template. The account stays open.
    region: str = "us-east-1"
    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN
    deletion_protection: bool = True
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH
    # One shard takes 1 MB or 1,000 records a second; raising it is an online change, order is kept per partition key.
    stream_shards: int = 1
    # Beyond 24 hours a shard costs more than twice as much. What cannot be processed goes to S3 in full before that;
    # 168 hours outlive a long weekend in which nobody notices that the consumer stands still.
    stream_retention_hours: int = 24
    # Part of every cursor; raise it when the stream is replaced, because sequence numbers then start anew.
    stream_epoch: int = 1
    # Lambda invocations per shard at a time (1 to 10); order is kept per partition key.
    stream_parallelization: int = 1
    # Address ranges the webhook sender may reach although they are private. Empty wherever it matters.
    allowed_addresses: tuple[str, ...] = ()
    # A backfill waits for rows that Firehose holds: its buffer of 300 s, definitions that are 5 s old, and room.
    lake_wait_seconds: int = 360
    # Between two turns of an import, so that other files have theirs. The history of a run has room for 2,500 of them.
    import_pause_seconds: int = 60
    # Models are trained once a day, at this hour (UTC); None: on demand only.
    learning_hour: int | None = 4
    alarm_email: str | None = None
    requests_per_second: int = 1000
    burst_requests: int = 2000

    @property
    def is_local(self) -> bool:
        """Tell whether the templates are for the emulator, which refuses or misreads a few settings."""
        return self.target == "local"

    @property
    def log_groups(self) -> tuple[str, ...]:
        """What the names of all our log groups begin with: those of functions, then those of machines and the API."""
        return (f"attune-{self.name}-", f"/aws/vendedlogs/attune/{self.name}/")


PRODUCTION = EnvironmentConfig(name="production")
STAGING = replace(
    PRODUCTION,
    name="staging",
    removal_policy=RemovalPolicy.DESTROY,
    deletion_protection=False,
    log_retention=logs.RetentionDays.ONE_WEEK,
)
LOCAL = replace(
    STAGING,
    name="local",
    target="local",
    log_retention=logs.RetentionDays.ONE_DAY,
    allowed_addresses=("127.0.0.0/8", "::1/128"),
    import_pause_seconds=1,
    lake_wait_seconds=10,  # Firehose lays rows down at once there
    learning_hour=None,  # a run that nobody asked for would come between those that tests and the demo start
)
ENVIRONMENTS = {config.name: config for config in (PRODUCTION, STAGING, LOCAL)}


def config_from(app: App) -> EnvironmentConfig:
    """Choose by context: `-c environment=production|staging`, `-c target=local`, `-c alarm_email=ops@example.com`.

    The Region is `-c region=…`, else the one the CDK command line found in the caller's profile, else us-east-1.
    """
    target: Literal["aws", "local"] = app.node.try_get_context("target") or "aws"
    name: str = "local" if target == "local" else app.node.try_get_context("environment") or "production"
    if name not in ENVIRONMENTS:
        raise SystemExit(f"unknown environment {name!r}: choose one of {', '.join(sorted(ENVIRONMENTS))}")
    config = ENVIRONMENTS[name]
    return replace(
        config,
        alarm_email=app.node.try_get_context("alarm_email") or config.alarm_email,
        region=app.node.try_get_context("region") or os.environ.get("CDK_DEFAULT_REGION") or config.region,
    )
