"""What models are learned from the lake, and how they reach the profiles: a run each day, or on demand."""

from functools import partial

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.lake_tables import LakeTables
from infra.constructs.layers import StackLayers
from infra.constructs.learning_machine import LearningMachine
from infra.constructs.model_management import ModelManagement
from infra.constructs.python_function import PythonFunction
from infra.constructs.training import Training
from infra.stacks.data_stack import DataStack


class LearningStack(Stack):
    """Stateless: models lie in the registry, tables in the lake. Its routes are for the pipeline's HTTP API."""

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, data: DataStack) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=config.region),
            description="Attune: compact, train, score",
        )
        make = partial(PythonFunction, config=config, layers=StackLayers(self, config), key=data.key)
        self.tables = tables = LakeTables(self, "Tables", config=config, bucket=data.lake, key_arn=data.key.key_arn)

        self.training = training = Training(self, "Training", config=config, make=make, data=data, tables=tables)
        self.machine = LearningMachine(self, "Learning", config=config, training=training).machine
        management = ModelManagement(self, "Models", make=make, data=data, machine=self.machine)

        self.routes = management.routes
        self.functions = [*training.functions, *management.functions]
        CfnOutput(self, "LearningMachineArn", value=self.machine.state_machine_arn)
        CfnOutput(self, "LakeDatabase", value=tables.database_name)
        CfnOutput(self, "LakeWorkgroup", value=tables.workgroup_name)
