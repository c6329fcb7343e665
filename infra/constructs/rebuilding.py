"""Profiles folded anew from the lake, and segments that take over when they are."""

from aws_cdk import Duration
from constructs import Construct

from infra.constructs.lake_tables import LakeTables
from infra.constructs.python_function import FunctionMaker
from infra.stacks.data_stack import DataStack

LONGEST = Duration.minutes(15)  # of a Lambda function
ONLY_PAGES = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["page#*"]}}

TAKEN_OVER = ["segment", "segment@history", "computed_trait", "purpose", "revision"]
ONLY_TAKEOVERS = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": TAKEN_OVER}}


class Rebuilding(Construct):
    """`rebuild_profiles`, for the repair machine: reads the compacted lake, writes profiles, lays takeovers down."""

    def __init__(
        self, scope: Construct, construct_id: str, *, make: FunctionMaker, data: DataStack, tables: LakeTables
    ) -> None:
        super().__init__(scope, construct_id)
        stores = data.tables
        self.rebuild_profiles = function = make(
            self,
            "rebuild_profiles",
            description="Fold profiles anew from the lake",
            memory_mb=3008,  # the events of a page of people, opened
            timeout=LONGEST,
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
        function.may("dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Scan", on=[stores.profiles.table_arn])
        function.may("dynamodb:BatchGetItem", on=[stores.identities.table_arn])
        function.may("dynamodb:PutItem", on=[stores.identities.table_arn], only_if=ONLY_PAGES)
        function.may("dynamodb:GetItem", "dynamodb:Query", on=[stores.definitions.table_arn])
        function.may("dynamodb:UpdateItem", on=[stores.definitions.table_arn], only_if=ONLY_TAKEOVERS)
        function.may("secretsmanager:GetSecretValue", on=[data.secrets.identity.secret_arn])
        tables.may_be_queried_by(function)
        function.may_use_key(data.key, reads=["secretsmanager"], writes=["dynamodb", "s3"])
        self.functions = [function]
