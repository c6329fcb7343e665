"""The one key of the company's own, and which services may use it for nobody in particular."""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from infra.config import EnvironmentConfig


def company_key(stack: Stack, config: EnvironmentConfig) -> kms.Key:
    """For all that is stored and all that is on its way. Functions are granted it through services, one by one."""
    key = kms.Key(
        stack,
        "Key",
        description=f"Attune ({config.name}): customer data, at rest and on its way",
        enable_key_rotation=True,
        removal_policy=config.removal_policy,
    )
    # These act for nobody: alarms send to a topic, EventBridge to a queue, CloudWatch keeps logs.
    ours = {"StringEquals": {"aws:SourceAccount": stack.account}}
    for sender in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
        _let_use(key, sender, ["kms:Decrypt", "kms:GenerateDataKey"], ours)
    groups = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:"
    _let_use(
        key,
        f"logs.{config.region}.amazonaws.com",
        ["kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [f"{groups}{begin}*" for begin in config.log_groups]}},
    )
    return key


def _let_use(key: kms.Key, service: str, actions: Sequence[str], conditions: Mapping[str, object]) -> None:
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal(service)],
            actions=actions,
            resources=["*"],  # in a key policy: this key
            conditions=conditions,
        )
    )
