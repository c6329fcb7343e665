"""Files: what is dropped into the imports bucket starts a run that reads it, one file at a time."""

from aws_cdk import Duration, Size
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine, Pauses
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.guardrails import acknowledge_objects
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
# What an import writes lies beside the files, and must start nothing.
REPORTS = ".report.json"
TURN = f"turn{REPORTS}"
# No alarm watches this machine. Failures of two five-minute periods in a row wake somebody (`KeepsFailing`), so a step
# fails through more than that before its run does.
EVERY_MINUTE = Pauses(60, 1, 15)
BY_PEOPLE = "whoever drops a file names it; its report is named as the file"


class Importing(Construct):
    """`import_files`, which puts the rows of a file onto the stream, and the machine that calls it until all are."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, make: FunctionMaker, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id)
        self.import_files = self._import_files(config, make, data)
        self.functions = [self.import_files]
        self.machine = ImportMachine(self, "Import", config=config, import_files=self.import_files).machine
        self._begin_with(data.imports)

    def _import_files(self, config: EnvironmentConfig, make: FunctionMaker, data: DataStack) -> PythonFunction:
        bucket = data.imports
        function = make(
            self,
            "import_files",
            description="Read a dropped file, put its rows on the stream, keep its report",
            memory_mb=1024,
            timeout=LONGEST,
            disk=Size.gibibytes(2),  # a Parquet file of 1 GB, and what DuckDB lays aside
            environment={
                "IMPORTS_BUCKET": bucket.bucket_name,
                "STREAM_NAME": data.stream.stream_name,
                "STREAM_SHARDS": str(config.stream_shards),
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
            },
        )
        function.may_get_objects(bucket, "imports/", BY_PEOPLE)
        function.may("s3:GetObject", on=[bucket.arn_for_objects(TURN)])
        # Without it a report that is not there yet would be told as 403, not as 404.
        function.may("s3:ListBucket", on=[bucket.bucket_arn])
        reports = f"imports/*{REPORTS}"
        function.may("s3:PutObject", on=[bucket.arn_for_objects(reports), bucket.arn_for_objects(TURN)])
        acknowledge_objects(function.function_role, bucket, reports, BY_PEOPLE)
        function.may_put_records(data.stream)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        function.may_use_key(data.key, reads=["dynamodb", "secretsmanager"], writes=["s3"])
        return function

    def _begin_with(self, bucket: s3.IBucket) -> None:
        others = events.Match.anything_but_suffix(REPORTS)
        events.Rule(
            self,
            "Arrival",
            description="A file was dropped",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": others}},
            ),
            targets=[targets.SfnStateMachine(self.machine)],
        )


class ImportMachine(FunctionMachine):
    """ImportFile until the file is done. Its input is the bucket's notification, of which the key is taken.

    It pauses between two calls: the next one may be another file's turn, and where the stream was busy it is not asked
    again at once. A step that fails is tried again, then the run fails; begun again, it goes on where it stopped.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, import_files: PythonFunction
    ) -> None:
        super().__init__(scope, construct_id)
        begin = sfn.Pass(self, "Begin", parameters={**RUN, "key.$": "$.detail.object.key"})
        step = self._call("ImportFile", import_files, {**KNOWN, "key.$": "$.key"}, "$.import", EVERY_MINUTE)
        pause = sfn.Wait(self, "Pause", time=sfn.WaitTime.duration(Duration.seconds(config.import_pause_seconds)))
        pause.next(step)
        self._until_done("AllImported?", step, "$.import", then=sfn.Succeed(self, "Imported"), again=pause)
        self._make(
            config,
            name="imports",
            comment="The rows of a dropped file onto the stream",
            functions=[import_files],
            steps=begin.next(step),
        )
