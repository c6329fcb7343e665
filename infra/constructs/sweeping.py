"""What takes the traces of erased people out of every store: the one function that may delete."""

from aws_cdk import Duration, Size
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.python_function import FunctionMaker, PythonFunction
from infra.guardrails import acknowledge_objects
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
BY_OTHERS = "inputs, batches, files, rows and answers are named by whoever wrote them"


class Sweeping(Construct):
    """`sweep_stores`, a step of the privacy machine."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: EnvironmentConfig, make: FunctionMaker, data: DataStack
    ) -> None:
        super().__init__(scope, construct_id)
        self._data = data
        tables = data.tables
        self.sweep_stores = make(
            self,
            "sweep_stores",
            description="Take the traces of erased people out of every store",
            memory_mb=2048,
            timeout=LONGEST,
            disk=Size.gibibytes(10),  # a file of 5 GB, and the same without somebody's rows
            environment={
                "PROFILES_TABLE": tables.profiles.table_name,
                "IDENTITIES_TABLE": tables.identities.table_name,
                "DELIVERIES_TABLE": tables.deliveries.table_name,
                "LAKE_BUCKET": data.lake.bucket_name,
                "QUARANTINE_BUCKET": data.quarantine.bucket_name,
                "FAILURES_BUCKET": data.failures.bucket_name,
                "IMPORTS_BUCKET": data.imports.bucket_name,
                "REGISTRY_BUCKET": data.registry.bucket_name,
                "AUDIT_BUCKET": data.audit.bucket_name,
                "STREAM_RETENTION_HOURS": str(config.stream_retention_hours),
                "IDENTITY_SECRET": data.secrets.identity.secret_arn,
            },
        )
        self._may_sweep_tables(self.sweep_stores)
        self._may_sweep_buckets(self.sweep_stores)
        self.sweep_stores.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        self.sweep_stores.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
        self.functions = [self.sweep_stores]

    def _may_sweep_tables(self, function: PythonFunction) -> None:
        tables = self._data.tables
        function.may("dynamodb:BatchGetItem", on=[tables.profiles.table_arn])
        function.may(
            "dynamodb:Query", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem", on=[tables.deliveries.table_arn]
        )
        # Pages of a profile's memory lie among the identities, whose marks must stay.
        only_pages = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["page#*"]}}
        function.may(
            "dynamodb:GetItem", "dynamodb:BatchWriteItem", on=[tables.identities.table_arn], only_if=only_pages
        )

    def _may_sweep_buckets(self, function: PythonFunction) -> None:
        """By bucket: what is read, what is written anew, what is removed with every version."""
        data = self._data
        lake = ("events/", "errors/", "queries/")
        for bucket, reads, writes, removes in (
            (data.quarantine, ("quarantine/",), ("quarantine/",), ("quarantine/",)),
            (data.failures, ("aws/lambda/",), ("aws/lambda/", "replayed/"), ("aws/lambda/",)),
            (data.imports, ("imports/", "taken/"), ("taken/",), ("imports/", "taken/")),
            (data.lake, lake, (*lake, "late/"), (*lake, "compacted/", "late/")),
            (data.audit, ("erasures/", "sweeps/", "exports/"), ("sweeps/",), ("exports/",)),
        ):
            function.may("s3:ListBucket", "s3:ListBucketVersions", on=[bucket.bucket_arn])
            for prefix in reads:
                function.may("s3:GetObject", on=[bucket.arn_for_objects(f"{prefix}*")])
            for prefix in writes:
                function.may("s3:PutObject", on=[bucket.arn_for_objects(f"{prefix}*")])
            for prefix in removes:
                function.may("s3:DeleteObjectVersion", on=[bucket.arn_for_objects(f"{prefix}*")])
            for prefix in sorted({*reads, *writes, *removes}):
                acknowledge_objects(function.function_role, bucket, f"{prefix}*", BY_OTHERS)
        function.may_read_models(data.registry)
        for document in ("models/*/erasures/people.json", "models/*/champion.json"):
            function.may("s3:PutObject", on=[data.registry.arn_for_objects(document)])
            acknowledge_objects(function.function_role, data.registry, document, "one document a model")
