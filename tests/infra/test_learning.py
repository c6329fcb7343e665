"""How learning runs: the machine, its schedule, the tables it reads."""

from typing import Any

from attune.adapters import lake_tables
from infra.config import LOCAL, PRODUCTION
from tests.infra.templates import Resource, Templates

LAKE = "attune-production-data/Lake5F1B88EA"
MINUTE = 60


def _machine(templates: Templates) -> Resource:
    return templates.machine("LearningMachine")[0]


def _definition(templates: Templates) -> dict[str, Any]:
    return templates.machine("LearningMachine")[1]


def _tasks(templates: Templates) -> dict[str, dict[str, Any]]:
    states = _definition(templates)["States"]
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def test_each_step_calls_its_function(templates: Templates) -> None:
    names = {str(function): name for name, function in templates.functions().items()}
    assert {step: names[state["Resource"]] for step, state in _tasks(templates).items()} == {
        "CompactLake": "compact_lake",
        "TrainModels": "train_models",
        "RefreshScores": "refresh_scores",
    }


def test_the_lake_is_compacted_until_done_then_a_model_trained_then_scores_sent_until_done(
    templates: Templates,
) -> None:
    definition = _definition(templates)
    states = definition["States"]
    ways = {
        name: [choice["Next"] for choice in state["Choices"]] + [state["Default"]]
        if state["Type"] == "Choice"
        else [state.get("Next")]
        for name, state in states.items()
    }
    assert definition["StartAt"] == "Begin"
    assert ways == {
        "Begin": ["CompactLake"],
        "CompactLake": ["AllCompacted?"],
        "AllCompacted?": ["TrainModels", "CompactLake"],
        "TrainModels": ["RefreshScores"],
        "RefreshScores": ["AllScored?"],
        "AllScored?": ["Learned", "Pause"],
        "Pause": ["RefreshScores"],
        "Learned": [None],
    }
    conditions = [choice for name in ("AllCompacted?", "AllScored?") for choice in states[name]["Choices"]]
    assert [(each["Variable"], each["BooleanEquals"]) for each in conditions] == [
        ("$.lake.done", True),
        ("$.scores.done", True),
    ]
    assert states["Pause"]["Seconds"] == MINUTE
    assert states["Learned"]["Type"] == "Succeed"


def test_a_run_knows_itself_by_the_execution_whatever_it_was_started_with(templates: Templates) -> None:
    states = _definition(templates)["States"]
    begin = states["Begin"]["Parameters"]
    assert begin["run.$"] == "$$.Execution.Name"
    assert begin["started_at.$"] == "$$.Execution.StartTime"
    assert "ResultPath" not in states["Begin"]  # what came in is gone
    for step in _tasks(templates).values():
        assert step["Parameters"]["run.$"] == "$.run"
        assert step["Parameters"]["started_at.$"] == "$.started_at"


def test_a_wave_of_scores_goes_on_where_the_one_before_ended(templates: Templates) -> None:
    states = _definition(templates)["States"]
    assert states["Begin"]["Parameters"]["scores"] == {"position": 0, "sent": 0}
    assert states["TrainModels"]["ResultPath"] == "$.training"
    wave = states["RefreshScores"]
    assert wave["ResultPath"] == "$.scores"
    assert wave["Parameters"]["features.$"] == "$.training.features"
    assert (wave["Parameters"]["position.$"], wave["Parameters"]["sent.$"]) == ("$.scores.position", "$.scores.sent")


def test_every_step_is_repeated_with_growing_pauses_then_fails_the_run(templates: Templates) -> None:
    limits = {str(function): function.properties["Timeout"] for function in templates.functions().values()}
    for name, state in _tasks(templates).items():
        [retry] = state["Retry"]
        assert retry["ErrorEquals"] == ["States.ALL"], name
        assert 1 <= retry["MaxAttempts"] <= 5, name
        assert retry["BackoffRate"] > 1, name
        assert "Catch" not in state, name
        assert state["TimeoutSeconds"] > limits[state["Resource"]], name  # the function's own limit strikes first
    # Nothing but a failure ends a run that does not succeed: that is what the alarm is on.
    assert "TimeoutSeconds" not in _definition(templates)


