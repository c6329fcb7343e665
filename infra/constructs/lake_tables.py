"""The compacted lake as tables of Athena."""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from constructs import Construct

from attune.adapters import lake_tables as declared
from infra.config import EnvironmentConfig
from infra.constructs.python_function import PythonFunction

GLUE = f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet"
# The days are reckoned from the query, not looked up: no crawler, and a new day needs no new partition.
PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy-MM-dd",
    "projection.dt.range": "2025-01-01,NOW",
    "projection.dt.interval": "1",
    "projection.dt.interval.unit": "DAYS",
}

BY_DAY, BY_RUN = "one object a day", "named by the run that makes them"
IN_TABLES_AND_ANSWERS = {"StringLike": {"s3:prefix": ["compacted/*", "queries/*"]}}


class LakeTables(Construct):
    """A Glue database with the tables `events` and `profiles`, and the Athena work group that reads them."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, bucket: s3.Bucket, key_arn: str
    ) -> None:
        super().__init__(scope, construct_id)
        self._bucket = bucket
        self.database_name, self.workgroup_name = f"attune_{config.name}", f"attune-{config.name}"
        self._database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.database_name, description=f"Attune ({config.name}): the compacted lake"
            ),
        )
        self._table("events", declared.EVENTS, declared.EVENTS_LOCATION, partition=declared.EVENTS_PARTITION)
        self._table("profiles", declared.PROFILES, declared.PROFILES_LOCATION)
        self._workgroup(key_arn)

    @property
    def workgroup_arn(self) -> str:
        """The work group, for a grant."""
        return f"arn:{Aws.PARTITION}:athena:{Aws.REGION}:{Aws.ACCOUNT_ID}:workgroup/{self.workgroup_name}"

    @property
    def catalog_arns(self) -> list[str]:
        """What a reader of the tables must be granted in the data catalog."""
        tables = (f"{GLUE}:table/{self.database_name}/{table}" for table in ("events", "profiles"))
        return [f"{GLUE}:catalog", f"{GLUE}:database/{self.database_name}", *tables]

    @property
    def default_database_arn(self) -> str:
        """The database that every account has."""
        return f"{GLUE}:database/default"

    def may_be_queried_by(self, function: PythonFunction) -> None:
        """Grant asking Athena and reading its answers; the key on S3's behalf aside."""
        bucket = self._bucket
        function.may("athena:StartQueryExecution", "athena:GetQueryExecution", on=[self.workgroup_arn])
        function.may("glue:GetDatabase", "glue:GetTable", "glue:GetPartitions", on=self.catalog_arns)
        # Athena asks for this one too, whichever a query names.
        function.may("glue:GetDatabase", on=[self.default_database_arn])
        # Athena works on S3 with the caller's rights.
        function.may("s3:GetBucketLocation", "s3:ListBucketMultipartUploads", on=[bucket.bucket_arn])
        function.may("s3:ListBucket", on=[bucket.bucket_arn], only_if=IN_TABLES_AND_ANSWERS)
        function.may_get_objects(bucket, "compacted/", BY_DAY)
        function.may_get_objects(bucket, "queries/", BY_RUN)
        function.may_put_objects(bucket, "queries/", BY_RUN)
        function.may("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", on=[bucket.arn_for_objects("queries/*")])

    def _table(
        self,
        name: str,
        columns: Sequence[tuple[str, str]],
        location: str,
        *,
        partition: tuple[str, str] | None = None,
    ) -> None:
        table = glue.CfnTable(
            self,
            f"{name.title()}Table",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=name,
                table_type="EXTERNAL_TABLE",
                parameters={"classification": "parquet", **(PROJECTED if partition else {})},
                partition_keys=_columns([partition]) if partition else [],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=_columns(columns),
                    location=f"s3://{self._bucket.bucket_name}/{location}",
                    input_format=f"{PARQUET}.MapredParquetInputFormat",
                    output_format=f"{PARQUET}.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=f"{PARQUET}.serde.ParquetHiveSerDe"
                    ),
                ),
            ),
        )
        table.add_resource_dependency(self._database)

    def _workgroup(self, key_arn: str) -> None:
        athena.CfnWorkGroup(
            self,
            "WorkGroup",
            name=self.workgroup_name,
            description="Features for training",
            recursive_delete_option=True,  # its history of queries is nothing to keep the stack for
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,  # results go where they expire, whatever the caller says
                engine_version=athena.CfnWorkGroup.EngineVersionProperty(
                    selected_engine_version="Athena engine version 3"
                ),
                publish_cloud_watch_metrics_enabled=False,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{self._bucket.bucket_name}/{declared.QUERIES}",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key_arn
                    ),
                ),
            ),
        )


def _columns(columns: Sequence[tuple[str, str]]) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=kind) for name, kind in columns]
