"""Why somebody is in a segment, and who would be in one that is not there yet."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.constructs.function_machine import may_run
from infra.constructs.http_api import Route
from infra.constructs.lake_tables import LakeTables
from infra.constructs.ledger_keeping import may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
GATEWAY = Duration.seconds(29)  # API Gateway gives up after 30
#: what a run is asked: removed at its end
OWN = "previews/"
BY_RUN = "a document a run"


class Explaining(Construct):
    """`explain_segments`, for server keys, and `preview_segments`, for the preview machine; both change nothing."""

    def __init__(
        self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack, tables: LakeTables
    ) -> None:
        super().__init__(scope, construct_id)
        self._make, self._data, self._tables = make, data, tables
        self.explain_segments = self._reader(
            "explain_segments",
            description="Tell why a customer is in a segment or not, now or at a past time",
            memory_mb=1024,
            timeout=GATEWAY,
            writes=["dynamodb", "s3"],
        )
        may_record_access(self.explain_segments, data)
        self.preview_segments = self._reader(
            "preview_segments",
            description="Reckon who would be in a segment, and was in the past weeks",
            memory_mb=3008,  # the events of a page of people, opened
            timeout=LONGEST,
            writes=["s3"],
        )
        self.preview_segments.may("dynamodb:Scan", on=[data.tables.profiles.table_arn])  # how segments overlap
        self.preview_segments.add_environment("AUDIT_BUCKET", data.audit.bucket_name)
        self.preview_segments.may_get_objects(data.audit, OWN, BY_RUN)
        self.preview_segments.may("s3:ListBucket", "s3:ListBucketVersions", on=[data.audit.bucket_arn])
        self.preview_segments.may("s3:DeleteObjectVersion", on=[data.audit.arn_for_objects(f"{OWN}*")])
        self.functions = [self.explain_segments, self.preview_segments]
        self.routes = [Route("GET", "/v1/profiles/{profile}/segments/{segment}", self.explain_segments)]

    def _reader(
        self, name: str, *, description: str, memory_mb: int, timeout: Duration, writes: Sequence[str]
    ) -> PythonFunction:
        data, tables, stores = self._data, self._tables, self._data.tables
        function = self._make(
            self,
            name,
            description=description,
            memory_mb=memory_mb,
            timeout=timeout,
            environment={
                "PROFILES_TABLE": stores.profiles.table_name,
                "IDENTITIES_TABLE": stores.identities.table_name,
                "DEFINITIONS_TABLE": stores.definitions.table_name,
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
                "LAKE_BUCKET": data.lake.bucket_name,
                "LAKE_DATABASE": tables.database_name,
                "LAKE_WORKGROUP": tables.workgroup_name,
            },
        )
        function.may("dynamodb:BatchGetItem", on=[stores.profiles.table_arn, stores.identities.table_arn])
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[stores.definitions.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        tables.may_be_queried_by(function)
        function.may_use_key(data.key, reads=["dynamodb", "secretsmanager"], writes=writes)
        return function


class PreviewManagement(Construct):
    """`manage_previews`, for people with the administrator's key."""

    def __init__(
        self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack, machine: sfn.StateMachine
    ) -> None:
        super().__init__(scope, construct_id)
        definitions = data.tables.definitions
        self.manage_previews = function = make(
            self,
            "manage_previews",
            description="Start previews of segments and show what they found",
            environment={
                "PREVIEW_MACHINE": machine.state_machine_arn,
                "DEFINITIONS_TABLE": definitions.table_name,
                "AUDIT_BUCKET": data.audit.bucket_name,
                "ADMIN_SECRET": data.secrets.admin.secret_arn,
            },
        )
        may_run(function, machine)
        may_record_access(function, data)
        function.may_put_objects(data.audit, OWN, BY_RUN)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[definitions.table_arn])
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
        self.functions = [function]
        self.routes = [
            Route("POST", "/v1/previews", function),
            Route("GET", "/v1/previews", function),
            Route("GET", "/v1/previews/{run}", function),
        ]
