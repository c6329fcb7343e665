"""How a repair runs: the machine, what it is told, and the notices that it ends."""

from typing import Any

import pytest

from tests.infra.templates import Templates

STEPS = {
    "ReplayBatches": "replay_batches",
    "RepairEffects": "repair_effects",
    "CompactLake": "compact_lake",
    "RebuildProfiles": "rebuild_profiles",
    "BackfillSegments": "rebuild_profiles",
}
#: what the machine is given, by what the API was asked
WAYS = {
    "all": ["ReplayBatches", "RepairEffects"],
    "batches": ["ReplayBatches"],
    "effects": ["RepairEffects"],
    "profiles": ["CompactLake", "RebuildProfiles"],
    "segments": ["CompactLake", "BackfillSegments"],
}


def _states(templates: Templates) -> dict[str, Any]:
    states: dict[str, Any] = templates.machine("RepairMachine")[1]["States"]
    return states


def _chosen(state: dict[str, Any], what: str, *, done: bool) -> str:
    for choice in state["Choices"]:
        holds = choice["StringEquals"] == what if "StringEquals" in choice else choice["BooleanEquals"] is done
        if holds:
            return str(choice["Next"])
    return str(state["Default"])


def _way(templates: Templates, what: str, calls: int) -> list[str]:
    """The steps of a run whose every function must be called `calls` times until it is done."""
    definition = templates.machine("RepairMachine")[1]
    name, taken = definition["StartAt"], []
    while (state := definition["States"][name])["Type"] != "Succeed":
        if state["Type"] == "Task":
            taken.append(name)
        if state["Type"] == "Choice":
            name = _chosen(state, what, done=taken.count(taken[-1]) >= calls if taken else False)
        else:
            name = state["Next"]
    return taken


def test_each_step_calls_its_function(templates: Templates) -> None:
    names = {str(function): name for name, function in templates.functions().items()}
    tasks = {step: names[state["Resource"]] for step, state in _states(templates).items() if state["Type"] == "Task"}
    assert tasks == STEPS


@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("what", WAYS)
def test_what_was_asked_for_is_done_step_by_step_until_each_is_done(
    templates: Templates, what: str, calls: int
) -> None:
    assert _way(templates, what, calls) == [step for step in WAYS[what] for _ in range(calls)]


def test_every_step_is_repeated_with_growing_pauses_then_fails_the_run(templates: Templates) -> None:
    limits = {str(function): function.properties["Timeout"] for function in templates.functions().values()}
    for name in STEPS:
        state = _states(templates)[name]
        [retry] = state["Retry"]
        assert (retry["ErrorEquals"], retry["BackoffRate"] > 1, retry["MaxAttempts"]) == (["States.ALL"], True, 4), name
        assert "Catch" not in state, name
        assert state["TimeoutSeconds"] > limits[state["Resource"]], name


def test_every_step_is_told_its_run_and_its_own_last_answer(templates: Templates) -> None:
    states = _states(templates)
    begin = states["Begin"]["Parameters"]
    assert (begin["run.$"], begin["started_at.$"]) == ("$$.Execution.Name", "$$.Execution.StartTime")
    assert begin["asked.$"] == "$"
    for name, place in {"ReplayBatches": "$.batches", "RepairEffects": "$.effects"}.items():
        told = states[name]["Parameters"]
        assert (told["run.$"], told["started_at.$"], told["dry_run.$"]) == ("$.run", "$.started_at", "$.asked.dry_run")
        assert told["so_far.$"] == states[name]["ResultPath"] == place
        assert begin[place.removeprefix("$.")] == {}
    assert states["RepairEffects"]["Parameters"]["since.$"] == "$.asked.since"
    rebuild = states["RebuildProfiles"]
    assert (rebuild["Parameters"]["profiles.$"], rebuild["ResultPath"]) == ("$.asked.profiles", "$.profiles")
    assert rebuild["Parameters"]["position.$"] == "$.profiles.position"
    assert "position" in begin["profiles"]


def test_a_backfill_waits_for_the_rows_that_firehose_holds_and_again_where_some_still_lack(
    templates: Templates,
) -> None:
    states = _states(templates)
    [stream] = templates.of("AWS::KinesisFirehose::DeliveryStream")
    held = stream.properties["ExtendedS3DestinationConfiguration"]["BufferingHints"]["IntervalInSeconds"]
    assert _chosen(states["What?"], "segments", done=False) == "WaitForRows"
    assert (states["WaitForRows"]["Seconds"], states["WaitForRows"]["Next"]) == (held + 60, "CompactLake")
    backfill, asked = states["BackfillSegments"], states["AllBackfilled?"]
    assert [(choice["Variable"], choice["Next"]) for choice in asked["Choices"]] == [
        ("$.segments.done", "Repaired"),
        ("$.segments.wait", "WaitForRows"),
    ]
    assert (asked["Default"], backfill["ResultPath"]) == ("BackfillSegments", "$.segments")
    assert backfill["Parameters"]["segments.$"] == "$.asked.segments"
    assert backfill["Parameters"]["position.$"] == "$.segments.position"
    assert "position" in states["Begin"]["Parameters"]["segments"]


def test_the_machine_is_traced_and_logs_errors_without_what_it_works_on(templates: Templates) -> None:
    properties = templates.machine("RepairMachine")[0].properties
    assert properties["TracingConfiguration"] == {"Enabled": True}
    assert properties["LoggingConfiguration"]["Level"] == "ERROR"
    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_a_failed_batch_makes_a_notice_and_the_receipt_of_its_replay_makes_none(templates: Templates) -> None:
    rule = templates.named("FailedBatchesArrival", "AWS::Events::Rule")
    pattern = rule.properties["EventPattern"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["object"] == {"key": [{"prefix": "aws/lambda/"}]}


def test_what_people_need_of_it_is_an_output(templates: Templates) -> None:
    outputs = {name for template in templates.stacks.values() for name in template.get("Outputs", {})}
    assert {"RepairMachineArn", "FailedBatchNoticesUrl", "FailuresBucket"} <= outputs
