"""The APIs for the company's own servers and people."""

from constructs import Construct

from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import GATEWAY, ONLY_CONSENT, LedgerKeeping, may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.constructs.quarantine_management import QuarantineManagement
from infra.stacks.data_stack import DataStack

ONLY_HOLDS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hold#*"]}}


class Management(Construct):
    """`manage_profiles`: customers; `manage_definitions`: what is declared."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data = make, data
        self.manage_profiles = self._manage_profiles()
        self.manage_definitions = self._manage_definitions()
        quarantine = QuarantineManagement(self, "Quarantine", make=make, data=data)
        ledger = LedgerKeeping(self, "Ledger", make=make, data=data)
        self.functions = [self.manage_profiles, self.manage_definitions, *quarantine.functions]
        self.functions += [ledger.verify_ledger]
        #: woken by the clock, so not among those that somebody asks
        self.digest_access = ledger.digest_access
        profiles, definitions = self.manage_profiles, self.manage_definitions
        self.routes = [
            Route("GET", "/v1/profiles/{profile}", profiles),
            Route("GET", "/v1/profiles/{profile}/consent", profiles),
            Route("PUT", "/v1/profiles/{profile}/consent", profiles),
            Route("POST", "/v1/profiles/{profile}/unlink", profiles),
            Route("POST", "/v1/profiles/{profile}/preferences-link", profiles),
            Route("POST", "/v1/lists/{list}", profiles),
            Route("GET", "/v1/definitions/{kind}", definitions),
            Route("GET", "/v1/definitions/{kind}/{id}", definitions),
            Route("GET", "/v1/definitions/{kind}/{id}/versions", definitions),
            Route("PUT", "/v1/definitions/{kind}/{id}", definitions),
            Route("DELETE", "/v1/definitions/{kind}/{id}", definitions),
            Route("GET", "/v1/segments/sizes", definitions),
            Route("GET", "/v1/ledger", definitions),
            Route("GET", "/v1/catalog", definitions),
            Route("POST", "/v1/sources/{source}/keys", definitions),
            Route("GET", "/v1/sources/{source}/keys", definitions),
            Route("DELETE", "/v1/sources/{source}/keys/{key}", definitions),
            Route("PUT", "/v1/sources/{source}/secrets", definitions),
            Route("POST", "/v1/channels/{channel}/secrets", definitions),
            *quarantine.routes,
            *ledger.routes,
        ]

    def _manage_profiles(self) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "manage_profiles",
            description="Answer what is known of a customer; take consent, withdrawals and unlinkings",
            timeout=GATEWAY,
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
        function.may_put_records(data.stream)
        may_record_access(function, data)
        function.may("dynamodb:Query", on=[tables.ledger.table_arn], only_if=ONLY_CONSENT)
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
