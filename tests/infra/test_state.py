"""What must never be lost, and who could read it."""

from pathlib import Path
from typing import Any

from attune.adapters.dynamodb_privacy import INDEX
from tests.infra.templates import Resource, Templates

KEY = "attune-production-data/Key961B73FD"
STATEFUL = (
    "AWS::DynamoDB::GlobalTable",
    "AWS::Kinesis::Stream",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)


def test_the_logical_ids_of_what_holds_state_are_pinned(templates: Templates) -> None:
    """A changed id makes CloudFormation create an empty twin: say so on purpose, with a migration, or not at all."""
    assert sorted(str(resource) for resource in templates.of(*STATEFUL)) == [
        "attune-production-data/AccessLogs8B620ECA",
        "attune-production-data/Audit3D8ADE0A",
        "attune-production-data/EventsD32975C2",
        "attune-production-data/Failures8A3E1A2F",
        "attune-production-data/ImportsC5EA4F6F",
        "attune-production-data/Key961B73FD",
        "attune-production-data/Lake5F1B88EA",
        "attune-production-data/Quarantine23FF09FE",
        "attune-production-data/Registry4DB9CCA5",
        "attune-production-data/SecretsAdmin3D879B6C",
        "attune-production-data/SecretsChannels143B99DB",
        "attune-production-data/SecretsIdentity74DCF23E",
        "attune-production-data/SecretsWebhooksA46236DF",
        "attune-production-data/TablesDefinitions6F596787",
        "attune-production-data/TablesDeliveries21CE5B69",
        "attune-production-data/TablesIdentities4BDFD7EE",
        "attune-production-data/TablesLedgerF9806C8B",
        "attune-production-data/TablesLimits627214C7",
        "attune-production-data/TablesPrivacyRequestsA94C00AA",
        "attune-production-data/TablesProfiles742D2D94",
    ]


def test_everything_that_holds_state_stays_when_its_stack_goes(templates: Templates) -> None:
    for resource in templates.of(*STATEFUL):
        assert resource.body["DeletionPolicy"] == "Retain", resource
        assert resource.body["UpdateReplacePolicy"] == "Retain", resource


def test_the_stack_with_the_state_runs_nothing(templates: Templates) -> None:
    data = [resource.type for resource in templates if resource.stack == "attune-production-data"]
    assert not [type_ for type_ in data if type_.startswith(("AWS::Lambda", "AWS::Events", "Custom::"))]


def _replica(table: Resource) -> dict[str, Any]:
    [replica] = table.properties["Replicas"]
    return dict(replica)


def test_every_table_is_recoverable_protected_and_under_our_own_key(templates: Templates) -> None:
    for table in templates.of("AWS::DynamoDB::GlobalTable"):
        replica = _replica(table)
        assert replica["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": 7,
        }, table
        assert replica["DeletionProtectionEnabled"] is True, table
        assert table.properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}, table
        assert templates.target(replica["SSESpecification"]["KMSMasterKeyId"], table.stack) == KEY, table
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST", table


def test_tables_have_the_keys_and_expiry_the_design_names(templates: Templates) -> None:
    tables = {
        table.logical_id[len("Tables") : -8]: (
            [key["AttributeName"] for key in table.properties["KeySchema"]],
            table.properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
        )
        for table in templates.of("AWS::DynamoDB::GlobalTable")
    }
    assert tables == {
        "Profiles": (["profile_id"], None),
        "Identities": (["identity_key"], "expires_at"),
        "Ledger": (["profile_id", "entry"], None),
        "Deliveries": (["profile_id", "delivery_id"], "expires_at"),
        "Definitions": (["kind", "id"], None),
        "Limits": (["bucket"], "expires_at"),
        "PrivacyRequests": (["request_id"], None),
    }


