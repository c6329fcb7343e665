"""What makes up for faults: the functions of the repair machine, and the API that starts it."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.campaigning import Campaigning
from infra.constructs.function_machine import may_run
from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
BY_LAMBDA = "Lambda names the object it writes a failed batch to; a receipt is named as its batch"


class Repairing(Construct):
    """`replay_batches` runs failed batches again, `repair_effects` makes up for effects that were lost."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        campaigning: Campaigning,
        notices: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data, self._campaigning = make, data, campaigning
        self.replay_batches = self._replay_batches(config, notices)
        self.repair_effects = self._repair_effects()
        self.functions = [self.replay_batches, self.repair_effects]

    def _replay_batches(self, config: EnvironmentConfig, notices: sqs.IQueue) -> PythonFunction:
        data, run_campaigns = self._data, self._campaigning.run_campaigns
        function = self._make(
            self,
            "replay_batches",
            description="Run batches again that a stream's consumer gave up on",
            timeout=LONGEST,
            environment={
                "FAILURES_BUCKET": data.failures.bucket_name,
                "NOTICES_QUEUE_URL": notices.queue_url,
                "STREAM_NAME": data.stream.stream_name,
                "STREAM_SHARDS": str(config.stream_shards),
                "CAMPAIGNS_FUNCTION": run_campaigns.function_name,
            },
        )
        function.may("s3:ListBucket", on=[data.failures.bucket_arn])
        function.may_get_objects(data.failures, "aws/lambda/", BY_LAMBDA)
        function.may_put_objects(data.failures, "replayed/", BY_LAMBDA)
        function.may_put_records(data.stream)
        function.may("lambda:InvokeFunction", on=[run_campaigns.function_arn])
        function.may("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", on=[notices.queue_arn])
        function.may_use_key(data.key, reads=["sqs"], writes=["s3"])
        return function

    def _repair_effects(self) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "repair_effects",
            description="Decide again on entries whose campaigns may not have heard of them",
            timeout=LONGEST,
            environment=self._campaigning.environment,
        )
        function.may("dynamodb:Scan", on=[tables.profiles.table_arn])
        self._campaigning.may_decide(function)
        function.may("dynamodb:GetItem", on=[tables.deliveries.table_arn])
        function.may_use_key(data.key, reads=[], writes=["dynamodb", "sqs"])
        return function


class RepairManagement(Construct):
    """`manage_repairs`, for people with the administrator's key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack, machine: sfn.StateMachine
    ) -> None:
        super().__init__(scope, construct_id)
        self.manage_repairs = make(
            self,
            "manage_repairs",
            description="Start repairs and show how they went",
            environment={
                "REPAIR_MACHINE": machine.state_machine_arn,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
            },
        )
        may_run(self.manage_repairs, machine)
        secrets = [data.secrets.admin.secret_arn, data.secrets.identity.secret_arn]
        self.manage_repairs.may("secretsmanager:GetSecretValue", on=secrets)
        may_record_access(self.manage_repairs, data)
        self.manage_repairs.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb"])
        self.functions = [self.manage_repairs]
        self.routes = [
            Route("POST", "/v1/repairs", self.manage_repairs),
            Route("GET", "/v1/repairs", self.manage_repairs),
            Route("GET", "/v1/repairs/{run}", self.manage_repairs),
        ]
