"""From a profile's change to a signed message at the customer's endpoint."""

import json

from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.delivery_queue import SENDER_TIMEOUT, DeliveryQueue
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.stream_consumer import consume_queue, consume_table
from infra.stacks.data_stack import DataStack

HAS_CHANGES = json.dumps({"dynamodb": {"NewImage": {"outbox": {"S": [{"exists": True}]}}}})


class Campaigning(Construct):
    """`run_campaigns` claims deliveries and queues them; `deliver_messages` sends them."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config, self._make, self._data = config, make, data
        self.deliveries = DeliveryQueue(self, "Deliveries", key=data.key)
        self.environment = {
            "PROFILES_TABLE": data.tables.profiles.table_name,
            "IDENTITIES_TABLE": data.tables.identities.table_name,
            "DELIVERIES_TABLE": data.tables.deliveries.table_name,
            "DEFINITIONS_TABLE": data.tables.definitions.table_name,
            "DELIVERY_QUEUE_URL": self.deliveries.queue.queue_url,
        }
        self.run_campaigns = self._run_campaigns()
        self.deliver_messages = self._deliver_messages()
        self.functions = [self.run_campaigns, self.deliver_messages]

    def _run_campaigns(self) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "run_campaigns",
            description="Decide on the changes of profiles: who is to receive what",
            timeout=SENDER_TIMEOUT,
            environment=self.environment,
        )
        self.may_decide(function)
        function.may_use_key(data.key, reads=[], writes=["dynamodb", "s3", "sqs"])
        consume_table(function, data.tables.profiles, data.failures, HAS_CHANGES)
        return function

    def _deliver_messages(self) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            "deliver_messages",
            description="Send queued messages: re-check, render, sign, post, keep the outcome",
            timeout=SENDER_TIMEOUT,
            environment={
                **self.environment,
                "CHANNEL_SECRETS": data.secrets.channels.secret_arn,
                "ALLOWED_ADDRESSES": ",".join(self._config.allowed_addresses),
            },
        )
        self._may_read(function)
        function.may("dynamodb:GetItem", "dynamodb:UpdateItem", on=[data.tables.deliveries.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.channels.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager", "sqs"], writes=["dynamodb"])
        # one message an invocation: a slow endpoint takes its own time, not that of its neighbours
        consume_queue(function, self.deliveries.queue, batch_size=1, max_concurrency=20)
        return function

    def may_decide(self, function: PythonFunction) -> None:
        """Grant reading what a decision depends on, claiming a delivery, and putting it on the queue."""
        self._may_read(function)
        function.may("dynamodb:PutItem", on=[self._data.tables.deliveries.table_arn])
        function.may("sqs:SendMessage", on=[self.deliveries.queue.queue_arn])

    def _may_read(self, function: PythonFunction) -> None:
        tables = self._data.tables
        function.may("dynamodb:BatchGetItem", on=[tables.profiles.table_arn, tables.identities.table_arn])
        function.may("dynamodb:Query", "dynamodb:GetItem", on=[tables.definitions.table_arn])
