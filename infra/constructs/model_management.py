"""The API over models: which one serves, how runs went, and a run on demand."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.function_machine import may_run
from infra.constructs.http_api import Route
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack


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
        may_run(function, machine)
        function.may_read_models(data.registry)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["s3", "secretsmanager"])
        return function
