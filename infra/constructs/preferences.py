"""What people decide about themselves, under a signed link."""

from constructs import Construct

from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import GATEWAY, may_record_access
from infra.constructs.management import ONLY_HOLDS
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack


class Preferences(Construct):
    """`manage_preferences`: shows and takes choices, for whoever holds a link; `manage_profiles` makes those."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self.manage_preferences = self._manage_preferences(make, data)
        self.functions = [self.manage_preferences]
        self.routes = [
            Route("GET", "/v1/preferences/{token}", self.manage_preferences),
            Route("POST", "/v1/preferences/{token}", self.manage_preferences),
            Route("GET", "/.well-known/gpc.json", self.manage_preferences),
        ]

    def _manage_preferences(self, make: FunctionMaker, data: DataStack) -> PythonFunction:
        tables = data.tables
        function = make(
            self,
            "manage_preferences",
            description="Show people what they consent to, and take what they decide",
            timeout=GATEWAY,
            environment={
                "PROFILES_TABLE": tables.profiles.table_name,
                "IDENTITIES_TABLE": tables.identities.table_name,
                "DELIVERIES_TABLE": tables.deliveries.table_name,
                "DEFINITIONS_TABLE": tables.definitions.table_name,
                "STREAM_NAME": data.stream.stream_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
            },
        )
        function.may("dynamodb:BatchGetItem", on=[tables.profiles.table_arn, tables.identities.table_arn])
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[tables.definitions.table_arn])
        function.may("dynamodb:Query", on=[tables.deliveries.table_arn])
        function.may("dynamodb:UpdateItem", on=[tables.identities.table_arn], only_if=ONLY_HOLDS)
        may_record_access(function, data)
        function.may_put_records(data.stream)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb"])
        return function
