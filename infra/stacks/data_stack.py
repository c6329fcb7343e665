"""All state. Nothing here runs; nothing here knows a function."""

from aws_cdk import CfnOutput, Duration, Environment, Stack
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import EnvironmentConfig
from infra.constructs.company_key import company_key
from infra.constructs.company_secrets import CompanySecrets
from infra.constructs.customer_tables import CustomerTables
from infra.constructs.private_bucket import PrivateBucket, access_log_bucket, expiring
from infra.guardrails import acknowledge


class DataStack(Stack):
    """The key, the stream, the tables, the buckets and the secrets; kept when the stack goes."""

    def __init__(self, scope: Construct, construct_id: str, *, config: EnvironmentConfig) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(region=config.region),
            description="Attune: everything that must outlive a deployment",
            termination_protection=config.deletion_protection,
        )
        self.config = config
        self.key = company_key(self, config)
        self.stream = kinesis.Stream(
            self,
            "Events",
            shard_count=config.stream_shards,
            retention_period=Duration.hours(config.stream_retention_hours),
            encryption=kinesis.StreamEncryption.KMS,
            encryption_key=self.key,
            removal_policy=config.removal_policy,
        )
        acknowledge(
            self.stream, "AwsSolutions-KDS3", "whole events lie in it: it is under the key that guards the rest"
        )
        self.tables = CustomerTables(self, "Tables", config=config, key=self.key)
        self._make_buckets()
        self.secrets = CompanySecrets(self, "Secrets", config=config, key=self.key)
        self._tell()

    def _make_buckets(self) -> None:
        logs = access_log_bucket(self, self.config)
        acknowledge(logs, "AwsSolutions-S1", "this bucket takes the access logs; logging its own would never end")

        def bucket(name: str, *rules: s3.LifecycleRule, versioned: bool = True) -> PrivateBucket:
            return PrivateBucket(
                self, name, config=self.config, key=self.key, access_logs=logs, versioned=versioned, lifecycle=rules
            )

        # What was selected for training holds every customer's figures, and is of no use once they are scored.
        # What Firehose could not lay down holds rows as well: it goes after as long as refused input does.
        self.lake = bucket("Lake", expiring("queries", "queries/", days=7), expiring("errors", "errors/", days=28))
        self.registry = bucket("Registry")
        # Both hold input as it came, so also of people erased since: it goes after 28 days, whatever happens.
        raw = s3.LifecycleRule(id="expire", expiration=Duration.days(28))
        self.quarantine = bucket("Quarantine", raw, versioned=False)
        self.failures = bucket("Failures", raw, versioned=False)
        # What people drop is read within hours; it stays as long as what of it lies in quarantine.
        self.imports = bucket("Imports", raw, versioned=False)
        # What people asked to be shown lies there for a week; receipts and digests for good: they name nobody.
        shown = expiring("exports", "exports/", days=7)
        # What a verification looks for, should its run be ended by hand: it removes it otherwise.
        wanted = expiring("verifications", "erasures/verify-", days=1)
        # What a preview is asked, as well.
        asked = expiring("previews", "previews/", days=1)
        self.audit = bucket("Audit", shown, wanted, asked)
        for told in (self.failures, self.imports):
            # The plain property; the L2 flag would bring a helper function with rights on every bucket.
            plain = told.node.default_child
            assert isinstance(plain, s3.CfnBucket)  # noqa: S101 - narrows jsii's type
            plain.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            )

    def _tell(self) -> None:
        outputs = {
            "StreamName": self.stream.stream_name,
            "ProfilesTable": self.tables.profiles.table_name,
            "IdentitiesTable": self.tables.identities.table_name,
            "LedgerTable": self.tables.ledger.table_name,
            "DeliveriesTable": self.tables.deliveries.table_name,
            "DefinitionsTable": self.tables.definitions.table_name,
            "PrivacyRequestsTable": self.tables.privacy_requests.table_name,
            "LakeBucket": self.lake.bucket_name,
            "RegistryBucket": self.registry.bucket_name,
            "QuarantineBucket": self.quarantine.bucket_name,
            "FailuresBucket": self.failures.bucket_name,
            "ImportsBucket": self.imports.bucket_name,
            "AuditBucket": self.audit.bucket_name,
            "AdminSecretArn": self.secrets.admin.secret_arn,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)
