"""How a preview runs: what the machine is told, and which of its two ways it takes."""

from typing import Any

import pytest

from tests.infra.templates import Templates


def _states(templates: Templates) -> dict[str, Any]:
    states: dict[str, Any] = templates.machine("PreviewMachine")[1]["States"]
    return states


def _chosen(state: dict[str, Any], *, draft: bool, done: bool) -> str:
    for choice in state["Choices"]:
        said = draft if choice["Variable"] == "$.asked.draft" else done
        if choice["BooleanEquals"] is said:
            return str(choice["Next"])
    return str(state["Default"])


def _way(templates: Templates, *, draft: bool, calls: int, failing: str = "") -> list[str]:
    """The steps of a run whose every function must be called `calls` times until it is done, but for one that fails."""
    definition = templates.machine("PreviewMachine")[1]
    name, taken = definition["StartAt"], []
    while (state := definition["States"][name])["Type"] not in {"Succeed", "Fail"}:
        if state["Type"] == "Task":
            taken.append(name)
        if name == failing:
            [caught] = state["Catch"]
            assert caught["ErrorEquals"] == ["States.ALL"]
            name = caught["Next"]
        elif state["Type"] == "Choice":
            name = _chosen(state, draft=draft, done=bool(taken) and taken.count(taken[-1]) >= calls)
        else:
            name = state["Next"]
    assert (state["Type"] == "Fail") == bool(failing)
    return taken


@pytest.mark.parametrize("calls", [1, 3])
def test_a_draft_is_looked_at_in_a_lake_of_now_and_an_overlap_without_it(templates: Templates, calls: int) -> None:
    both = [step for step in ("CompactLake", "PreviewSegments") for _ in range(calls)]
    assert _way(templates, draft=True, calls=calls) == [*both, "ForgetAsked"]
    assert _way(templates, draft=False, calls=calls) == ["PreviewSegments"] * calls + ["ForgetAsked"]


@pytest.mark.parametrize("failing", ["CompactLake", "PreviewSegments"])
def test_what_was_asked_goes_also_where_the_run_has_failed(templates: Templates, failing: str) -> None:
    taken = _way(templates, draft=True, calls=1, failing=failing)
    assert taken[-2:] == [failing, "ForgetAskedOfFailed"]
    states = _states(templates)
    for name in ("ForgetAsked", "ForgetAskedOfFailed"):
        assert states[name]["Parameters"]["step"] == "forget"


def test_the_step_is_told_its_own_last_answer_and_nothing_of_what_was_asked(templates: Templates) -> None:
    states = _states(templates)
    assert states["Begin"]["Parameters"]["preview"] == {"position": ""}
    told = states["PreviewSegments"]["Parameters"]
    assert set(told) == {"run.$", "started_at.$", "step", "position.$"}
    assert (told["step"], told["position.$"]) == ("look", "$.preview.position")
    assert states["PreviewSegments"]["ResultPath"] == "$.preview"


def test_what_a_stopped_run_was_asked_expires(templates: Templates) -> None:
    rules = templates.named("Audit", "AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]
    [rule] = [one for one in rules if one.get("Prefix") == "previews/"]
    assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]["NoncurrentDays"]) == (1, 1)


def test_an_explanation_is_over_before_the_gateway_gives_up(templates: Templates) -> None:
    assert templates.functions()["explain_segments"].properties["Timeout"] < 30
