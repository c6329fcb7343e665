"""What carries out what people ask about their data: two steps of the privacy machine."""

from aws_cdk import Duration, Size
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.customer_tables import MERGED_INDEX, SUBJECT_INDEX
from infra.constructs.lake_tables import LakeTables
from infra.constructs.privacy_management import BY_REQUEST, may_begin_requests
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.guardrails import acknowledge_objects
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
ONLY_TURN = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#turn"]}}
BY_OTHERS = "inputs, batches, files and rows are named by whoever wrote them"
MISSED_ROWS = {"StringLike": {"s3:prefix": ["errors/*"]}}


class PrivacyRequests(Construct):
    """`fulfil_requests` knows requests from their begin to their end; `export_profiles` reads what is held."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        tables: LakeTables,
    ) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data = make, data
        self.fulfil_requests = self._fulfil_requests(config)
        self.export_profiles = self._export_profiles(tables)
        self.functions = [self.fulfil_requests, self.export_profiles]

    def _fulfil_requests(self, config: EnvironmentConfig) -> PythonFunction:
        data, audit = self._data, self._data.audit
        function = self._make(
            self,
            "fulfil_requests",
            description="Begin what people ask about their data, and end it with a receipt",
            memory_mb=1024,
            timeout=LONGEST,
            environment={
                "MERGED_INDEX": MERGED_INDEX,
                "STREAM_RETENTION_HOURS": str(config.stream_retention_hours),
            },
        )
        may_begin_requests(function, data)
        merged = f"{data.tables.profiles.table_arn}/index/{MERGED_INDEX}"
        function.may("dynamodb:Query", on=[merged])  # who was merged, however long ago
        requests = data.tables.privacy_requests.table_arn
        function.may("dynamodb:UpdateItem", "dynamodb:DeleteItem", on=[requests], only_if=ONLY_TURN)
        function.may_get_objects(audit, "sweeps/", BY_REQUEST)
        function.may_get_objects(audit, "receipts/", BY_REQUEST)
        function.may_put_objects(audit, "receipts/", BY_REQUEST)
        function.may("s3:ListBucketVersions", on=[audit.bucket_arn])
        function.may("s3:DeleteObjectVersion", on=[audit.arn_for_objects("erasures/*")])
        acknowledge_objects(function.function_role, audit, "erasures/*", BY_REQUEST)
        return function

    def _export_profiles(self, tables: LakeTables) -> PythonFunction:
        data, stores = self._data, self._data.tables
        function = self._make(
            self,
            "export_profiles",
            description="Gather everything that is held of a person; find everybody whom a shop has sent",
            memory_mb=3008,  # pieces of what is gathered, and a page of it
            timeout=LONGEST,
            disk=Size.gibibytes(10),  # a dropped file of 5 GB, and as a table once more
            environment={
                "DELIVERIES_TABLE": stores.deliveries.table_name,
                "LEDGER_TABLE": stores.ledger.table_name,
                "QUARANTINE_BUCKET": data.quarantine.bucket_name,
                "FAILURES_BUCKET": data.failures.bucket_name,
                "IMPORTS_BUCKET": data.imports.bucket_name,
                "LAKE_BUCKET": data.lake.bucket_name,
                "LAKE_DATABASE": tables.database_name,
                "LAKE_WORKGROUP": tables.workgroup_name,
            },
        )
        may_begin_requests(function, data)
        ledger = stores.ledger.table_arn
        function.may("dynamodb:Query", on=[stores.deliveries.table_arn, ledger, f"{ledger}/index/{SUBJECT_INDEX}"])
        function.may("dynamodb:UpdateItem", on=[stores.privacy_requests.table_arn], only_if=ONLY_TURN)
        self._may_read_inputs(function)
        self._may_lay_out(function)
        tables.may_be_queried_by(function)
        return function

    def _may_read_inputs(self, function: PythonFunction) -> None:
        """What was kept as it came, and rows that could not be laid down where they belong."""
        data = self._data
        function.may("s3:ListBucket", on=[one.bucket_arn for one in (data.quarantine, data.failures, data.imports)])
        function.may("s3:ListBucket", on=[data.lake.bucket_arn], only_if=MISSED_ROWS)
        for bucket, prefix in (
            (data.quarantine, "quarantine/"),
            (data.failures, "aws/lambda/"),
            (data.imports, "imports/"),
            (data.imports, "taken/"),
            (data.lake, "errors/"),
        ):
            function.may_get_objects(bucket, prefix, BY_OTHERS)

    def _may_lay_out(self, function: PythonFunction) -> None:
        """Write what was asked for, piece by piece first; the pieces go when it is whole."""
        audit, pieces = self._data.audit, "exports/*/pieces/*"
        function.may_put_objects(audit, "exports/", BY_REQUEST)
        function.may("s3:GetObject", "s3:DeleteObjectVersion", on=[audit.arn_for_objects(pieces)])
        function.may("s3:ListBucketVersions", on=[audit.bucket_arn])
        acknowledge_objects(function.function_role, audit, pieces, BY_REQUEST)
