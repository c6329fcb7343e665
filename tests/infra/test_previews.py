"""How a preview runs: what the machine is told, and which of its two ways it takes."""

from typing import Any

import pytest

from tests.infra.templates import Templates


def _states(templates: Templates) -> dict[str, Any]:
    states: dict[str, Any] = templates.machine("PreviewMachine")[1]["States"]
    return states


def _chosen(state: dict[str, Any], *, draft: bool, done: bool) -> str:
    for choice in state["Choices"]:
        if draft if "IsPresent" in choice else choice["BooleanEquals"] is done:
            return str(choice["Next"])
    return str(state["Default"])


def _way(templates: Templates, *, draft: bool, calls: int) -> list[str]:
    """The steps of a run whose every function must be called `calls` times until it is done."""
    definition = templates.machine("PreviewMachine")[1]
    name, taken = definition["StartAt"], []
    while (state := definition["States"][name])["Type"] != "Succeed":
        if state["Type"] == "Task":
            taken.append(name)
        if state["Type"] == "Choice":
            name = _chosen(state, draft=draft, done=bool(taken) and taken.count(taken[-1]) >= calls)
        else:
            name = state["Next"]
    return taken


@pytest.mark.parametrize("calls", [1, 3])
def test_a_draft_is_looked_at_in_a_lake_of_now_and_an_overlap_without_it(templates: Templates, calls: int) -> None:
    both = [step for step in ("CompactLake", "PreviewSegments") for _ in range(calls)]
    assert _way(templates, draft=True, calls=calls) == both
    assert _way(templates, draft=False, calls=calls) == ["PreviewSegments"] * calls


def test_the_step_is_told_what_was_asked_and_its_own_last_answer(templates: Templates) -> None:
    states = _states(templates)
    begin = states["Begin"]["Parameters"]
    assert (begin["asked.$"], begin["preview"]) == ("$", {"position": ""})
    told = states["PreviewSegments"]["Parameters"]
    assert (told["asked.$"], told["position.$"]) == ("$.asked", "$.preview.position")
    assert states["PreviewSegments"]["ResultPath"] == "$.preview"


def test_an_explanation_is_over_before_the_gateway_gives_up(templates: Templates) -> None:
    assert templates.functions()["explain_segments"].properties["Timeout"] < 30