def test_profiles_have_two_sparse_indexes_and_a_stream_of_new_images(templates: Templates) -> None:
    profiles = templates.named("TablesProfiles", "AWS::DynamoDB::GlobalTable").properties
    due, merged = profiles["GlobalSecondaryIndexes"]
    assert merged == {
        "IndexName": "merged",
        "KeySchema": [{"AttributeName": "merged_into", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    assert due == {
        "IndexName": "due",
        "KeySchema": [
            {"AttributeName": "due_shard", "KeyType": "HASH"},
            {"AttributeName": "due_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    types = {each["AttributeName"]: each["AttributeType"] for each in profiles["AttributeDefinitions"]}
    assert types == {"profile_id": "S", "due_shard": "S", "due_at": "N", "merged_into": "S"}
    assert profiles["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


def test_privacy_requests_can_be_read_in_the_order_of_their_deadlines(templates: Templates) -> None:
    [index] = templates.named("TablesPrivacyRequests", "AWS::DynamoDB::GlobalTable").properties[
        "GlobalSecondaryIndexes"
    ]
    assert index == {
        "IndexName": INDEX,
        "KeySchema": [
            {"AttributeName": "state", "KeyType": "HASH"},
            {"AttributeName": "due_at", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }


def test_every_bucket_is_closed_encrypted_and_tidied(templates: Templates) -> None:
    for bucket in templates.of("AWS::S3::Bucket"):
        properties = bucket.properties
        assert all(properties["PublicAccessBlockConfiguration"].values()), bucket
        [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        algorithm = rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert algorithm == ("AES256" if bucket.logical_id.startswith("AccessLogs") else "aws:kms"), bucket
        assert properties["LifecycleConfiguration"]["Rules"], bucket


def test_every_bucket_refuses_plain_http(templates: Templates) -> None:
    guarded = set()
    for policy in templates.of("AWS::S3::BucketPolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                guarded.add(templates.target(policy.properties["Bucket"], policy.stack))
    assert guarded == {str(bucket) for bucket in templates.of("AWS::S3::Bucket")}


def test_nothing_that_is_held_is_copied_into_another_region(templates: Templates) -> None:
    tables = templates.of("AWS::DynamoDB::GlobalTable")
    assert len({_replica(table)["Region"] for table in tables}) == 1
    for resource in templates.of(*STATEFUL):
        assert not {"ReplicationConfiguration", "ReplicaRegions", "MultiRegion"} & resource.properties.keys(), resource


def test_raw_input_and_old_versions_are_gone_within_thirty_days(templates: Templates) -> None:
    """Erasure promises a horizon of under 30 days; these are the copies it cannot reach one by one."""
    for name in ("Quarantine", "Failures", "Imports"):
        rules = templates.named(name, "AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
        assert any(rule.get("ExpirationInDays", 99) < 30 for rule in rules), name
    for name in ("Lake", "Registry"):
        rules = templates.named(name, "AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
        ages = [rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules]
        assert max(ages) <= 7, name


def test_of_the_lake_no_rows_expire_by_their_age(templates: Templates) -> None:
    """A raw day must stay: its neighbours are judged by it. What holds everybody's figures beside it must not."""
    rules = templates.named("Lake", "AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in expiring] == [("queries/", 7), ("errors/", 28)]


def test_the_stream_keeps_a_day(templates: Templates) -> None:
    [stream] = templates.of("AWS::Kinesis::Stream")
    assert stream.properties["RetentionPeriodHours"] == 24


def test_what_carries_data_is_under_the_key_of_what_holds_it(templates: Templates, local_templates: Templates) -> None:
    """The stream, Firehose's buffer, queues and logs; on the local cloud as on AWS."""
    where = {
        "AWS::Kinesis::Stream": ("StreamEncryption", "KeyId"),
        "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamEncryptionConfigurationInput", "KeyARN"),
        "AWS::SQS::Queue": ("KmsMasterKeyId",),
        "AWS::Logs::LogGroup": ("KmsKeyId",),
    }
    for deployment in (templates, local_templates):
        [key] = deployment.of("AWS::KMS::Key")
        for resource in deployment.of(*where):
            named: Any = resource.properties
            for name in where[resource.type]:
                named = named[name]
            assert deployment.target(named, resource.stack) == str(key), resource
    [delivery] = templates.of("AWS::KinesisFirehose::DeliveryStream")
    assert delivery.properties["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] == "CUSTOMER_MANAGED_CMK"


def test_no_template_holds_a_secret_value(templates: Templates) -> None:
    for secret in templates.of("AWS::SecretsManager::Secret"):
        assert secret.properties.get("SecretString", "{}") == "{}", secret
        assert templates.target(secret.properties["KmsKeyId"], secret.stack) == KEY


def test_the_key_rotates(templates: Templates) -> None:
    [key] = templates.of("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True


def test_the_key_lets_in_three_services_that_act_for_nobody(templates: Templates) -> None:
    """Alarms reach an encrypted topic, notices an encrypted queue, and log lines their group, by the key's policy."""
    [key] = templates.of("AWS::KMS::Key")
    statements = key.properties["KeyPolicy"]["Statement"]
    senders, logs = [each for each in statements if "Service" in each["Principal"]]
    assert senders["Principal"] == {"Service": ["cloudwatch.amazonaws.com", "events.amazonaws.com"]}
    assert senders["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert senders["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    named = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    ours = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
    assert [templates.target(each, key.stack) for each in named] == [
        f"{ours}attune-production-*",
        f"{ours}/aws/vendedlogs/attune/production/*",
    ]


def test_the_assembly_names_no_account_and_no_folder_of_this_machine(aws_assembly: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    for file in aws_assembly.glob("*.json"):
        assert root not in file.read_text(), file.name
