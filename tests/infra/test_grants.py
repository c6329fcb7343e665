"""Who may do what. The whole list is written down here a second time: a new grant is a decision, not a side effect."""

from collections import defaultdict

import pytest

from tests.infra.templates import Statement, Templates

D = "attune-production-data/"
PROFILES, IDENTITIES = f"{D}TablesProfiles742D2D94", f"{D}TablesIdentities4BDFD7EE"
LEDGER, DELIVERIES = f"{D}TablesLedgerF9806C8B", f"{D}TablesDeliveries21CE5B69"
DEFINITIONS, STREAM = f"{D}TablesDefinitions6F596787", f"{D}EventsD32975C2"
PRIVACY_REQUESTS = f"{D}TablesPrivacyRequestsA94C00AA"
QUARANTINE, FAILURES = f"{D}Quarantine23FF09FE", f"{D}Failures8A3E1A2F"
IMPORTS = f"{D}ImportsC5EA4F6F"
KEY = f"{D}Key961B73FD"
AUDIT = f"{D}Audit3D8ADE0A"
IDENTITY_SECRET, ADMIN_SECRET = f"{D}SecretsIdentity74DCF23E", f"{D}SecretsAdmin3D879B6C"
WEBHOOK_SECRETS, CHANNEL_SECRETS = f"{D}SecretsWebhooksA46236DF", f"{D}SecretsChannels143B99DB"
LIMITS = f"{D}TablesLimits627214C7"
LAKE_STREAM = "attune-production-pipeline/LakeStreamFF47BEAA"
LAKE, REGISTRY = f"{D}Lake5F1B88EA", f"{D}Registry4DB9CCA5"
MACHINE = "attune-production-learning/LearningMachine9106F7DD"
REPAIR_MACHINE = "attune-production-pipeline/RepairMachineC377CBFB"
PRIVACY_MACHINE = "attune-production-pipeline/PrivacyMachine5B6B3D9A"
VERIFICATION_MACHINE = "attune-production-pipeline/VerifyingMachineDA6B2FB5"
PREVIEW_MACHINE = "attune-production-pipeline/PreviewMachineD00F56A4"
RUN_CAMPAIGNS = "attune-production-pipeline/CampaigningRunCampaigns98A00C5D"
NOTICES = "attune-production-pipeline/FailedBatchesNoticesA72FACF2"
REPAIRS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::GetAtt": ["RepairMachineC377CBFB", "Name"]}:*'
)
PREVIEWS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::GetAtt": ["PreviewMachineD00F56A4", "Name"]}:*'
)
VERIFICATIONS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::GetAtt": ["VerifyingMachineDA6B2FB5", "Name"]}:*'
)
PRIVACY_RUNS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::GetAtt": ["PrivacyMachine5B6B3D9A", "Name"]}:*'
)
RUNS = (
    "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::GetAtt": ["LearningMachine9106F7DD", "Name"]}:*'
)
ATHENA = "arn:<AWS::Partition>:athena:<AWS::Region>:<AWS::AccountId>:workgroup/attune-production"
GLUE = "arn:<AWS::Partition>:glue:<AWS::Region>:<AWS::AccountId>"
QUEUE = "attune-production-pipeline/CampaigningDeliveriesQueue8EE2DF9A"

DEAD_LETTERS = "attune-production-pipeline/CampaigningDeliveriesDeadLetters6335D39E"
BUCKETS = (QUARANTINE, FAILURES, IMPORTS, LAKE, REGISTRY, AUDIT)

