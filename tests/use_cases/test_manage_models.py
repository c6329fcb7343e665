"""What the admin is told of models and runs, in every state that they can be in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attune.adapters.memory import MemoryRegistry, MemoryRuns
from attune.domain.errors import AttuneError
from attune.domain.learning.models import SHOPPER_CLUSTERS, Champion, encode_model
from attune.use_cases.learning.manage_models import ManageModels
from attune.use_cases.management.start_runs import MAX_RUNS
from tests.builders import MINUTE, NOW, SECOND, model

ADMIN = "admin key of the tests"
CLUSTERS = [
    {"name": "vip", "share": 0.25, "centroid": {"recency": 1.5}},
    {"name": "lapsed", "share": 0.75, "centroid": {"recency": 300.0}},
]
METRICS = {"silhouette": 0.61, "decision": {"code": "better"}, "clusters": CLUSTERS}
LEARNT = {"model": "shopper_clusters", "state": "promoted", "code": "better", "version": "run-1"}
TRAINED = {"features": "s3://lake/queries/rows.csv", "profiles": 3_000, "models": [LEARNT]}
NONE: dict[str, Any] = {"version": None, "trained_at": None, "metrics": {}, "clusters": []}


class Desk:
    """`ManageModels` on memory adapters, with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.registry = MemoryRegistry()
        self.runs = MemoryRuns(lambda: self.now)
        self.manage = ManageModels(
            registry=self.registry, runs=self.runs, admin_key=lambda: ADMIN, clock=lambda: self.now
        )

    def keep(self, version: str, data: bytes | None = None, metrics: bytes | None = None) -> None:
        files = {"model.json": encode_model(model(version)) if data is None else data}
        self.registry.keep(SHOPPER_CLUSTERS, version, files | ({} if metrics is None else {"metrics.json": metrics}))

    def promote(self, version: str, previous: str | None = None) -> None:
        self.registry.promote(SHOPPER_CLUSTERS, Champion(version=version, previous=previous), read=None)

    def model(self) -> dict[str, Any]:
        [shown, _] = self.manage.show()["models"]
        assert isinstance(shown, dict)
        return shown

    def refused(self, call: Any, *arguments: Any) -> tuple[int, str]:
        with pytest.raises(AttuneError) as error:
            call(*arguments)
        return error.value.status, error.value.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("token", [None, "", "wrong", ADMIN + "x", "schlüssel"])
def test_only_the_admin_key_opens(desk: Desk, token: str | None) -> None:
    assert desk.refused(desk.manage.authorise, token) == (401, "unknown_admin_key")
    desk.manage.authorise(ADMIN)


# ---------------------------------------------------------------------------------------------------- models


def test_before_the_first_training_there_is_no_champion(desk: Desk) -> None:
    assert desk.model() == {"name": SHOPPER_CLUSTERS, "state": "none", "code": "missing_pointer"} | NONE
    desk.keep("run-1")
    assert desk.model()["state"] == "none"


def test_a_champion_is_shown_with_its_metrics_and_clusters(desk: Desk) -> None:
    desk.keep("run-1", metrics=msgspec.json.encode(METRICS))
    desk.promote("run-1")
    assert desk.model() == {
        "name": SHOPPER_CLUSTERS,
        "state": "serving",
        "code": None,
        "version": "run-1",
        "trained_at": "2025-06-15T15:06:40.000Z",
        "metrics": {"silhouette": 0.61, "decision": {"code": "better"}},
        "clusters": CLUSTERS,
    }


def test_a_faulty_champion_is_shown_with_the_version_that_stands_in(desk: Desk) -> None:
    desk.keep("run-1", metrics=msgspec.json.encode(METRICS))
    desk.keep("run-2", data=b"{", metrics=b'{"silhouette": 0.9}')
    desk.promote("run-2", previous="run-1")
    shown = desk.model()
    assert (shown["state"], shown["code"], shown["version"]) == ("faulty", "corrupt_model", "run-1")
    assert shown["metrics"]["silhouette"] == 0.61


@pytest.mark.parametrize("previous", [None, "never-kept", "run-2"])
def test_a_faulty_champion_that_nothing_stands_in_for_says_so(desk: Desk, previous: str | None) -> None:
    desk.keep("run-2", data=encode_model(model("run-2", mean=(1.0,))))
    desk.promote("run-2", previous=previous)
    assert desk.model() == {"name": SHOPPER_CLUSTERS, "state": "faulty", "code": "wrong_shape"} | NONE


def test_a_champion_whose_files_are_gone_is_faulty(desk: Desk) -> None:
    desk.promote("run-1")
    assert (desk.model()["state"], desk.model()["code"]) == ("faulty", "missing_model")


