"""The API over what people ask about their data."""

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.customer_tables import STATE_INDEX
from infra.constructs.function_machine import may_run
from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

BY_REQUEST = "one folder, or one document, a request"
ONLY_HOLDS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hold#*"]}}
GATEWAY = Duration.seconds(29)  # API Gateway gives up after 30
ONE = "/v1/privacy/requests/{request}"


def may_begin_requests(function: PythonFunction, data: DataStack) -> None:
    """Let it find whom a request names, hold what is done with their data, and say the rest on the stream."""
    tables = data.tables
    names = {
        "PROFILES_TABLE": tables.profiles.table_name,
        "IDENTITIES_TABLE": tables.identities.table_name,
        "DEFINITIONS_TABLE": tables.definitions.table_name,
        "PRIVACY_REQUESTS_TABLE": tables.privacy_requests.table_name,
        "AUDIT_BUCKET": data.audit.bucket_name,
        "STREAM_NAME": data.stream.stream_name,
        "IDENTITY_SECRET": data.secrets.identity.secret_arn,
    }
    for name, value in names.items():
        function.add_environment(name, value)
    function.may("dynamodb:BatchGetItem", on=[tables.profiles.table_arn, tables.identities.table_arn])
    function.may("dynamodb:UpdateItem", on=[tables.identities.table_arn], only_if=ONLY_HOLDS)
    function.may("dynamodb:GetItem", "dynamodb:Query", on=[tables.definitions.table_arn])
    function.may("dynamodb:GetItem", "dynamodb:PutItem", on=[tables.privacy_requests.table_arn])
    function.may("dynamodb:Query", on=[f"{tables.privacy_requests.table_arn}/index/{STATE_INDEX}"])
    function.may_put_records(data.stream)
    function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
    function.may("s3:ListBucket", on=[data.audit.bucket_arn])
    function.may_get_objects(data.audit, "erasures/", BY_REQUEST)
    function.may_put_objects(data.audit, "erasures/", BY_REQUEST)
    function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])


class PrivacyManagement(Construct):
    """`manage_privacy`, for people with the administrator's key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack, machine: sfn.StateMachine
    ) -> None:
        super().__init__(scope, construct_id)
        self.manage_privacy = function = make(
            self,
            "manage_privacy",
            description="Take what people ask about their data, begin it, and show what became of it",
            timeout=GATEWAY,
            environment={
                "PRIVACY_MACHINE": machine.state_machine_arn,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
                "DELIVERIES_TABLE": data.tables.deliveries.table_name,
            },
        )
        may_begin_requests(function, data)
        function.may("dynamodb:Query", on=[data.tables.deliveries.table_arn])
        may_run(function, machine)
        may_record_access(function, data)
        for shown in ("exports/", "receipts/"):
            function.may_get_objects(data.audit, shown, BY_REQUEST)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        self.functions = [function]
        self.routes = [
            Route("POST", "/v1/privacy/requests", function),
            Route("GET", "/v1/privacy/requests", function),
            Route("GET", ONE, function),
            Route("POST", f"{ONE}/fulfil", function),
            Route("POST", f"{ONE}/refuse", function),
            Route("GET", f"{ONE}/export", function),
            Route("GET", f"{ONE}/receipt", function),
        ]
