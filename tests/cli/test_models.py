"""Training and looking at models from the command line, whatever state they are in."""

from __future__ import annotations

import json
import threading
from typing import Any, get_args

import pytest

from attune.adapters.s3_registry import S3Registry
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import SHOPPER_CLUSTERS, Champion, encode_model
from attune.domain.learning.training import RefusalCode, VerdictCode
from cli.models import OUTCOMES
from tests.builders import model
from tests.cli.conftest import Api, Attune
from tests.functions.management import ADMIN

METRICS = {
    "silhouette": 0.61234,
    "clusters": [
        {"name": "vip", "share": 0.2, "centroid": dict(zip(FEATURES, (1.5, 20, 1_999.5, 400, 90, 30), strict=True))},
        {"name": "lapsed", "share": 0.8, "centroid": dict(zip(FEATURES, (300, 0, 0, 310, 1, 0), strict=True))},
    ],
}

#: of the other model
NO_RFM = "rfm: there is none yet; `attune models train` makes one\n"


def serve(api: Api, version: str = "run-1", previous: str | None = None, metrics: Any = METRICS) -> S3Registry:
    registry = S3Registry(api.deployment.cloud.client("s3"), api.deployment.registry)
    files = {"model.json": encode_model(model(version)), "metrics.json": json.dumps(metrics).encode()}
    registry.keep(SHOPPER_CLUSTERS, version, files)
    registry.promote(SHOPPER_CLUSTERS, Champion(version=version, previous=previous), read=None)
    return registry


def training(**fields: Any) -> dict[str, Any]:
    learnt = {"model": SHOPPER_CLUSTERS, "state": "promoted", "code": "better", "version": "run-2"}
    return {"training": {"profiles": 3_000, "models": [learnt | fields]}, "scores": {"sent": 2_998}}


def running(api: Api) -> str:
    """The run that the command has started, once it has."""
    moment = threading.Event()
    while True:
        listed = api.deployment.call("GET", "/v1/models", key=ADMIN).body["runs"]
        if listed:
            return str(listed[0]["run"])
        moment.wait(0.01)


def test_a_training_is_started_and_its_run_is_the_only_thing_on_standard_output(attune: Attune, api: Api) -> None:
    ran = attune("models", "train")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{running(api)}\n"
    again = attune("models", "train", "--no-wait")
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith(f"attune: training_in_progress: run {running(api)} is under way")


def waited(attune: Attune, end: Any, *arguments: Any) -> Any:
    """The command, while beside it the run comes to its end."""
    ending = threading.Thread(target=end, args=arguments)
    ending.start()
    try:
        return attune("models", "train", "--wait")
    finally:
        ending.join()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "the new model serves now"),
        ({"state": "kept", "code": "not_better"}, "the model before goes on serving"),
        ({"state": "skipped", "code": "too_few_profiles", "version": None}, "too few customers"),
        ({"state": "kept", "code": "of_tomorrow"}, "kept, of_tomorrow"),
    ],
)
def test_who_waits_is_told_the_outcome_and_none_of_them_is_a_failure(
    attune: Attune, api: Api, said: dict[str, Any], words: str
) -> None:
    ran = waited(attune, lambda: api.deployment.machine.succeed(running(api), training(**said)))
    assert (ran.code, ran.err) == (0, "")
    run, learnt, scored = ran.out.splitlines()
    assert run == running(api)
    assert learnt.startswith("shopper_clusters: ")
    assert words in learnt
    assert scored == "3,000 customers were looked at; 2,998 scores are on their way to their profiles"


def test_who_waits_for_a_run_that_scored_nobody_is_told_so(attune: Attune, api: Api) -> None:
    nobody = training(state="skipped", code="too_few_profiles", version=None) | {"scores": {"sent": 0}}
    ran = waited(attune, lambda: api.deployment.machine.succeed(running(api), nobody))
    assert ran.out.splitlines()[2].endswith("; no scores were sent")


def test_a_run_that_breaks_off_is_a_failure_with_its_reason(attune: Attune, api: Api) -> None:
    ran = waited(attune, lambda: api.deployment.machine.fail(running(api), "QueryFailedError"))
    run = running(api)
    assert (ran.code, ran.out) == (1, f"{run}\n")
    assert ran.err == f"attune: run {run} failed: QueryFailedError; what served goes on serving\n"


def test_every_outcome_of_a_training_has_words() -> None:
    assert set(OUTCOMES) == {*get_args(RefusalCode), *get_args(VerdictCode)}


def test_before_the_first_training_it_says_how_to_get_a_model(attune: Attune) -> None:
    ran = attune("models", "show")
    assert ran.code == 0
    assert "none (missing_pointer)" in ran.out
    assert "`attune models train` makes one" in ran.err


def test_what_serves_is_shown_with_its_clusters_the_largest_first(attune: Attune, api: Api) -> None:
    serve(api)
    ran = attune("models", "show")
    assert (ran.code, ran.err) == (0, NO_RFM)
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[1] == ["shopper_clusters", "serving", "run-1", "silhouette", "0.612"]
    assert lines[4][:5] == ["lapsed", "80.0%", "300.0", "d", "ago"]
    assert lines[5] == ["vip", "20.0%", "1.5", "d", "ago", "20.0", "1,999.50", "400.0", "d", "90.0", "30.0"]
    attune("models", "train")
    assert f"newest run: {running(api)}, running" in attune("models", "show").out


def test_a_faulty_champion_is_shown_with_what_serves_in_its_place(attune: Attune, api: Api) -> None:
    registry = serve(api, "run-2", previous="run-1")
    registry.keep(SHOPPER_CLUSTERS, "run-2", {"model.json": b"{"})
    assert "nothing serves in its place" in attune("models", "show").err
    registry.keep(SHOPPER_CLUSTERS, "run-1", {"model.json": encode_model(model("run-1"))})
    ran = attune("models", "show")
    assert "faulty (corrupt_model)" in ran.out
    assert "version run-1 serves in its place" in ran.err


@pytest.mark.parametrize(
    "metrics", [{}, {"silhouette": None}, {"clusters": [{"name": "vip", "share": 1, "centroid": {}}]}]
)
def test_metrics_that_say_little_are_shown_as_they_are(attune: Attune, api: Api, metrics: Any) -> None:
    serve(api, metrics=metrics)
    ran = attune("models", "show")
    assert (ran.code, ran.err) == (0, NO_RFM)
    assert "serving" in ran.out


def test_json_is_the_apis_answer(attune: Attune, api: Api) -> None:
    serve(api)
    told = json.loads(attune("models", "show", "--json").out)
    assert told == api.deployment.call("GET", "/v1/models", key=ADMIN).body
    assert told["models"][0]["metrics"] == {"silhouette": 0.61234}


def test_a_wrong_key_is_said_in_words(attune: Attune, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_ADMIN_KEY", "wrong")
    for command in ("train", "show"):
        ran = attune("models", command)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == "attune: unknown_admin_key: send the admin key as Authorization: Bearer\n"