def test_a_pointer_that_cannot_be_read_is_a_fault_too(desk: Desk) -> None:
    desk.registry.spoil_pointer(SHOPPER_CLUSTERS, b"\xff")
    assert desk.model() == {"name": SHOPPER_CLUSTERS, "state": "faulty", "code": "corrupt_pointer"} | NONE


@pytest.mark.parametrize(
    "metrics",
    [None, b"", b"{", b"[]", b"NaN", b'{"clusters": 1}', b'{"clusters": [{}]}', b'{"silhouette": "x"}', b"\xff"],
)
def test_a_model_serves_without_metrics(desk: Desk, metrics: bytes | None) -> None:
    desk.keep("run-1", metrics=metrics)
    desk.promote("run-1")
    shown = desk.model()
    assert (shown["state"], shown["version"], shown["metrics"], shown["clusters"]) == ("serving", "run-1", {}, [])


# ------------------------------------------------------------------------------------------------------ runs


def test_training_starts_a_run_named_after_its_second(desk: Desk) -> None:
    assert desk.manage.train() == {"run": "20250615T150640Z"}
    assert desk.manage.one_run("20250615T150640Z") == {
        "run": "20250615T150640Z",
        "state": "running",
        "started_at": "2025-06-15T15:06:40.000Z",
        "ended_at": None,
        "result": None,
    }


def test_there_is_one_training_at_a_time(desk: Desk) -> None:
    run = desk.manage.train()["run"]
    desk.now += MINUTE
    assert desk.refused(desk.manage.train) == (409, "training_in_progress")
    desk.runs.end(run, "aborted")
    assert desk.manage.train() == {"run": "20250615T150740Z"}


def test_a_second_that_had_its_run_starts_no_other(desk: Desk) -> None:
    desk.runs.end(desk.manage.train()["run"], "succeeded")
    assert desk.refused(desk.manage.train) == (409, "training_in_progress")


def test_a_list_of_runs_that_lags_starts_no_second_one_in_the_same_second(desk: Desk) -> None:
    class Lagging(MemoryRuns):
        def running(self) -> str | None:
            return None

    runs = Lagging(lambda: NOW)
    manage = ManageModels(registry=desk.registry, runs=runs, admin_key=lambda: ADMIN, clock=lambda: NOW)
    assert manage.train() == manage.train()
    assert len(runs.latest(10)) == 1


def test_a_run_that_succeeded_tells_what_was_decided_and_not_where_things_lie(desk: Desk) -> None:
    run = desk.manage.train()["run"]
    desk.now += MINUTE
    desk.runs.end(run, "succeeded", {"training": TRAINED, "scores": {"sent": 2_990, "done": True}, "machine": "arn:…"})
    told = desk.manage.one_run(run)
    assert (told["state"], told["ended_at"]) == ("succeeded", "2025-06-15T15:07:40.000Z")
    assert told["result"] == {"profiles": 3_000, "models": [LEARNT], "scores": 2_990}


@pytest.mark.parametrize("output", [{}, {"training": None}, {"training": 3, "scores": []}, {"else": "x"}])
def test_an_output_that_says_nothing_is_no_fault(desk: Desk, output: dict[str, Any]) -> None:
    run = desk.manage.train()["run"]
    desk.runs.end(run, "succeeded", output)
    assert desk.manage.one_run(run)["result"] == {"profiles": None, "models": [], "scores": 0}


@pytest.mark.parametrize("state", ["failed", "timed_out", "aborted"])
def test_a_run_that_did_not_succeed_names_the_error(desk: Desk, state: Any) -> None:
    run = desk.manage.train()["run"]
    desk.runs.end(run, state, error="FeatureColumnsError")
    told = desk.manage.one_run(run)
    assert (told["state"], told["result"]) == (state, {"error": "FeatureColumnsError"})


def test_a_run_nobody_started_is_unknown(desk: Desk) -> None:
    assert desk.refused(desk.manage.one_run, "other") == (404, "unknown_run")


def test_the_newest_runs_are_shown_and_no_more_than_ten(desk: Desk) -> None:
    names = []
    for _ in range(MAX_RUNS + 2):
        names.append(desk.manage.train()["run"])
        desk.now += SECOND
        desk.runs.end(names[-1], "succeeded", {"training": TRAINED})
    shown = desk.manage.show()["runs"]
    assert [one["run"] for one in shown] == names[::-1][:MAX_RUNS]
    assert set(shown[0]) == {"run", "state", "started_at", "ended_at"}
