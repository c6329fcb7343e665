"""A bucket nobody outside reads, in plain text or by accident."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import EnvironmentConfig


class PrivateBucket(s3.Bucket):
    """Encrypted, TLS only, no public access, access logged; old versions go within a week.

    A week, because what was erased must not live on in an old version longer than in a table's backup.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        key: kms.IKey,
        access_logs: s3.IBucket,
        versioned: bool = True,
        lifecycle: Sequence[s3.LifecycleRule] = (),
    ) -> None:
        tidy = s3.LifecycleRule(
            id="tidy",
            abort_incomplete_multipart_upload_after=Duration.days(1),
            noncurrent_version_expiration=Duration.days(7) if versioned else None,
        )
        super().__init__(
            scope,
            construct_id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,  # one KMS call for many objects
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            lifecycle_rules=[tidy, *lifecycle],
            removal_policy=config.removal_policy,
        )


def expiring(name: str, prefix: str, *, days: int) -> s3.LifecycleRule:
    """What lies under `prefix` goes after some days, and its earlier versions a day after it."""
    return s3.LifecycleRule(
        id=name, prefix=prefix, expiration=Duration.days(days), noncurrent_version_expiration=Duration.days(1)
    )


def access_log_bucket(scope: Construct, config: EnvironmentConfig) -> s3.Bucket:
    """Return the bucket that takes the others' access logs; S3 delivers those only to an S3-managed key."""
    return s3.Bucket(
        scope,
        "AccessLogs",
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        enforce_ssl=True,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[s3.LifecycleRule(id="tidy", expiration=Duration.days(90))],
        removal_policy=config.removal_policy,
    )
