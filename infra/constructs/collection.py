"""The front of the pipeline: what comes in by HTTP goes onto the stream."""

from constructs import Construct

from infra.constructs.http_api import Route
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

CALLS = ("batch", "import", "track", "identify", "page", "screen", "group", "alias")
LETTERS = "btipsga"  # analytics.js's short forms


class Collection(Construct):
    """`collect_events` for clients, `receive_webhook` for shops."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data = make, data
        self.collect_events = self._entrance(
            "collect_events",
            "Take events from clients, check them, put them on the stream",
            {"LIMITS_TABLE": data.tables.limits.table_name},
        )
        self.collect_events.may("dynamodb:UpdateItem", on=[data.tables.limits.table_arn])
        self.collect_events.may_use_key(data.key, reads=[], writes=["dynamodb"])
        self.receive_webhook = self._entrance(
            "receive_webhook",
            "Take signed webhooks from shops, turn them into events, put them on the stream",
            {
                "WEBHOOK_SECRETS": data.secrets.webhooks.secret_arn,
                "PRIVACY_REQUESTS_TABLE": data.tables.privacy_requests.table_name,
            },
        )
        # What people ask about their data: it may lay a request down, and neither read nor change one.
        self.receive_webhook.may("dynamodb:PutItem", on=[data.tables.privacy_requests.table_arn])
        self.receive_webhook.may_use_key(data.key, reads=[], writes=["dynamodb"])
        self.receive_webhook.may("secretsmanager:GetSecretValue", on=[data.secrets.webhooks.secret_arn])
        self.functions = [self.collect_events, self.receive_webhook]
        self.routes = [
            *(Route("POST", f"/v1/{call}", self.collect_events) for call in (*CALLS, *LETTERS)),
            Route("POST", "/api/s/{type}", self.collect_events),
            Route("POST", "/api/s/s2s/{type}", self.collect_events),
            Route("GET", "/v1/projects/{key}/settings", self.collect_events),
            Route("GET", "/sourceConfig", self.collect_events),
            Route("POST", "/v1/webhooks/{source}", self.receive_webhook),
        ]

    def _entrance(self, name: str, description: str, more: dict[str, str]) -> PythonFunction:
        data = self._data
        function = self._make(
            self,
            name,
            description=description,
            environment={
                "STREAM_NAME": data.stream.stream_name,
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
                **more,
            },
        )
        function.may_put_records(data.stream)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        function.may_use_key(data.key, reads=["dynamodb", "secretsmanager"])
        return function
