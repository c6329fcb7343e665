"""What looks through everything that is stored, whether anything of somebody is left: it may read all of it."""

from collections.abc import Mapping

from aws_cdk import Aws, Duration, Size
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.function_machine import KNOWN, RUN, FunctionMachine, may_run
from infra.constructs.http_api import Route
from infra.constructs.ledger_keeping import may_record_access
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.guardrails import acknowledge, acknowledge_objects
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
GATEWAY = Duration.seconds(29)  # API Gateway gives up after 30
#: what a run looks for, and how far it has come: removed at its end
OWN = "erasures/verify-"
BY_RUN = "two documents a run"
ALL_OF_IT = "it looks through everything that is stored"
RUNS = "/v1/privacy/verifications"


class VerificationMachine(FunctionMachine):
    """VerifyStores until it is done, ForgetTexts, and that also where it has failed."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, verify_privacy: PythonFunction
    ) -> None:
        super().__init__(scope, construct_id)
        begin = sfn.Pass(self, "Begin", parameters=RUN)
        verify = self._call("VerifyStores", verify_privacy, {**KNOWN, "step": "look"}, "$.verified")
        asked = {**KNOWN, "step": "forget"}
        forget = self._call("ForgetTexts", verify_privacy, asked, "$.forgotten")
        forget_failed = self._call("ForgetTextsOfFailed", verify_privacy, asked, "$.forgotten")
        failed = sfn.Fail(self, "Failed", error_path="$.failed.Error", cause_path="$.failed.Cause")
        verify.add_catch(forget_failed.next(failed), result_path="$.failed")
        self._until_done("AllLookedThrough?", verify, "$.verified", then=forget, again=verify)
        forget.next(sfn.Succeed(self, "Verified"))
        self._make(
            config,
            name="verifications",
            comment="Whether anything of somebody is left in any store",
            functions=[verify_privacy],
            steps=begin.next(verify),
        )


class Verifying(Construct):
    """`verify_privacy`, the machine that calls it, and `manage_verifications`, for people with the admin's key."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: EnvironmentConfig,
        make: FunctionMaker,
        data: DataStack,
        queues: Mapping[str, sqs.IQueue],
    ) -> None:
        """`queues`: those that nobody consumes, by the variable that names each."""
        super().__init__(scope, construct_id)
        self._config, self._make, self._data = config, make, data
        self.verify_privacy = self._verify_privacy(queues)
        self.machine = VerificationMachine(self, "Machine", config=config, verify_privacy=self.verify_privacy).machine
        self.manage_verifications = self._manage_verifications()
        self.functions = [self.verify_privacy, self.manage_verifications]
        manage = self.manage_verifications
        self.routes = [Route("POST", RUNS, manage), Route("GET", RUNS, manage), Route("GET", f"{RUNS}/{{run}}", manage)]

    def _verify_privacy(self, queues: Mapping[str, sqs.IQueue]) -> PythonFunction:
        data, stored, buckets = self._data, _tables(self._data), _buckets(self._data)
        groups = _log_groups(self._config)
        named = {
            **{name: table.table_name for name, table in stored.items()},
            **{name: bucket.bucket_name for name, bucket in buckets.items()},
            **{name: queue.queue_url for name, queue in queues.items()},
        }
        function = self._make(
            self,
            "verify_privacy",
            description="Look through everything that is stored for what somebody said",
            memory_mb=3008,  # it unpacks and searches: twice the time of one processor's share
            timeout=LONGEST,
            disk=Size.gibibytes(4),  # an object of a gigabyte, and the same unpacked by DuckDB
            environment={**named, "LOG_GROUPS": ",".join(groups)},
        )
        function.may("dynamodb:Scan", on=[table.table_arn for table in stored.values()])
        function.may("dynamodb:BatchGetItem", on=[data.tables.profiles.table_arn])
        for bucket in buckets.values():
            function.may("s3:ListBucket", "s3:ListBucketVersions", on=[bucket.bucket_arn])
            function.may("s3:GetObject", "s3:GetObjectVersion", on=[bucket.arn_for_objects("*")])
            acknowledge_objects(function.function_role, bucket, "*", ALL_OF_IT)
        function.may("sqs:ReceiveMessage", "sqs:GetQueueAttributes", on=[queue.queue_arn for queue in queues.values()])
        self._may_read_telemetry(function, groups)
        function.may_put_objects(data.audit, OWN, BY_RUN)
        function.may("s3:DeleteObjectVersion", on=[data.audit.arn_for_objects(f"{OWN}*")])
        function.may_use_key(data.key, reads=["dynamodb", "sqs"], writes=["s3"])
        return function

    def _may_read_telemetry(self, function: PythonFunction, groups: tuple[str, ...]) -> None:
        of_account = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:"
        reported = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
        function.may("logs:DescribeLogGroups", on=[f"{of_account}*"])
        function.may("logs:FilterLogEvents", on=[f"{of_account}{group}*" for group in groups])
        for group in ("", *groups):
            acknowledge(function.function_role, f"AwsSolutions-IAM5[Resource::{reported}{group}*]", ALL_OF_IT)
        function.may("cloudwatch:ListMetrics", on=["*"])  # it knows no resource

    def _manage_verifications(self) -> PythonFunction:
        data, secrets = self._data, self._data.secrets
        function = self._make(
            self,
            "manage_verifications",
            description="Start looking for what is left of somebody, and show what was found",
            timeout=GATEWAY,
            environment={
                "VERIFICATION_MACHINE": self.machine.state_machine_arn,
                "DEFINITIONS_TABLE": data.tables.definitions.table_name,
                "AUDIT_BUCKET": data.audit.bucket_name,
                "STREAM_RETENTION_HOURS": str(self._config.stream_retention_hours),
                "IDENTITY_SECRET": secrets.identity.secret_arn,
                "ADMIN_SECRET": secrets.admin.secret_arn,
            },
        )
        may_run(function, self.machine)
        may_record_access(function, data)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[data.tables.definitions.table_arn])
        function.may_put_objects(data.audit, OWN, BY_RUN)
        function.may("secretsmanager:GetSecretValue", on=[secrets.identity.secret_arn, secrets.admin.secret_arn])
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
        return function


def _tables(data: DataStack) -> dict[str, dynamodb.TableV2]:
    """All of them, by the variable that names each."""
    tables = data.tables
    return {
        "PROFILES_TABLE": tables.profiles,
        "IDENTITIES_TABLE": tables.identities,
        "LEDGER_TABLE": tables.ledger,
        "DELIVERIES_TABLE": tables.deliveries,
        "DEFINITIONS_TABLE": tables.definitions,
        "LIMITS_TABLE": tables.limits,
        "PRIVACY_REQUESTS_TABLE": tables.privacy_requests,
    }


def _buckets(data: DataStack) -> dict[str, s3.Bucket]:
    """All but the access logs, by the variable that names each."""
    return {
        "LAKE_BUCKET": data.lake,
        "QUARANTINE_BUCKET": data.quarantine,
        "FAILURES_BUCKET": data.failures,
        "IMPORTS_BUCKET": data.imports,
        "REGISTRY_BUCKET": data.registry,
        "AUDIT_BUCKET": data.audit,
    }


def _log_groups(config: EnvironmentConfig) -> tuple[str, ...]:
    emulators = f"/aws/cloudformation/attune-{config.name}-"
    return (*config.log_groups, emulators) if config.is_local else config.log_groups
