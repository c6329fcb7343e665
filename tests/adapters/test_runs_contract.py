"""`Runs`: a name is one run, the newest come first, and what is asked for wrongly is not there."""

from __future__ import annotations

import pytest

from attune.ports import ConflictError
from tests.adapters.cloud import Cloud
from tests.adapters.stores import Endable, runs_of_a_machine

GIVEN = {"what": "all", "dry_run": False}
OUTPUT = {"training": {"state": "kept"}, "scores": {"sent": 3}}


@pytest.fixture
def runs(backend: Cloud | None) -> Endable:
    return runs_of_a_machine(backend)


def test_before_the_first_run_there_is_none(runs: Endable) -> None:
    assert (runs.running(), runs.latest(10), runs.describe("first")) == (None, [], None)


def test_a_run_is_under_way_until_it_ends(runs: Endable) -> None:
    runs.start("first", GIVEN)
    assert runs.running() == "first"
    begun = runs.describe("first")
    assert begun is not None
    assert (begun.run, begun.state, begun.ended_at, begun.output, begun.error) == ("first", "running", None, {}, "")
    assert begun.given == GIVEN
    assert begun.started_at > 1_600_000_000_000
    runs.succeed("first", OUTPUT)
    assert runs.running() is None
    ended = runs.describe("first")
    assert ended is not None
    assert (ended.state, ended.output, ended.started_at) == ("succeeded", OUTPUT, begun.started_at)
    assert ended.ended_at is not None
    assert ended.ended_at >= begun.started_at


def test_a_run_that_failed_says_the_name_of_the_error_and_no_more(runs: Endable) -> None:
    runs.start("first", GIVEN)
    runs.fail("first", "FeatureColumnsError")
    ended = runs.describe("first")
    assert ended is not None
    assert (ended.state, ended.output, ended.error) == ("failed", {}, "FeatureColumnsError")


def test_starting_a_run_twice_starts_it_once(runs: Endable) -> None:
    runs.start("first", GIVEN)
    runs.start("first", GIVEN)
    assert [one.run for one in runs.latest(10)] == ["first"]


def test_a_run_that_was_given_something_else_is_another(runs: Endable) -> None:
    runs.start("first", GIVEN)
    with pytest.raises(ConflictError):
        runs.start("first", {"what": "effects"})
    begun = runs.describe("first")
    assert begun is not None
    assert begun.given == GIVEN


def test_a_name_that_has_ended_is_taken(runs: Endable) -> None:
    runs.start("first", GIVEN)
    runs.succeed("first", OUTPUT)
    with pytest.raises(ConflictError):
        runs.start("first", GIVEN)


def test_the_newest_come_first_and_no_more_than_were_asked_for(runs: Endable) -> None:
    for name in ("first", "second", "third"):
        runs.start(name, GIVEN)
    runs.succeed("third", OUTPUT)
    assert [(one.run, one.state) for one in runs.latest(2)] == [("third", "succeeded"), ("second", "running")]
    assert [(one.given, one.output) for one in runs.latest(1)] == [({}, {})]
    assert runs.running() == "second"


@pytest.mark.parametrize("name", ["other", "", "a b", "a:b", "a/b", "é", "x" * 81, "*", "first\n", "$latest"])
def test_a_name_nobody_started_is_no_run_whatever_it_looks_like(runs: Endable, name: str) -> None:
    runs.start("first", GIVEN)
    assert runs.describe(name) is None
