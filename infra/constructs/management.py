"""The APIs for the company's own servers and people."""

from constructs import Construct

from infra.constructs.customer_tables import STATE_INDEX
from infra.constructs.http_api import Route
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.quarantine_management import QuarantineManagement
from infra.stacks.data_stack import DataStack

ONLY_HOLDS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hold#*"]}}


class Management(Construct):
    """`manage_profiles`: customers; `manage_definitions`: what is declared; `manage_privacy`: what people ask."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data = make, data
        self.manage_profiles = self._manage_profiles()
        self.manage_definitions = self._manage_definitions()
        self.manage_privacy = self._manage_privacy()
        quarantine = QuarantineManagement(self, "Quarantine", make=make, data=data)
        self.functions = [self.manage_profiles, self.manage_definitions, self.manage_privacy, *quarantine.functions]
        profiles, definitions = self.manage_profiles, self.manage_definitions
        self.routes = [
            Route("GET", "/v1/profiles/{profile}", profiles),
            Route("PUT", "/v1/profiles/{profile}/consent", profiles),
            Route("POST", "/v1/profiles/{profile}/unlink", profiles),
            Route("POST", "/v1/lists/{list}", profiles),
            Route("GET", "/v1/definitions/{kind}", definitions),
            Route("GET", "/v1/definitions/{kind}/{id}", definitions),
            Route("GET", "/v1/definitions/{kind}/{id}/versions", definitions),
            Route("PUT", "/v1/definitions/{kind}/{id}", definitions),
            Route("DELETE", "/v1/definitions/{kind}/{id}", definitions),
            Route("GET", "/v1/segments/sizes", definitions),
            Route("GET", "/v1/privacy/requests", self.manage_privacy),
            Route("GET", "/v1/ledger", definitions),
            Route("POST", "/v1/sources/{source}/keys", definitions),
            Route("GET", "/v1/sources/{source}/keys", definitions),
            Route("DELETE", "/v1/sources/{source}/keys/{key}", definitions),
            Route("PUT", "/v1/sources/{source}/secrets", definitions),
            Route("POST", "/v1/channels/{channel}/secrets", definitions),
            *quarantine.routes,
        ]

    def _manage_profiles(self) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "manage_profiles",
            description="Answer what is known of a customer; take consent, withdrawals and unlinkings",
            environment={
                "PROFILES_TABLE": tables.profiles.table_name,
                "IDENTITIES_TABLE": tables.identities.table_name,
                "DELIVERIES_TABLE": tables.deliveries.table_name,
                "DEFINITIONS_TABLE": tables.definitions.table_name,
                "STREAM_NAME": data.stream.stream_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
            },
        )
        function.may("dynamodb:BatchGetItem", on=[tables.profiles.table_arn, tables.identities.table_arn])
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[tables.definitions.table_arn])
        function.may("dynamodb:Query", on=[tables.deliveries.table_arn])
        function.may("dynamodb:UpdateItem", on=[tables.identities.table_arn], only_if=ONLY_HOLDS)
        function.may("kinesis:PutRecords", on=[data.stream.stream_arn])
        secrets = [data.secrets.identity.secret_arn, data.secrets.admin.secret_arn]
        function.may("secretsmanager:GetSecretValue", on=secrets)
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb"])
        return function

    def _manage_definitions(self) -> PythonFunction:
        data, secrets = self._data, self._data.secrets
        function = self._make(
            self,
            "manage_definitions",
            description="Keep sources, segments, campaigns and channels; make and take keys and secrets",
            environment={
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "ADMIN_SECRET": secrets.admin.secret_arn,
                "WEBHOOK_SECRETS": secrets.webhooks.secret_arn,
                "CHANNEL_SECRETS": secrets.channels.secret_arn,
            },
        )
        function.may(
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            on=[data.tables.definitions.table_arn],
        )
        function.may("secretsmanager:GetSecretValue", on=[secrets.admin.secret_arn])
        function.may(
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            on=[secrets.webhooks.secret_arn, secrets.channels.secret_arn],
        )
        function.may_use_key(data.key, reads=[], writes=["dynamodb", "secretsmanager"])
        return function

    def _manage_privacy(self) -> PythonFunction:
        data, requests = self._data, self._data.tables.privacy_requests
        function = self._make(
            self,
            "manage_privacy",
            description="Show what people ask about their data",
            environment={
                "PRIVACY_REQUESTS_TABLE": requests.table_name,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
            },
        )
        function.may("dynamodb:Query", on=[f"{requests.table_arn}/index/{STATE_INDEX}"])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["dynamodb", "secretsmanager"])
        return function
