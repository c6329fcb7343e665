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
                "IDENTITIES_TABLE": data.tables.identities.table_name,
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "LAKE_BUCKET": data.lake.bucket_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
                "STREAM_RETENTION_HOURS": str(self._config.stream_retention_hours),
            },
        )
        function.may("dynamodb:Scan", "dynamodb:BatchGetItem", on=[data.tables.profiles.table_arn])
        function.may("dynamodb:Scan", on=[data.tables.identities.table_arn])  # for holds
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may("dynamodb:PutItem", on=[data.tables.definitions.table_arn], only_if=ONLY_COUNTS)
        function.may("s3:ListBucket", on=[data.lake.bucket_arn])
        function.may_get_objects(data.lake, "events/", "Firehose names its objects by arrival time")
        function.may_get_objects(data.lake, "compacted/", BY_DAY)
        function.may_put_objects(data.lake, "compacted/", BY_DAY)
        # What the definition of `analytics` keeps no longer goes with all its versions.
        # So do, a day after a sweep, rows of the erased that came late, and the notes of whom that sweep was about.
        places = [data.lake.arn_for_objects(f"{place}*") for place in ("events/", "compacted/", "late/")]
        function.may("s3:ListBucketVersions", on=[data.lake.bucket_arn])
        function.may("s3:DeleteObjectVersion", on=places)
        function.may_put_objects(data.lake, "events/", "Firehose names its objects by arrival time")
        function.may_get_objects(data.lake, "late/", "one note an erasure")
        function.may_put_objects(data.lake, "late/", "one note an erasure")
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
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
                **self._people(),
                "LAKE_BUCKET": data.lake.bucket_name,
                "LAKE_DATABASE": tables.database_name,
                "LAKE_WORKGROUP": tables.workgroup_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
            },
        )
        tables.may_be_queried_by(function)
        people = [data.tables.profiles.table_arn, data.tables.identities.table_arn]
        function.may("dynamodb:Scan", on=people)  # who may be learnt from, asked right before
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may_read_models(data.registry)
        function.may_put_objects(data.registry, "models/", BY_VERSION)
        function.may_use_key(data.key, reads=["dynamodb"], writes=["s3"])
        return function

    def _refresh_scores(self) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "refresh_scores",
            description="Put everybody's new score onto the stream, wave by wave",
            timeout=Duration.minutes(2),
            environment={
                **self._people(),
                "LAKE_BUCKET": data.lake.bucket_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
                "STREAM_NAME": data.stream.stream_name,
                "STREAM_SHARDS": str(self._config.stream_shards),
            },
        )
        function.may_get_objects(data.lake, "queries/", BY_RUN)
        function.may_read_models(data.registry)
        people = [data.tables.profiles.table_arn, data.tables.identities.table_arn]
        function.may("dynamodb:BatchGetItem", on=people)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may_put_records(data.stream)
        function.may_use_key(data.key, reads=["dynamodb", "s3"])
        return function

    def _people(self) -> dict[str, str]:
        """What tells who may be learnt from and told of."""
        tables = self._data.tables
        return {
            "PROFILES_TABLE": tables.profiles.table_name,
            "IDENTITIES_TABLE": tables.identities.table_name,
            "DEFINITIONS_TABLE": tables.definitions.table_name,
        }
