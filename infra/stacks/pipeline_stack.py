"""The path of an event: in by HTTP, through the stream into the profile, out as a signed message.

The parts, in the order of the path, are in `infra/constructs`; each names its functions' environment, what wakes
them and every action they are granted.
"""

from functools import partial

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.campaigning import Campaigning
from infra.constructs.collection import Collection
from infra.constructs.event_lake import EventLake
from infra.constructs.explanations import Explanations
from infra.constructs.failed_batches import FailedBatches
from infra.constructs.http_api import HttpApi
from infra.constructs.importing import Importing
from infra.constructs.layers import StackLayers
from infra.constructs.management import Management
from infra.constructs.privacy import Privacy
from infra.constructs.processing import Processing
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.rebuilding import Rebuilding
from infra.constructs.repair_machine import RepairMachine
from infra.constructs.repairing import Repairing, RepairManagement
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack


class PipelineStack(Stack):
    """Stateless: may be torn down and deployed anew at any time."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        data: DataStack,
        learning: LearningStack,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=config.region),
            description="Attune: collect, process, trigger, deliver",
        )
        make = partial(PythonFunction, config=config, layers=StackLayers(self, config))
        lake = EventLake(self, "Lake", config=config, bucket=data.lake, key=data.key)

        collection = Collection(self, "Collection", make=make, data=data)
        self.processing = Processing(self, "Processing", config=config, make=make, data=data, lake=lake)
        self.campaigning = Campaigning(self, "Campaigning", config=config, make=make, data=data)
        management = Management(self, "Management", make=make, data=data)
        importing = Importing(self, "Importing", config=config, make=make, data=data)
        self.failed_batches = FailedBatches(self, "FailedBatches", bucket=data.failures)
        repairs, repair_functions = self._repairs(config, make, data, learning)
        explanations = Explanations(self, config=config, make=make, data=data, learning=learning)
        privacy = Privacy(
            self,
            config=config,
            make=make,
            data=data,
            learning=learning,
            rebuild_profiles=self.rebuild_profiles,
            queues={
                "DEAD_LETTER_URL": self.campaigning.deliveries.dead_letters,
                "NOTICES_QUEUE_URL": self.failed_batches.queue,
            },
        )
        self.http = HttpApi(
            self,
            "Http",
            config=config,
            routes=[
                *(*collection.routes, *management.routes, *explanations.routes),
                *(*repairs.routes, *privacy.routes, *learning.routes),
            ],
            otherwise=collection.collect_events,  # answers 404 with the same error body as everything else
        )

        #: woken by a stream, a queue or the clock; whoever called the others sees that they failed
        self.workers = [*self.processing.functions, *self.campaigning.functions, management.digest_access]
        self.functions = [*collection.functions, *self.workers, *management.functions]
        self.functions += [*explanations.functions, *repair_functions, *importing.functions, *privacy.functions]
        deliveries = self.campaigning.deliveries
        CfnOutput(self, "ApiUrl", value=self.http.url)
        CfnOutput(self, "ImportMachineArn", value=importing.machine.state_machine_arn)
        CfnOutput(self, "DeliveryQueueUrl", value=deliveries.queue.queue_url)
        CfnOutput(self, "DeliveryDeadLetterUrl", value=deliveries.dead_letters.queue_url)
        CfnOutput(self, "FailedBatchNoticesUrl", value=self.failed_batches.queue.queue_url)

    def _repairs(
        self, config: EnvironmentConfig, make: FunctionMaker, data: DataStack, learning: LearningStack
    ) -> tuple[RepairManagement, list[PythonFunction]]:
        """What mends what was lost: its API, and all its functions."""
        repairing = Repairing(
            self,
            "Repairing",
            config=config,
            make=make,
            data=data,
            campaigning=self.campaigning,
            notices=self.failed_batches.queue,
        )
        rebuilding = Rebuilding(self, "Rebuilding", make=make, data=data, tables=learning.tables)
        self.rebuild_profiles = rebuilding.rebuild_profiles
        machine = RepairMachine(
            self,
            "Repair",
            config=config,
            repairing=repairing,
            compact_lake=learning.training.compact_lake,
            rebuild_profiles=rebuilding.rebuild_profiles,
        ).machine
        CfnOutput(self, "RepairMachineArn", value=machine.state_machine_arn)
        repairs = RepairManagement(self, "Repairs", make=make, data=data, machine=machine)
        return repairs, [*repairing.functions, *rebuilding.functions, *repairs.functions]
