"""The API over what lies in quarantine."""

from aws_cdk import Duration
from constructs import Construct

from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

INPUTS = "quarantine/"
#: what it writes lies beside an input, never in its place
TRACES = f"{INPUTS}*.tried-"
BY_INPUT = "an object for each refused input, and one beside it for each attempt to replay it"


class QuarantineManagement(Construct):
    """`manage_quarantine`, for people with the administrator's key."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self.manage_quarantine = self._manage_quarantine(make, data)
        self.functions = [self.manage_quarantine]
        self.routes = [
            Route("GET", "/v1/quarantine", self.manage_quarantine),
            Route("GET", "/v1/quarantine/inputs", self.manage_quarantine),
            Route("GET", "/v1/quarantine/inputs/{input}", self.manage_quarantine),
            Route("POST", "/v1/quarantine/replay", self.manage_quarantine),
        ]

    def _manage_quarantine(self, make: FunctionMaker, data: DataStack) -> PythonFunction:
        tables, secrets = data.tables, data.secrets
        function = make(
            self,
            "manage_quarantine",
            description="Show what was refused, and replay it: read anew, onto the stream",
            timeout=Duration.seconds(29),  # of the 30 that the gateway waits
            environment={
                "QUARANTINE_BUCKET": data.quarantine.bucket_name,
                "STREAM_NAME": data.stream.stream_name,
                "DEFINITIONS_TABLE": tables.definitions.table_name,
                "PRIVACY_REQUESTS_TABLE": tables.privacy_requests.table_name,
                "IDENTITY_SECRET": secrets.identity.secret_arn,
                "ADMIN_SECRET": secrets.admin.secret_arn,
            },
        )
        under = {"StringLike": {"s3:prefix": f"{INPUTS}*"}}
        function.may("s3:ListBucket", on=[data.quarantine.bucket_arn], only_if=under)
        function.may_get_objects(data.quarantine, INPUTS, BY_INPUT)
        function.may_put_objects(data.quarantine, TRACES, BY_INPUT)
        function.may_put_records(data.stream)
        may_record_access(function, data)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[tables.definitions.table_arn])
        function.may("dynamodb:PutItem", on=[tables.privacy_requests.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[secrets.identity.secret_arn, secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
        return function
