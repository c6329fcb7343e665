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
from infra.constructs.python_function import PythonFunction
from infra.constructs.repairs import Repairs
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
        make = partial(PythonFunction, config=config, layers=StackLayers(self, config), key=data.key)
        lake = EventLake(self, "Lake", config=config, bucket=data.lake, key=data.key)

        collection = Collection(self, "Collection", make=make, data=data)
        self.processing = Processing(self, "Processing", config=config, make=make, data=data, lake=lake)
        self.campaigning = Campaigning(self, "Campaigning", config=config, make=make, data=data)
        management = Management(self, "Management", make=make, data=data)
        importing = Importing(self, "Importing", config=config, make=make, data=data)
        self.failed_batches = FailedBatches(self, "FailedBatches", bucket=data.failures, key=data.key)
        repairs = Repairs(
            self,
            config=config,
            make=make,
            data=data,
            learning=learning,
            campaigning=self.campaigning,
            failed_batches=self.failed_batches,
        )
        explanations = Explanations(self, config=config, make=make, data=data, learning=learning)
        self.privacy = privacy = Privacy(
            self,
            config=config,
            make=make,
            data=data,
            learning=learning,
            rebuild_profiles=repairs.rebuild_profiles,
            queues={
                "DEAD_LETTER_URL": self.campaigning.deliveries.dead_letters,
                "NOTICES_QUEUE_URL": self.failed_batches.queue,
            },
        )
        self.http = HttpApi(
            self,
            "Http",
            config=config,
            key=data.key,
            routes=[
                *(*collection.routes, *management.routes, *explanations.routes),
                *(*repairs.routes, *privacy.routes, *learning.routes),
            ],
            otherwise=collection.collect_events,  # answers 404 with the same error body as everything else
        )

        #: woken by a stream, a queue or the clock; whoever called the others sees that they failed
        self.workers = [*self.processing.functions, *self.campaigning.functions, management.digest_access]
        self.functions = [*collection.functions, *self.workers, *management.functions]
        self.functions += [*explanations.functions, *repairs.functions, *importing.functions, *privacy.functions]
        self._tell(importing)

    def _tell(self, importing: Importing) -> None:
        """Where everything is that a deployment is asked for."""
        deliveries = self.campaigning.deliveries
        CfnOutput(self, "ApiUrl", value=self.http.url)
        CfnOutput(self, "ImportMachineArn", value=importing.machine.state_machine_arn)
        CfnOutput(self, "DeliveryQueueUrl", value=deliveries.queue.queue_url)
        CfnOutput(self, "DeliveryDeadLetterUrl", value=deliveries.dead_letters.queue_url)
        CfnOutput(self, "FailedBatchNoticesUrl", value=self.failed_batches.queue.queue_url)
