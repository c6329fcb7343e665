"""What is told of segments: why somebody is in one, and whom one would hold that is not there yet."""

from aws_cdk import CfnOutput, Stack

from infra.config import EnvironmentConfig
from infra.constructs.explaining import Explaining, PreviewManagement
from infra.constructs.preview_machine import PreviewMachine
from infra.constructs.python_function import FunctionMaker
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack


class Explanations:
    """Adds to a stack: explanations, previews and the machine that makes these."""

    def __init__(
        self, stack: Stack, *, config: EnvironmentConfig, make: FunctionMaker, data: DataStack, learning: LearningStack
    ) -> None:
        explaining = Explaining(stack, "Explaining", make=make, data=data, tables=learning.tables)
        machine = PreviewMachine(
            stack,
            "Preview",
            config=config,
            compact_lake=learning.training.compact_lake,
            preview_segments=explaining.preview_segments,
        ).machine
        CfnOutput(stack, "PreviewMachineArn", value=machine.state_machine_arn)
        previews = PreviewManagement(stack, "Previews", make=make, data=data, machine=machine)
        self.routes = [*explaining.routes, *previews.routes]
        self.functions = [*explaining.functions, *previews.functions]
