"""How a dropped file is imported: what starts a run, the machine, and what it may touch."""

import fnmatch
from typing import Any

import pytest

from attune.domain.collection.imports import REPORT, report_key
from attune.use_cases.collection.take_turns import TURN
from tests.infra.templates import Templates


def _machine(templates: Templates) -> dict[str, Any]:
    return templates.machine("ImportingImport")[1]


def _starts(pattern: dict[str, Any], key: str) -> bool:
    """Whether the rule's pattern matches a file of this name."""
    [rule] = pattern["detail"]["object"]["key"]
    return not key.endswith(rule["anything-but"]["suffix"])


def test_a_dropped_file_starts_a_run_and_what_the_run_writes_starts_none(templates: Templates) -> None:
    rule = templates.named("ImportingArrival", "AWS::Events::Rule")
    pattern = rule.properties["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    [name] = pattern["detail"]["bucket"]["name"]
    assert templates.target(name, rule.stack) == str(templates.named("Imports", "AWS::S3::Bucket"))
    for key in ("imports/tills/a.csv", "imports/tills/A.PARQUET", "imports/tills/unknown"):
        assert _starts(pattern, key)
        assert not _starts(pattern, report_key(key))
    assert not _starts(pattern, TURN)
    [target] = rule.properties["Targets"]
    machine, _ = templates.machine("ImportingImport")
    assert templates.target(target["Arn"], rule.stack) == str(machine)
    [statement] = templates.statements(templates.target(target["RoleArn"], rule.stack))
    assert (set(statement.actions), set(statement.resources)) == ({"states:StartExecution"}, {str(machine)})


def test_the_bucket_tells_of_its_files(templates: Templates) -> None:
    bucket = templates.named("Imports", "AWS::S3::Bucket").properties
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True


@pytest.mark.parametrize("calls", [1, 3])
def test_the_function_is_called_with_pauses_until_the_file_is_done(templates: Templates, calls: int) -> None:
    definition = _machine(templates)
    name, taken = definition["StartAt"], []
    while (state := definition["States"][name])["Type"] != "Succeed":
        taken.append(name)
        if state["Type"] == "Choice":
            done = taken.count("ImportFile") >= calls
            [choice] = state["Choices"]
            assert choice["Variable"] == "$.import.done"
            name = choice["Next"] if choice["BooleanEquals"] is done else state["Default"]
        else:
            name = state["Next"]
    assert taken == ["Begin", *["ImportFile", "AllImported?", "Pause"] * calls][:-1]


def test_a_step_is_told_its_key_and_tried_again_until_somebody_hears_of_it(
    templates: Templates,
) -> None:
    states = _machine(templates)["States"]
    assert states["Begin"]["Parameters"]["key.$"] == "$.detail.object.key"
    step = states["ImportFile"]
    assert step["Parameters"] == {"run.$": "$.run", "started_at.$": "$.started_at", "key.$": "$.key"}
    [retry] = step["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    pauses = [retry["IntervalSeconds"] * retry["BackoffRate"] ** number for number in range(retry["MaxAttempts"])]
    assert max(pauses) < 300
    assert sum(pauses) >= 900, "no two five-minute periods of the alarm on failures are sure to be met"
    assert step["TimeoutSeconds"] > templates.functions()["import_files"].properties["Timeout"]


def test_an_import_writes_reports_and_no_file(templates: Templates) -> None:
    role = templates.role_of(templates.functions()["import_files"])
    written = [s for s in templates.statements(role) if "s3:PutObject" in s.actions]
    patterns = {resource.partition("/")[2].partition("/")[2] for s in written for resource in s.resources}
    assert patterns == {f"imports/*{REPORT}", TURN}
    assert not any(fnmatch.fnmatch("imports/tills/a.csv", pattern) for pattern in patterns)


def test_a_parquet_file_of_the_greatest_size_has_room(templates: Templates) -> None:
    function = templates.functions()["import_files"].properties
    assert function["EphemeralStorage"]["Size"] >= 2_048
    assert function["Timeout"] == 900
