"""How a privacy run goes: the machine, what its steps are told, and in which order they come."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.templates import Templates

STEPS = {
    "BeginRequests": "fulfil_requests",
    "CompactLake": "compact_lake",
    "ExportProfiles": "export_profiles",
    "CompactUnlinked": "compact_lake",
    "RebuildUnlinked": "rebuild_profiles",
    "SweepStores": "sweep_stores",
    "CompactSwept": "compact_lake",
    "SweepVersions": "sweep_stores",
    "FinishRequests": "fulfil_requests",
}
#: what BeginRequests says → the steps up to its next call, or to the end
WAYS = {
    "over": [],
    "wait": [],
    "read": ["CompactLake", "ExportProfiles"],
    "finish": ["FinishRequests"],
    "sweep": ["SweepStores", "CompactSwept", "SweepVersions", "FinishRequests"],
    "rebuild": ["CompactUnlinked", "RebuildUnlinked"],
}


def _definition(templates: Templates) -> dict[str, Any]:
    definition: dict[str, Any] = templates.machine("PrivacyMachine")[1]
    return definition


def _chosen(state: dict[str, Any], said: str, *, done: bool) -> str:
    for choice in state["Choices"]:
        if choice["Variable"] == "$.round.next":
            holds = choice["StringEquals"] == ("sweep" if said == "rebuild" else said)
        elif choice["Variable"] == "$.round.rebuilds":
            holds = said == "rebuild"
        else:
            holds = done
        if holds:
            return str(choice["Next"])
    return str(state["Default"])


def _way(templates: Templates, said: str, calls: int) -> list[str]:
    """The states of a round, waits included, whose every step must be called `calls` times until it is done."""
    states = _definition(templates)["States"]
    name, taken = states["BeginRequests"]["Next"], list[str]()
    while states[name]["Type"] != "Succeed" and name != "BeginRequests":
        state = states[name]
        if state["Type"] in {"Task", "Wait", "Pass"}:
            taken.append(name)
        task = next((one for one in taken[::-1] if states[one]["Type"] == "Task"), "")
        done = taken.count(task) >= calls
        name = _chosen(state, said, done=done) if state["Type"] == "Choice" else str(state["Next"])
    return taken


def test_each_step_calls_its_function(templates: Templates) -> None:
    names = {str(function): name for name, function in templates.functions().items()}
    states = _definition(templates)["States"]
    tasks = {step: names[state["Resource"]] for step, state in states.items() if state["Type"] == "Task"}
    assert tasks == STEPS


@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("said", WAYS)
def test_a_round_goes_as_its_requests_need(templates: Templates, said: str, calls: int) -> None:
    tasks = [one for one in _way(templates, said, calls) if one in STEPS]
    assert tasks == [step for step in WAYS[said] for _ in range(1 if step == "FinishRequests" else calls)]


@pytest.mark.parametrize("said", ["wait", "read", "sweep"])
def test_rows_on_their_way_are_waited_for_first(templates: Templates, said: str) -> None:
    assert _way(templates, said, 1)[0] == "WaitForRows"


@pytest.mark.parametrize(
    ("said", "step"), [("read", "CompactLake"), ("sweep", "CompactSwept"), ("rebuild", "CompactUnlinked")]
)
def test_a_compaction_counts_what_was_laid_down_until_it_begins(templates: Templates, said: str, step: str) -> None:
    """What a sweep has rewritten is younger than the run: reckoned from its start, rows of others would be left out."""
    states = _definition(templates)["States"]
    assert states[step]["Parameters"]["started_at.$"] == "$.now.at"
    way = _way(templates, said, 1)
    instant = states[way[way.index(step) - 1]]
    assert instant["Parameters"]["now"] == {"at.$": "$$.State.EnteredTime"}
    if said == "sweep":
        assert way[way.index(step) - 2] == "Settle"


def test_every_state_that_is_told_a_position_finds_one(templates: Templates) -> None:
    """A path that leads nowhere fails a run of Step Functions."""
    begin = _definition(templates)["States"]["Begin"]["Parameters"]
    assert {"round", "swept", "export", "rebuilt", "run.$", "started_at.$"} == set(begin)
    assert all(begin[name] == {"position": ""} for name in ("swept", "export", "rebuilt"))


def test_somebody_looks_every_six_hours(templates: Templates) -> None:
    machine = templates.machine("PrivacyMachine")[0]
    rule = templates.named("PrivacyEverySixHours", "AWS::Events::Rule")
    assert rule.properties["ScheduleExpression"] == "rate(6 hours)"
    [target] = rule.properties["Targets"]
    assert templates.target(target["Arn"], rule.stack) == str(machine)


def test_no_sender_that_found_somebody_before_they_were_erased_lives_until_their_holds_are_lifted(
    templates: Templates,
) -> None:
    """What an erasure held is lifted at the end of its round; the wait lies between that and the grave."""
    wait = _definition(templates)["States"]["WaitForRows"]["Seconds"]
    assert _way(templates, "sweep", 1)[0] == "WaitForRows"
    for sender in ("deliver_messages", "run_campaigns"):
        assert wait > templates.functions()[sender].properties["Timeout"]
