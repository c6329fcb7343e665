"""What keeps the ledger believable: who may write access records, who seals them, who checks all of it."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.customer_tables import STATE_INDEX
from infra.constructs.http_api import Route
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

ONLY_ACCESS = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["access#*"]}}
ONLY_CONSENT = {"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": ["access#*", "digest#*"]}}
ONLY_HEAD = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["digest#access"]}}
DIGESTS = "digests/"
RECEIPTS = "receipts/"
A_DAY = "two objects for each day, one for each erasure"
GATEWAY = Duration.seconds(29)  # API Gateway gives up after 30
LONGEST = Duration.minutes(15)  # of a Lambda function


def may_record_access(function: PythonFunction, data: DataStack) -> None:
    """Let it add access records to the ledger; nobody may change or delete any."""
    function.add_environment("LEDGER_TABLE", data.tables.ledger.table_name)
    function.may("dynamodb:PutItem", on=[data.tables.ledger.table_arn], only_if=ONLY_ACCESS)


class LedgerKeeping(Construct):
    """`digest_access`, once a day; `verify_ledger`, for people with the administrator's key."""

    def __init__(self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data = make, data
        self.digest_access = self._digest_access()
        self.verify_ledger = self._verify_ledger()
        self.routes = [Route("GET", "/v1/ledger/verify", self.verify_ledger)]

    def _digest_access(self) -> PythonFunction:
        data, ledger = self._data, self._data.tables.ledger
        function = self._make(
            self,
            "digest_access",
            description="Seal the access records of each day that is over",
            memory_mb=1024,  # the lines of a day
            timeout=LONGEST,
            environment={"LEDGER_TABLE": ledger.table_name, "AUDIT_BUCKET": data.audit.bucket_name},
        )
        # It looks through all of it for the first day there is, when it has sealed none.
        function.may("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", on=[ledger.table_arn])
        function.may("dynamodb:PutItem", on=[ledger.table_arn], only_if=ONLY_HEAD)
        self._may_read_digests(function)
        function.may_put_objects(data.audit, DIGESTS, A_DAY)
        function.may_use_key(data.key, reads=[], writes=["dynamodb", "s3"])
        events.Rule(
            self,
            "EveryDay",
            description="Seal the access records of the day before",
            schedule=events.Schedule.cron(minute="10", hour="1"),
            targets=[targets.LambdaFunction(function)],
        )
        return function

    def _verify_ledger(self) -> PythonFunction:
        data, tables = self._data, self._data.tables
        function = self._make(
            self,
            "verify_ledger",
            description="Tell whether the ledger and the receipts are as they were written",
            memory_mb=1024,  # the lines of a day, twice
            timeout=GATEWAY,
            environment={
                "LEDGER_TABLE": tables.ledger.table_name,
                "PROFILES_TABLE": tables.profiles.table_name,
                "PRIVACY_REQUESTS_TABLE": tables.privacy_requests.table_name,
                "AUDIT_BUCKET": data.audit.bucket_name,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
            },
        )
        function.may("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", on=[tables.ledger.table_arn])
        function.may("dynamodb:BatchGetItem", "dynamodb:Scan", on=[tables.profiles.table_arn])
        # What was done keeps its receipt's digest, in another store than the receipt.
        function.may("dynamodb:Query", on=[f"{tables.privacy_requests.table_arn}/index/{STATE_INDEX}"])
        self._may_read_digests(function, RECEIPTS)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["dynamodb", "s3", "secretsmanager"])
        return function

    def _may_read_digests(self, function: PythonFunction, *more: str) -> None:
        audit, prefixes = self._data.audit, (DIGESTS, *more)
        for prefix in prefixes:
            function.may_get_objects(audit, prefix, A_DAY)
        named = [f"{prefix}*" for prefix in prefixes]
        function.may("s3:ListBucket", on=[audit.bucket_arn], only_if={"StringLike": {"s3:prefix": named}})