ENTRANCE = {
    DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
    STREAM: {"kinesis:PutRecords"},
    IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
}
LOOK_UP = {
    PROFILES: {"dynamodb:BatchGetItem"},
    IDENTITIES: {"dynamodb:BatchGetItem"},
    DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
}
#: what it takes to find whom a request names, to hold, and to say the rest on the stream
BEGIN = {
    **LOOK_UP,
    IDENTITIES: {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    PRIVACY_REQUESTS: {"dynamodb:GetItem", "dynamodb:PutItem"},
    f"{PRIVACY_REQUESTS}/index/by_state": {"dynamodb:Query"},
    STREAM: {"kinesis:PutRecords"},
    IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    AUDIT: {"s3:ListBucket"},
    f"{AUDIT}/erasures/*": {"s3:GetObject", "s3:PutObject"},
}
MODELS = {REGISTRY: {"s3:ListBucket"}, f"{REGISTRY}/models/*": {"s3:GetObject"}}
#: reads, writes anew, removes with every version
SWEEP = {"s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"}
READ_TABLE = {"glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"}
FOLD = {"dynamodb:BatchGetItem", "dynamodb:PutItem"}
QUERY = {
    ATHENA: {"athena:GetQueryExecution", "athena:StartQueryExecution"},
    f"{GLUE}:catalog": READ_TABLE,
    f"{GLUE}:database/attune_production": READ_TABLE,
    f"{GLUE}:database/default": {"glue:GetDatabase"},
    f"{GLUE}:table/attune_production/events": READ_TABLE,
    f"{GLUE}:table/attune_production/profiles": READ_TABLE,
    LAKE: {"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"},
    f"{LAKE}/compacted/*": {"s3:GetObject"},
    f"{LAKE}/queries/*": {
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    },
}
DECIDE = {**LOOK_UP, DELIVERIES: {"dynamodb:PutItem"}, QUEUE: {"sqs:SendMessage"}}
GRANTS: dict[str, dict[str, set[str]]] = {
    "collect_events": {**ENTRANCE, LIMITS: {"dynamodb:UpdateItem"}},
    "receive_webhook": {
        **ENTRANCE,
        WEBHOOK_SECRETS: {"secretsmanager:GetSecretValue"},
        PRIVACY_REQUESTS: {"dynamodb:PutItem"},
    },
    "import_files": {
        **ENTRANCE,
        IMPORTS: {"s3:ListBucket"},
        f"{IMPORTS}/imports/*": {"s3:GetObject"},
        f"{IMPORTS}/imports/*.report.json": {"s3:PutObject"},
        f"{IMPORTS}/turn.report.json": {"s3:GetObject", "s3:PutObject"},
    },
    "process_events": {
        PROFILES: FOLD,
        IDENTITIES: FOLD,
        LEDGER: {"dynamodb:PutItem"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
        LAKE_STREAM: {"firehose:PutRecordBatch"},
        f"{QUARANTINE}/quarantine/*": {"s3:PutObject"},
        **MODELS,
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
        STREAM: {
            "kinesis:DescribeStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:GetRecords",
            "kinesis:GetShardIterator",
            "kinesis:ListShards",
        },
        FAILURES: {"s3:ListBucket"},
        f"{FAILURES}/aws/lambda/*": {"s3:PutObject"},
    },
    "wake_profiles": {
        f"{PROFILES}/index/due": {"dynamodb:Query"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:PutItem"},
        STREAM: {"kinesis:PutRecords"},
    },
    "run_campaigns": {
        **DECIDE,
        f"{PROFILES}:stream": {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"},
        "*": {"dynamodb:ListStreams"},
        FAILURES: {"s3:ListBucket"},
        f"{FAILURES}/aws/lambda/*": {"s3:PutObject"},
    },
    "deliver_messages": {
        **LOOK_UP,
        DELIVERIES: {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        CHANNEL_SECRETS: {"secretsmanager:GetSecretValue"},
        QUEUE: {
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        },
    },
    "manage_profiles": {
        **LOOK_UP,
        IDENTITIES: LOOK_UP[IDENTITIES] | {"dynamodb:UpdateItem"},
        DELIVERIES: {"dynamodb:Query"},
        LEDGER: {"dynamodb:PutItem", "dynamodb:Query"},
        STREAM: {"kinesis:PutRecords"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "manage_preferences": {
        **LOOK_UP,
        IDENTITIES: LOOK_UP[IDENTITIES] | {"dynamodb:UpdateItem"},
        DELIVERIES: {"dynamodb:Query"},
        LEDGER: {"dynamodb:PutItem"},
        STREAM: {"kinesis:PutRecords"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "manage_definitions": {
        DEFINITIONS: {
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
        WEBHOOK_SECRETS: {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"},
        CHANNEL_SECRETS: {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"},
    },
    "manage_privacy": {
        **BEGIN,
        PRIVACY_MACHINE: {"states:ListExecutions", "states:StartExecution"},
        PRIVACY_RUNS: {"states:DescribeExecution"},
        DELIVERIES: {"dynamodb:Query"},
        LEDGER: {"dynamodb:PutItem"},
        f"{AUDIT}/exports/*": {"s3:GetObject"},
        f"{AUDIT}/receipts/*": {"s3:GetObject"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "fulfil_requests": {
        **BEGIN,
        f"{PROFILES}/index/merged": {"dynamodb:Query"},
        PRIVACY_REQUESTS: {"dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        AUDIT: {"s3:ListBucket", "s3:ListBucketVersions"},
        f"{AUDIT}/erasures/*": {"s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"},
        f"{AUDIT}/receipts/*": {"s3:GetObject", "s3:PutObject"},
        f"{AUDIT}/sweeps/*": {"s3:GetObject"},
    },
    "export_profiles": {
        **QUERY,
        **BEGIN,
        DELIVERIES: {"dynamodb:Query"},
        LEDGER: {"dynamodb:Query"},
        f"{LEDGER}/index/by_subject": {"dynamodb:Query"},
        PRIVACY_REQUESTS: {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"},
        **{one: {"s3:ListBucket"} for one in (QUARANTINE, FAILURES, IMPORTS)},
        f"{QUARANTINE}/quarantine/*": {"s3:GetObject"},
        f"{FAILURES}/aws/lambda/*": {"s3:GetObject"},
        f"{IMPORTS}/imports/*": {"s3:GetObject"},
        f"{IMPORTS}/taken/*": {"s3:GetObject"},
        f"{LAKE}/errors/*": {"s3:GetObject"},
        AUDIT: {"s3:ListBucket", "s3:ListBucketVersions"},
        f"{AUDIT}/exports/*": {"s3:PutObject"},
        f"{AUDIT}/exports/*/pieces/*": {"s3:DeleteObjectVersion", "s3:GetObject"},
    },
    "compact_lake": {
        PROFILES: {"dynamodb:BatchGetItem", "dynamodb:Scan"},
        IDENTITIES: {"dynamodb:Scan"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"},
        LAKE: {"s3:ListBucket", "s3:ListBucketVersions"},
        f"{LAKE}/events/*": SWEEP,
        f"{LAKE}/late/*": SWEEP,
        f"{LAKE}/compacted/*": {"s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "sweep_stores": {
        PROFILES: {"dynamodb:BatchGetItem"},
        IDENTITIES: {"dynamodb:BatchWriteItem", "dynamodb:GetItem"},
        DELIVERIES: {"dynamodb:BatchWriteItem", "dynamodb:Query", "dynamodb:UpdateItem"},
        **{one: {"s3:ListBucket", "s3:ListBucketVersions"} for one in (QUARANTINE, FAILURES, IMPORTS, LAKE, AUDIT)},
        f"{QUARANTINE}/quarantine/*": SWEEP,
        f"{FAILURES}/aws/lambda/*": SWEEP,
        f"{FAILURES}/replayed/*": {"s3:PutObject"},
        f"{IMPORTS}/imports/*": {"s3:DeleteObjectVersion", "s3:GetObject"},
        f"{IMPORTS}/taken/*": SWEEP,
        **{f"{LAKE}/{prefix}/*": SWEEP for prefix in ("events", "errors", "queries")},
        f"{LAKE}/compacted/*": {"s3:DeleteObjectVersion"},
        f"{LAKE}/late/*": {"s3:DeleteObjectVersion", "s3:PutObject"},
        f"{AUDIT}/erasures/*": {"s3:GetObject"},
        f"{AUDIT}/sweeps/*": {"s3:GetObject", "s3:PutObject"},
        f"{AUDIT}/exports/*": {"s3:DeleteObjectVersion", "s3:GetObject"},
        **MODELS,
        f"{REGISTRY}/models/*/erasures/people.json": {"s3:PutObject"},
        f"{REGISTRY}/models/*/champion.json": {"s3:PutObject"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "verify_privacy": {
        **{one: {"dynamodb:Scan"} for one in (IDENTITIES, LEDGER, DELIVERIES, DEFINITIONS, LIMITS, PRIVACY_REQUESTS)},
        PROFILES: {"dynamodb:BatchGetItem", "dynamodb:Scan"},
        **{one: {"s3:ListBucket", "s3:ListBucketVersions"} for one in BUCKETS},
        **{f"{one}/*": {"s3:GetObject", "s3:GetObjectVersion"} for one in BUCKETS},
        f"{AUDIT}/erasures/verify-*": {"s3:DeleteObjectVersion", "s3:PutObject"},
        **{one: {"sqs:GetQueueAttributes", "sqs:ReceiveMessage"} for one in (DEAD_LETTERS, NOTICES)},
        "*": {"cloudwatch:ListMetrics"},
    },
    "manage_verifications": {
        LEDGER: {"dynamodb:PutItem"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
        VERIFICATION_MACHINE: {"states:ListExecutions", "states:StartExecution"},
        VERIFICATIONS: {"states:DescribeExecution"},
        f"{AUDIT}/erasures/verify-*": {"s3:PutObject"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "train_models": {
        **QUERY,
        PROFILES: {"dynamodb:Scan"},
        IDENTITIES: {"dynamodb:Scan"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
        REGISTRY: {"s3:ListBucket"},
        f"{REGISTRY}/models/*": {"s3:GetObject", "s3:PutObject"},
    },
    "rebuild_profiles": {
        **QUERY,
        PROFILES: FOLD | {"dynamodb:Scan"},
        IDENTITIES: FOLD,
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "refresh_scores": {
        **MODELS,
        **LOOK_UP,
        f"{LAKE}/queries/*": {"s3:GetObject"},
        STREAM: {"kinesis:PutRecords"},
    },
    "manage_models": {
        **MODELS,
        MACHINE: {"states:ListExecutions", "states:StartExecution"},
        RUNS: {"states:DescribeExecution"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "replay_batches": {
        FAILURES: {"s3:ListBucket"},
        f"{FAILURES}/aws/lambda/*": {"s3:GetObject"},
        f"{FAILURES}/replayed/*": {"s3:PutObject"},
        STREAM: {"kinesis:PutRecords"},
        RUN_CAMPAIGNS: {"lambda:InvokeFunction"},
        NOTICES: {"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"},
    },
    "repair_effects": {
        **DECIDE,
        PROFILES: LOOK_UP[PROFILES] | {"dynamodb:Scan"},
        DELIVERIES: {"dynamodb:GetItem", "dynamodb:PutItem"},
    },
    "explain_segments": {
        **QUERY,
        **LOOK_UP,
        LEDGER: {"dynamodb:PutItem"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "preview_segments": {
        **QUERY,
        **LOOK_UP,
        PROFILES: LOOK_UP[PROFILES] | {"dynamodb:Scan"},
        AUDIT: {"s3:ListBucket", "s3:ListBucketVersions"},
        f"{AUDIT}/previews/*": {"s3:DeleteObjectVersion", "s3:GetObject"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "manage_previews": {
        PREVIEW_MACHINE: {"states:ListExecutions", "states:StartExecution"},
        PREVIEWS: {"states:DescribeExecution"},
        LEDGER: {"dynamodb:PutItem"},
        f"{AUDIT}/previews/*": {"s3:PutObject"},
        DEFINITIONS: {"dynamodb:GetItem", "dynamodb:Query"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "manage_quarantine": {
        **ENTRANCE,
        QUARANTINE: {"s3:ListBucket"},
        f"{QUARANTINE}/quarantine/*": {"s3:GetObject"},
        f"{QUARANTINE}/quarantine/*.tried-*": {"s3:PutObject"},
        PRIVACY_REQUESTS: {"dynamodb:PutItem"},
        LEDGER: {"dynamodb:PutItem"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "digest_access": {
        LEDGER: {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"},
        AUDIT: {"s3:ListBucket"},
        f"{AUDIT}/digests/*": {"s3:GetObject", "s3:PutObject"},
    },
    "verify_ledger": {
        LEDGER: {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"},
        PROFILES: {"dynamodb:BatchGetItem", "dynamodb:Scan"},
        f"{PRIVACY_REQUESTS}/index/by_state": {"dynamodb:Query"},
        AUDIT: {"s3:ListBucket"},
        f"{AUDIT}/digests/*": {"s3:GetObject"},
        f"{AUDIT}/receipts/*": {"s3:GetObject"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
    },
    "manage_repairs": {
        LEDGER: {"dynamodb:PutItem"},
        REPAIR_MACHINE: {"states:ListExecutions", "states:StartExecution"},
        REPAIRS: {"states:DescribeExecution"},
        ADMIN_SECRET: {"secretsmanager:GetSecretValue"},
        IDENTITY_SECRET: {"secretsmanager:GetSecretValue"},
    },
}

MACHINES = {
    "PrivacyMachine": {"fulfil_requests", "export_profiles", "compact_lake", "rebuild_profiles", "sweep_stores"},
    "ImportingImport": {"import_files"},
    "LearningMachine": {"compact_lake", "train_models", "refresh_scores"},
    "PreviewMachine": {"compact_lake", "preview_segments"},
    "VerifyingMachine": {"verify_privacy"},
    "RepairMachine": {"replay_batches", "repair_effects", "compact_lake", "rebuild_profiles"},
}
READS_LOGS = {"logs:DescribeLogGroups", "logs:FilterLogEvents"}


def _of(templates: Templates, name: str) -> list[Statement]:
    return templates.statements(templates.role_of(templates.functions()[name]))


def _granted(templates: Templates, name: str) -> dict[str, set[str]]:
    granted: defaultdict[str, set[str]] = defaultdict(set)
    for statement in _of(templates, name):
        for resource in statement.resources:
            granted[resource] |= {
                action for action in statement.actions if not action.startswith(("xray:", "logs:", "kms:"))
            }
    return {resource: actions for resource, actions in granted.items() if actions}


def test_every_function_is_granted_this_list_and_nothing_else(templates: Templates) -> None:
    assert {name: _granted(templates, name) for name in templates.functions()} == GRANTS


def test_wildcards_stand_only_where_iam_knows_no_resource(templates: Templates) -> None:
    without_resource = {
        "dynamodb:ListStreams",
        *("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
        *("logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries"),
        *("logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
        "logs:UpdateLogDelivery",
        "cloudwatch:ListMetrics",
    }
    for role in templates.of("AWS::IAM::Role"):
        assert "ManagedPolicyArns" not in role.properties, role
        for statement in templates.statements(str(role)):
            assert not [action for action in statement.actions if "*" in action], role
            if "*" in statement.resources:
                assert statement.actions <= without_resource, role


def test_wake_up_writes_its_marks_and_no_definition(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "wake_profiles") if DEFINITIONS in s.resources]
    assert statement.condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mark"]}}


def test_compaction_writes_what_it_counts_and_no_definition_nor_any_key(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "compact_lake") if "dynamodb:PutItem" in s.actions]
    assert statement.actions == {"dynamodb:PutItem"}
    assert statement.resources == {DEFINITIONS}
    assert statement.condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["sizes", "arrivals"]}}


@pytest.mark.parametrize(
    "function", ["manage_profiles", "manage_preferences", "manage_privacy", "fulfil_requests", "export_profiles"]
)
def test_who_takes_a_withdrawal_writes_holds_and_no_identity(templates: Templates, function: str) -> None:
    of_identities = [s for s in _of(templates, function) if IDENTITIES in s.resources]
    [statement] = [s for s in of_identities if "dynamodb:UpdateItem" in s.actions]
    assert statement.resources == {IDENTITIES}
    assert statement.condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["hold#*"]}}


def test_only_whose_turn_it_is_is_taken_away_among_requests(templates: Templates) -> None:
    for name in ("fulfil_requests", "manage_privacy", "export_profiles", "receive_webhook"):
        mine = [s for s in _of(templates, name) if PRIVACY_REQUESTS in s.resources]
        deleting = [s.condition for s in mine if s.actions & {"dynamodb:DeleteItem", "dynamodb:UpdateItem"}]
        only_turn = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#turn"]}}
        assert deleting == ([only_turn] if name in {"fulfil_requests", "export_profiles"} else []), name


def test_training_lists_tables_and_answers_and_no_raw_rows(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "train_models") if "s3:ListBucket" in s.actions and LAKE in s.resources]
    assert statement.condition == {"StringLike": {"s3:prefix": ["compacted/*", "queries/*"]}}


def test_a_rebuild_writes_pages_of_memories_and_no_identity(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "rebuild_profiles") if s.resources == {IDENTITIES} and s.condition]
    assert statement.condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["page#*"]}}


def test_a_rebuild_lets_segments_take_over_and_touches_no_other_definition_nor_any_key(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "rebuild_profiles") if "dynamodb:UpdateItem" in s.actions]
    kinds = ["segment", "segment@history", "computed_trait", "purpose", "revision"]
    assert statement.condition == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": kinds}}


@pytest.mark.parametrize(("prefix", "functions"), MACHINES.items())
def test_a_machine_calls_its_functions_and_nothing_else(templates: Templates, prefix: str, functions: set[str]) -> None:
    machine, _ = templates.machine(prefix)
    role = templates.target(machine.properties["RoleArn"], machine.stack)
    statements = [s for s in templates.statements(role) if "*" not in s.resources]
    its_own = {str(templates.functions()[name]) for name in functions}
    assert [(set(s.actions), set(s.resources)) for s in statements] == [({"lambda:InvokeFunction"}, its_own)]


def test_the_schedule_starts_the_learning_machine_and_nothing_else(templates: Templates) -> None:
    rule = templates.named("LearningEveryDay", "AWS::Events::Rule")
    [target] = rule.properties["Targets"]
    [statement] = templates.statements(templates.target(target["RoleArn"], rule.stack))
    assert (set(statement.actions), set(statement.resources)) == ({"states:StartExecution"}, {MACHINE})


def test_who_sweeps_removes_pages_of_memories_and_no_mark_of_an_identity(templates: Templates) -> None:
    [statement] = [s for s in _of(templates, "sweep_stores") if IDENTITIES in s.resources]
    assert statement.condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["page#*"]}}


def _of_key(templates: Templates, name: str) -> dict[str, set[str]]:
    """What a function may do with the key, by the service it must ask."""
    through: defaultdict[str, set[str]] = defaultdict(set)
    for statement in _of(templates, name):
        actions = {action for action in statement.actions if action.startswith("kms:")}
        if actions:
            assert statement.resources == {KEY}, name
            for joined in statement.condition["StringEquals"]["kms:ViaService"]:
                through[templates.target(joined, "").split(".")[0]] |= actions
    return through


def test_every_function_writes_its_log_under_the_key_and_only_one_reads_the_stream_with_it(
    templates: Templates,
) -> None:
    read = {"kms:Decrypt", "kms:DescribeKey"}
    for name in templates.functions():
        through = _of_key(templates, name)
        assert through["logs"] == {"kms:Decrypt", "kms:GenerateDataKey"}, name
        puts = {"kms:GenerateDataKey"} if "kinesis:PutRecords" in _granted(templates, name).get(STREAM, ()) else set()
        assert through["kinesis"] == (read if name == "process_events" else puts), name


def test_who_sends_to_a_queue_makes_keys_for_it_and_who_receives_only_opens(templates: Templates) -> None:
    read = {"kms:Decrypt", "kms:DescribeKey"}
    send = {*read, "kms:Encrypt", "kms:GenerateDataKey"}
    through = {name: _of_key(templates, name)["sqs"] for name in templates.functions()}
    assert {name: actions for name, actions in through.items() if actions} == {
        "run_campaigns": send,
        "repair_effects": send,
        "deliver_messages": read,
        "replay_batches": read,
        "verify_privacy": read,
    }


def test_the_key_is_used_only_through_the_services_that_hold_data(templates: Templates) -> None:
    through = {name: set(_of_key(templates, name)) - {"logs", "kinesis", "sqs"} for name in templates.functions()}
    assert through == {
        "collect_events": {"dynamodb", "secretsmanager"},
        "receive_webhook": {"dynamodb", "secretsmanager"},
        "import_files": {"dynamodb", "s3", "secretsmanager"},
        "process_events": {"dynamodb", "s3", "secretsmanager"},
        "wake_profiles": {"dynamodb"},
        "run_campaigns": {"dynamodb", "s3"},
        "deliver_messages": {"dynamodb", "secretsmanager"},
        "manage_profiles": {"dynamodb", "secretsmanager"},
        "manage_preferences": {"dynamodb", "secretsmanager"},
        "manage_definitions": {"dynamodb", "secretsmanager"},
        "compact_lake": {"dynamodb", "s3", "secretsmanager"},
        "sweep_stores": {"dynamodb", "s3", "secretsmanager"},
        "verify_privacy": {"dynamodb", "s3"},
        "manage_verifications": {"dynamodb", "s3", "secretsmanager"},
        "train_models": {"dynamodb", "s3"},
        "rebuild_profiles": {"dynamodb", "s3", "secretsmanager"},
        "refresh_scores": {"dynamodb", "s3"},
        "manage_models": {"s3", "secretsmanager"},
        "replay_batches": {"s3"},
        "repair_effects": {"dynamodb"},
        "manage_quarantine": {"dynamodb", "s3", "secretsmanager"},
        "manage_privacy": {"dynamodb", "s3", "secretsmanager"},
        "fulfil_requests": {"dynamodb", "s3", "secretsmanager"},
        "export_profiles": {"dynamodb", "s3", "secretsmanager"},
        "manage_repairs": {"dynamodb", "secretsmanager"},
        "digest_access": {"dynamodb", "s3"},
        "verify_ledger": {"dynamodb", "s3", "secretsmanager"},
        "explain_segments": {"dynamodb", "s3", "secretsmanager"},
        "preview_segments": {"dynamodb", "s3", "secretsmanager"},
        "manage_previews": {"dynamodb", "s3", "secretsmanager"},
    }


def test_only_who_verifies_reads_logs_and_only_ours(templates: Templates) -> None:
    logs = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:"
    reading = {
        (name, action): set(statement.resources)
        for name in templates.functions()
        for statement in _of(templates, name)
        for action in statement.actions & READS_LOGS
    }
    assert reading == {
        ("verify_privacy", "logs:DescribeLogGroups"): {f"{logs}*"},
        ("verify_privacy", "logs:FilterLogEvents"): {
            f"{logs}attune-production-*",
            f"{logs}/aws/vendedlogs/attune/production/*",
        },
    }


def test_a_function_writes_to_its_own_log_group_only(templates: Templates) -> None:
    for name, function in templates.functions().items():
        own = templates.target(function.properties["LoggingConfig"]["LogGroup"], function.stack)
        logs = [s for s in _of(templates, name) if any(action.startswith("logs:") for action in s.actions)]
        logs = [s for s in logs if not s.actions <= READS_LOGS]
        assert [s.resources for s in logs] == [{own}], name
