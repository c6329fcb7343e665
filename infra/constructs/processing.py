"""The heart: events from the stream into profiles and the lake, and the clock that wakes profiles up."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.customer_tables import DUE_INDEX
from infra.constructs.event_lake import EventLake
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.stream_consumer import consume_stream
from infra.stacks.data_stack import DataStack


class Processing(Construct):
    """`process_events` writes profiles; `wake_profiles` puts due ones back onto the stream every minute."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        lake: EventLake,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._make, self._data = config, make, data
        self.process_events = self._process_events(lake)
        self.wake_profiles = self._wake_profiles()
        self.functions = [self.process_events, self.wake_profiles]

    def _process_events(self, lake: EventLake) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "process_events",
            description="Gate, identity, profile, segments: one conditional write per profile and batch",
            memory_mb=1024,
            timeout=Duration.minutes(2),
            environment={
                "STREAM_EPOCH": str(self._config.stream_epoch),
                "PROFILES_TABLE": tables.profiles.table_name,
                "IDENTITIES_TABLE": tables.identities.table_name,
                "LEDGER_TABLE": tables.ledger.table_name,
                "DEFINITIONS_TABLE": tables.definitions.table_name,
                "LAKE_STREAM": lake.stream_name,
                "QUARANTINE_BUCKET": data.quarantine.bucket_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
            },
        )
        function.may(
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            on=[tables.profiles.table_arn, tables.identities.table_arn],
        )
        function.may("dynamodb:PutItem", on=[tables.ledger.table_arn])
        function.may("dynamodb:Query", "dynamodb:GetItem", on=[tables.definitions.table_arn])
        function.may("firehose:PutRecordBatch", on=[lake.stream_arn])
        function.may_put_objects(data.quarantine, "quarantine/", "one object per refused event")
        function.may_read_models(data.registry)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        function.may_use_key(data.key, reads=["kinesis", "secretsmanager"], writes=["dynamodb", "s3"])
        consume_stream(function, data.stream, data.failures, self._config)
        return function

    def _wake_profiles(self) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "wake_profiles",
            description="Put profiles whose time has come back onto the stream",
            timeout=Duration.seconds(50),
            environment={
                "PROFILES_TABLE": tables.profiles.table_name,
                "DUE_INDEX": DUE_INDEX,
                "DEFINITIONS_TABLE": tables.definitions.table_name,
                "STREAM_NAME": data.stream.stream_name,
                "STREAM_SHARDS": str(self._config.stream_shards),
            },
        )
        function.may("dynamodb:Query", on=[f"{tables.profiles.table_arn}/index/{DUE_INDEX}"])
        function.may(
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            on=[tables.definitions.table_arn],
            only_if={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mark"]}},
        )
        function.may_put_records(data.stream)
        function.may_use_key(data.key, reads=[], writes=["dynamodb"])
        # A run that fails is not repeated: the next minute's run starts from the same high-water mark.
        function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        target = targets.LambdaFunction(function, retry_attempts=0, max_event_age=Duration.minutes(1))
        events.Rule(
            self,
            "EveryMinute",
            description="Wake profiles whose time has come",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[target],
        )
        return function
