"""From the lake to scores: the three functions of a learning run, in their order."""

from aws_cdk import Duration, Size
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.lake_tables import BY_DAY, BY_RUN, LakeTables
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
BY_VERSION = "one folder a version of a model"
ONLY_COUNTS = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["sizes", "arrivals"]}}


class Training(Construct):
    """`compact_lake` makes tables of the lake, `train_models` a model of those, `refresh_scores` scores of it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        tables: LakeTables,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._make, self._data = config, make, data
        self.compact_lake = self._compact_lake()
        self.train_models = self._train_models(tables)
        self.refresh_scores = self._refresh_scores()
        self.functions = [self.compact_lake, self.train_models, self.refresh_scores]

    def _compact_lake(self) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "compact_lake",
            description="Turn the lake's rows into Parquet, one row an event, and take a snapshot of profiles",
            memory_mb=3008,
            timeout=LONGEST,
            disk=Size.gibibytes(10),  # a day with its neighbours, as it was archived
            environment={
                "PROFILES_TABLE": data.tables.profiles.table_name,
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "LAKE_BUCKET": data.lake.bucket_name,
                "STREAM_RETENTION_HOURS": str(self._config.stream_retention_hours),
                "LAKE_RETENTION_DAYS": str(self._config.lake_retention_days or 0),
            },
        )
        function.may("dynamodb:Scan", "dynamodb:BatchGetItem", on=[data.tables.profiles.table_arn])
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may("dynamodb:PutItem", on=[data.tables.definitions.table_arn], only_if=ONLY_COUNTS)
        function.may("s3:ListBucket", on=[data.lake.bucket_arn])
        function.may_get_objects(data.lake, "events/", "Firehose names its objects by arrival time")
        function.may_get_objects(data.lake, "compacted/", BY_DAY)
        function.may_put_objects(data.lake, "compacted/", BY_DAY)
        if self._config.lake_retention_days:
            days = [data.lake.arn_for_objects(f"{place}*") for place in ("events/", "compacted/")]
            function.may("s3:ListBucketVersions", on=[data.lake.bucket_arn])
            function.may("s3:DeleteObjectVersion", on=days)
        function.may_use_key(data.key, reads=[], writes=["dynamodb", "s3"])
        return function

    def _train_models(self, tables: LakeTables) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "train_models",
            description="Select features, train, judge, and let the better model serve",
            memory_mb=3008,
            timeout=LONGEST,
            environment={
                "LAKE_BUCKET": data.lake.bucket_name,
                "LAKE_DATABASE": tables.database_name,
                "LAKE_WORKGROUP": tables.workgroup_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
            },
        )
        tables.may_be_queried_by(function)
        function.may_read_models(data.registry)
        function.may_put_objects(data.registry, "models/", BY_VERSION)
        function.may_use_key(data.key, reads=[], writes=["s3"])
        return function

    def _refresh_scores(self) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "refresh_scores",
            description="Put everybody's new score onto the stream, wave by wave",
            timeout=Duration.minutes(2),
            environment={
                "LAKE_BUCKET": data.lake.bucket_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
                "STREAM_NAME": data.stream.stream_name,
                "STREAM_SHARDS": str(self._config.stream_shards),
            },
        )
        function.may_get_objects(data.lake, "queries/", BY_RUN)
        function.may_read_models(data.registry)
        function.may("kinesis:PutRecords", on=[data.stream.stream_arn])
        function.may_use_key(data.key, reads=["s3"])
        return function
