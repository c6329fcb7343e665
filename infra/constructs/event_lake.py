"""Firehose: from the processor to the lake bucket."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.guardrails import acknowledge_objects

PREFIX = "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
ERROR_PREFIX = "errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/"


class EventLake(Construct):
    """A delivery stream that writes accepted events by hour of arrival, gzipped, in files of up to five minutes."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        bucket: s3.Bucket,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._bucket = config, bucket
        log_group = logs.LogGroup(
            self,
            "Logs",
            encryption_key=key,
            retention=config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        log_stream = logs.LogStream(self, "LogStream", log_group=log_group, removal_policy=RemovalPolicy.DESTROY)
        role = self._role(key, log_group)
        delivery = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="CUSTOMER_MANAGED_CMK", key_arn=key.key_arn
                )
            ),
            extended_s3_destination_configuration=self._destination(role, log_group, log_stream),
        )
        delivery.node.add_dependency(role)
        self.stream_name = delivery.ref
        self.stream_arn = delivery.attr_arn

    def _destination(
        self, role: iam.Role, log_group: logs.LogGroup, log_stream: logs.LogStream
    ) -> firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty:
        is_local = self._config.is_local
        return firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
            bucket_arn=self._bucket.bucket_arn,
            role_arn=role.role_arn,
            prefix=PREFIX,
            error_output_prefix=ERROR_PREFIX,
            buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(interval_in_seconds=300, size_in_m_bs=64),
            # The emulator writes plain text under whatever name: a `.gz` there would break every query.
            compression_format="UNCOMPRESSED" if is_local else "GZIP",
            file_extension=None if is_local else ".json.gz",
            cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                enabled=True,
                log_group_name=log_group.log_group_name,
                log_stream_name=log_stream.log_stream_name,
            ),
        )

    def _role(self, key: kms.IKey, log_group: logs.ILogGroup) -> iam.Role:
        bucket = self._bucket
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("firehose.amazonaws.com"),
            description="Firehose: writes the lake and its own error log",
        )
        objects = [bucket.arn_for_objects("events/*"), bucket.arn_for_objects("errors/*")]
        for actions, resources in (
            (["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket.bucket_arn]),
            (["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], objects),
            (["kms:Decrypt", "kms:GenerateDataKey"], [key.key_arn]),
            (["logs:PutLogEvents"], [log_group.log_group_arn]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        for folder in ("events", "errors"):
            acknowledge_objects(role, bucket, f"{folder}/*", "Firehose names its objects by arrival time")
        return role