def test_the_machine_is_traced_and_logs_errors_without_what_it_works_on(templates: Templates) -> None:
    properties = _machine(templates).properties
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ERROR"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert properties.get("StateMachineType", "STANDARD") == "STANDARD"


def test_it_runs_once_a_day_on_aws_and_on_demand_only_on_the_local_cloud(
    templates: Templates, local_templates: Templates
) -> None:
    rule = templates.named("LearningEveryDay", "AWS::Events::Rule")
    assert rule.properties["ScheduleExpression"] == f"cron(0 {PRODUCTION.learning_hour} * * ? *)"
    assert rule.properties["State"] == "ENABLED"
    [target] = rule.properties["Targets"]
    assert templates.target(target["Arn"], rule.stack) == str(_machine(templates))
    assert LOCAL.learning_hour is None
    assert not [r for r in local_templates.of("AWS::Events::Rule") if "LearningEveryDay" in r.logical_id]


def test_tables_have_the_columns_that_compaction_writes(templates: Templates) -> None:
    declared = {
        "events": (lake_tables.EVENTS, [lake_tables.EVENTS_PARTITION], lake_tables.EVENTS_LOCATION),
        "profiles": (lake_tables.PROFILES, [], lake_tables.PROFILES_LOCATION),
    }
    for table in templates.of("AWS::Glue::Table"):
        given = table.properties["TableInput"]
        columns, partition, location = declared.pop(given["Name"])
        storage = given["StorageDescriptor"]
        assert [(each["Name"], each["Type"]) for each in storage["Columns"]] == list(columns)
        assert [(each["Name"], each["Type"]) for each in given["PartitionKeys"]] == partition
        assert templates.target(storage["Location"], table.stack) == f"s3://{LAKE}/{location}"
        assert "parquet" in storage["SerdeInfo"]["SerializationLibrary"]
    assert not declared


def test_a_new_day_needs_no_new_partition(templates: Templates) -> None:
    parameters = templates.named("TablesEventsTable", "AWS::Glue::Table").properties["TableInput"]["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.dt.type"], parameters["projection.dt.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.dt.range"].endswith(",NOW")


def test_answers_of_queries_lie_encrypted_where_they_expire_whatever_the_caller_says(templates: Templates) -> None:
    [workgroup] = templates.of("AWS::Athena::WorkGroup")
    settings = workgroup.properties["WorkGroupConfiguration"]
    assert settings["EnforceWorkGroupConfiguration"] is True
    assert settings["EngineVersion"]["SelectedEngineVersion"] == "Athena engine version 3"
    result = settings["ResultConfiguration"]
    assert templates.target(result["OutputLocation"], workgroup.stack) == f"s3://{LAKE}/{lake_tables.QUERIES}"
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_KMS"
    key = result["EncryptionConfiguration"]["KmsKey"]
    assert templates.target(key, workgroup.stack) == "attune-production-data/Key961B73FD"


def test_what_people_and_tools_need_of_it_is_an_output(templates: Templates) -> None:
    outputs = {name for template in templates.stacks.values() for name in template.get("Outputs", {})}
    assert {"LakeBucket", "LakeDatabase", "LakeWorkgroup", "LearningMachineArn", "RegistryBucket"} <= outputs


def test_training_has_time_memory_and_disk_for_it(templates: Templates) -> None:
    functions = templates.functions()
    for name in ("compact_lake", "train_models"):
        assert functions[name].properties["Timeout"] == 15 * MINUTE, name
        assert functions[name].properties["MemorySize"] >= 3_000, name
    assert functions["compact_lake"].properties["EphemeralStorage"]["Size"] >= 4_096
