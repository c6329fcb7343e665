"""What every stack must satisfy: cdk-nag's AwsSolutions rules, each exception explained where it is made; tags."""

from aws_cdk import Acknowledgment, App, Stack, Tags, Validations
from aws_cdk.aws_s3 import Bucket
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from infra.config import EnvironmentConfig


def guard(app: App, config: EnvironmentConfig) -> None:
    """Make synthesis fail on findings that nobody acknowledged, and tag what can be tagged."""
    Tags.of(app).add("project", "attune")
    Tags.of(app).add("environment", config.name)
    if not config.is_local:
        # The rules judge what goes to AWS; the local templates come from the same code and would only take longer.
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept one cdk-nag finding on one construct; `rule` as the report prints it, `reason` for the reader."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_objects(construct: IConstruct, bucket: Bucket, pattern: str, reason: str) -> None:
    """Accept that `construct` is granted the objects of another stack's `bucket` by name `pattern`, not one by one."""
    owner = Stack.of(bucket)
    # The finding carries the name under which the other stack exports the bucket.
    exported = owner.resolve(owner.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{exported}/{pattern}]", reason)
