"""The API over models: which one serves, how runs went, and a run on demand."""

from aws_cdk import Aws
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.http_api import Route
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.guardrails import acknowledge
from infra.stacks.data_stack import DataStack

RUNS_HAVE_NAMES = "a run's name comes from whoever starts it; the machine is named, and it is the only one"


class ModelManagement(Construct):
    """`manage_models`, for people with the administrator's key."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        make: FunctionMaker,
        data: DataStack,
        machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.manage_models = self._manage_models(make, data, machine)
        self.functions = [self.manage_models]
        self.routes = [
            Route("GET", "/v1/models", self.manage_models),
            Route("POST", "/v1/models/train", self.manage_models),
            Route("GET", "/v1/models/runs/{run}", self.manage_models),
        ]

    def _manage_models(self, make: FunctionMaker, data: DataStack, machine: sfn.StateMachine) -> PythonFunction:
        function = make(
            self,
            "manage_models",
            description="Show models and learning runs; start a run",
            environment={
                "REGISTRY_BUCKET": data.registry.bucket_name,
                "LEARNING_MACHINE": machine.state_machine_arn,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
            },
        )
        function.may("states:StartExecution", "states:ListExecutions", on=[machine.state_machine_arn])
        name = machine.state_machine_name
        runs = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:execution:{name}:*"
        function.may("states:DescribeExecution", on=[runs])
        acknowledge(function.function_role, f"AwsSolutions-IAM5[Resource::{_as_reported(machine)}]", RUNS_HAVE_NAMES)
        function.may_read_models(data.registry)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["s3", "secretsmanager"])
        return function


def _as_reported(machine: sfn.StateMachine) -> str:
    """Name the machine's runs as cdk-nag's finding does."""
    plain = machine.node.default_child
    assert isinstance(plain, sfn.CfnStateMachine)  # noqa: S101 - narrows jsii's type
    name = machine.stack.get_logical_id(plain)
    return f"arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<{name}.Name>:*"
