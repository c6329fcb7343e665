"""The one place where a Lambda function is configured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aws_cdk import Aws, Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.layers import RUNTIME, StackLayers
from infra.guardrails import acknowledge, acknowledge_objects

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
# What no function has a say in.
ALL_ALIKE: dict[str, Any] = {
    "runtime": RUNTIME,
    "architecture": lambda_.Architecture.ARM_64,
    "logging_format": lambda_.LoggingFormat.JSON,
    "application_log_level_v2": lambda_.ApplicationLogLevel.INFO,
    "system_log_level_v2": lambda_.SystemLogLevel.WARN,
    "tracing": lambda_.Tracing.ACTIVE,
}
TOLD_ALL_ALIKE = {"POWERTOOLS_METRICS_NAMESPACE": "Attune", "LOG_LEVEL": "INFO"}


class PythonFunction(lambda_.Function):
    """`functions/<name>/handler.py` on arm64, with its own role, log group, traces and JSON logs.

    The role starts with its own log streams and X-Ray; `may` adds what the code does, action by action.
    """

    def __init__(  # noqa: PLR0913 - each is a decision about one function
        self,
        scope: Construct,
        name: str,
        *,
        config: EnvironmentConfig,
        layers: StackLayers,
        key: kms.IKey,
        description: str,
        environment: Mapping[str, str],
        memory_mb: int = 512,
        timeout: Duration | None = None,
        disk: Size | None = None,
    ) -> None:
        construct_id = name.title().replace("_", "")
        log_group = _log_group(scope, f"{construct_id}Logs", config, key)
        role = _role(scope, f"{construct_id}Role", name)
        super().__init__(
            scope,
            construct_id,
            description=description,
            code=lambda_.Code.from_asset(str(FUNCTIONS / name), exclude=["**/__pycache__", "**/*.pyc"]),
            handler="handler.handler",
            layers=layers.of(name),
            role=role,
            log_group=log_group,
            memory_size=memory_mb,
            timeout=timeout or Duration.seconds(10),
            ephemeral_storage_size=disk,  # None: Lambda's 512 MB
            environment={"POWERTOOLS_SERVICE_NAME": name, **TOLD_ALL_ALIKE, **environment},
            **ALL_ALIKE,
        )
        self.function_role = role
        self.key = key
        self.may("logs:CreateLogStream", "logs:PutLogEvents", on=[log_group.log_group_arn])
        self._may_through(key, ("kms:Decrypt", "kms:GenerateDataKey"), ["logs"])
        acknowledge(self.function_role, "AwsSolutions-IAM5[Resource::*]", NO_ARN_TO_NAME)
        acknowledge(self, "AwsSolutions-L1", ONE_PYTHON)

    def may(self, *actions: str, on: Sequence[str], only_if: Mapping[str, Mapping[str, object]] | None = None) -> None:
        """Grant `actions` on the resources `on` (ARNs), under the IAM condition `only_if`."""
        self.function_role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=only_if)
        )

    def may_use_key(self, key: kms.IKey, *, reads: Sequence[str], writes: Sequence[str] = ()) -> None:
        """Let the named AWS services use `key` on this function's behalf; the function itself cannot call KMS."""
        self._may_through(key, ("kms:Decrypt", "kms:DescribeKey"), (*reads, *writes))
        if writes:
            self._may_through(key, ("kms:Encrypt", "kms:GenerateDataKey"), writes)

    def may_put_records(self, stream: kinesis.IStream) -> None:
        """Grant putting records onto `stream` under its key, and nothing with which they could be read again."""
        if stream.encryption_key is None:
            raise ValueError(f"{stream.node.path} is not under a key of ours")
        self.may("kinesis:PutRecords", on=[stream.stream_arn])
        self._may_through(stream.encryption_key, ("kms:GenerateDataKey",), ["kinesis"])

    def may_get_objects(self, bucket: s3.Bucket, prefix: str, reason: str) -> None:
        """Grant reading objects under `prefix`; `reason` says why their names are not known beforehand."""
        self.may("s3:GetObject", on=[bucket.arn_for_objects(f"{prefix}*")])
        acknowledge_objects(self.function_role, bucket, f"{prefix}*", reason)

    def may_read_models(self, registry: s3.Bucket) -> None:
        """Grant reading the registry's models; whoever may not list is told 403 of a missing one, not 404."""
        self.may_get_objects(registry, "models/", "one folder a version of a model")
        self.may("s3:ListBucket", on=[registry.bucket_arn])

    def may_put_objects(self, bucket: s3.Bucket, prefix: str, reason: str) -> None:
        """Grant writing objects under `prefix`; `reason` says why their names are not known beforehand."""
        self.may("s3:PutObject", on=[bucket.arn_for_objects(f"{prefix}*")])
        acknowledge_objects(self.function_role, bucket, f"{prefix}*", reason)

    def _may_through(self, key: kms.IKey, actions: Sequence[str], services: Sequence[str]) -> None:
        through = sorted({f"{service}.{Aws.REGION}.amazonaws.com" for service in services})
        self.may(*actions, on=[key.key_arn], only_if={"StringEquals": {"kms:ViaService": through}})


def _log_group(scope: Construct, construct_id: str, config: EnvironmentConfig, key: kms.IKey) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        construct_id,
        encryption_key=key,
        retention=config.log_retention,
        removal_policy=RemovalPolicy.DESTROY,
    )


def _role(scope: Construct, construct_id: str, name: str) -> iam.Role:
    return iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=f"{name}: only what this function does",
    )


NO_ARN_TO_NAME = (
    "xray:PutTraceSegments, xray:PutTelemetryRecords and (to read a table's stream) dynamodb:ListStreams know no "
    "resource; IAM accepts only *"
)
ONE_PYTHON = "the lock file, its compiled wheels and the bytecode in the layers are for Python 3.13; they move together"


class FunctionMaker(Protocol):
    """`PythonFunction` with the environment's configuration and the stack's layers already given."""

    def __call__(
        self,
        scope: Construct,
        name: str,
        *,
        description: str,
        environment: Mapping[str, str],
        memory_mb: int = 512,
        timeout: Duration | None = None,
        disk: Size | None = None,
    ) -> PythonFunction:
        """Make one function in `scope`."""
        ...
