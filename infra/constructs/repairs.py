"""Everything that mends what was lost or folds profiles anew, in one place: its routes, functions and machine."""

from aws_cdk import CfnOutput, Stack

from infra.config import EnvironmentConfig
from infra.constructs.campaigning import Campaigning
from infra.constructs.failed_batches import FailedBatches
from infra.constructs.python_function import FunctionMaker
from infra.constructs.rebuilding import Rebuilding
from infra.constructs.repair_machine import RepairMachine
from infra.constructs.repairing import Repairing, RepairManagement
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack


class Repairs:
    """Adds to a stack: repairs, rebuilds and backfills, the machine that runs them, and the API that starts it."""

    def __init__(
        self,
        stack: Stack,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        learning: LearningStack,
        campaigning: Campaigning,
        failed_batches: FailedBatches,
    ) -> None:
        repairing = Repairing(
            stack,
            "Repairing",
            config=config,
            make=make,
            data=data,
            campaigning=campaigning,
            notices=failed_batches.queue,
        )
        rebuilding = Rebuilding(stack, "Rebuilding", make=make, data=data, tables=learning.tables)
        self.rebuild_profiles = rebuilding.rebuild_profiles
        machine = RepairMachine(
            stack,
            "Repair",
            config=config,
            repairing=repairing,
            compact_lake=learning.training.compact_lake,
            rebuild_profiles=rebuilding.rebuild_profiles,
        ).machine
        management = RepairManagement(stack, "Repairs", make=make, data=data, machine=machine)
        self.routes = management.routes
        self.functions = [*repairing.functions, *rebuilding.functions, *management.functions]
        CfnOutput(stack, "RepairMachineArn", value=machine.state_machine_arn)
