"""Everything that people may ask and say about their data, in one place: its routes, functions and machines."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_sqs as sqs

from infra.config import EnvironmentConfig
from infra.constructs.preferences import Preferences
from infra.constructs.privacy_machine import PrivacyMachine
from infra.constructs.privacy_management import PrivacyManagement
from infra.constructs.privacy_requests import PrivacyRequests
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.sweeping import Sweeping
from infra.constructs.verifying import Verifying
from infra.stacks.data_stack import DataStack
from infra.stacks.learning_stack import LearningStack


class Privacy:
    """Adds to a stack: the preference page, requests and who carries them out, and the search for what is left."""

    def __init__(
        self,
        stack: Stack,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        learning: LearningStack,
        rebuild_profiles: PythonFunction,
        queues: Mapping[str, sqs.IQueue],
    ) -> None:
        """`queues`: what may hold something of a person, by the name of its variable."""
        preferences = Preferences(stack, "Preferences", make=make, data=data)
        tables = learning.tables
        requests = PrivacyRequests(stack, "PrivacyRequests", config=config, make=make, data=data, tables=tables)
        sweeping = Sweeping(stack, "Sweeping", config=config, make=make, data=data)
        self.machine = machine = PrivacyMachine(
            stack,
            "Privacy",
            config=config,
            requests=requests,
            sweep_stores=sweeping.sweep_stores,
            compact_lake=learning.training.compact_lake,
            rebuild_profiles=rebuild_profiles,
        ).machine
        management = PrivacyManagement(stack, "PrivacyManagement", make=make, data=data, machine=machine)
        verifying = Verifying(stack, "Verifying", config=config, make=make, data=data, queues=queues)
        self.routes = [*preferences.routes, *management.routes, *verifying.routes]
        self.functions = [*preferences.functions, *requests.functions, *sweeping.functions]
        self.functions += [*management.functions, *verifying.functions]
        CfnOutput(stack, "PrivacyMachineArn", value=machine.state_machine_arn)
        CfnOutput(stack, "VerificationMachineArn", value=verifying.machine.state_machine_arn)
