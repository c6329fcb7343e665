"""Training finds what was planted, says what it found, and says the same again."""

from __future__ import annotations

import hashlib
import json

import msgspec
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from attune.adapters.memory import MemoryFeatureTable, MemoryRegistry
from attune.domain.learning.clusters import cluster
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import decode_model, encode_model
from attune.domain.learning.training import MIN_GROUP, Refusal, decide
from attune.use_cases.learning.train_models import TrainModels, files_of, judge
from attune_ml.clusters import find_clusters, sample_rows
from attune_ml.training import TrainedClusters, train
from tests.builders import NOW, model
from tests.faults.training import Asked, permitting
from tests.ml.shoppers import GROUPS, csv, order, people, pieces, trained

ROWS, OWNERS = people(GROUPS, 250)
DATA = csv(ROWS)


@pytest.fixture(scope="module")
def found() -> TrainedClusters:
    return trained(DATA)


def test_planted_groups_are_found_and_named(found: TrainedClusters) -> None:
    assert [cluster(found.model, row) for row in ROWS.tolist()] == OWNERS


def test_the_model_is_whole_and_read_back_bit_by_bit(found: TrainedClusters) -> None:
    assert decode_model(encode_model(found.model), "shopper_clusters", "run-1") == found.model
    assert found.model.trained_at == NOW
    assert found.model.features == FEATURES


def test_the_metrics_say_who_is_there_in_numbers_that_people_know(found: TrainedClusters) -> None:
    metrics = found.metrics
    by_name = {one["name"]: one for one in metrics["clusters"]}
    assert set(by_name) == set(GROUPS)
    for name, typical in GROUPS.items():
        assert by_name[name]["share"] == pytest.approx(0.25, abs=0.03)
        assert list(by_name[name]["centroid"].values()) == pytest.approx(typical, rel=0.02, abs=0.02)
    assert sum(metrics["sizes"].values()) == metrics["training"] == 800
    assert metrics["holdout"] == 200
    assert found.profiles == 1_000
    silhouettes = metrics["silhouette_by_clusters"]
    assert list(silhouettes) == [str(count) for count in range(2, 9)]
    assert max(silhouettes, key=silhouettes.__getitem__) == "4"


def test_the_lineage_says_what_it_was_made_of_and_with(found: TrainedClusters) -> None:
    lineage = found.lineage
    assert (lineage["run"], lineage["cutoff"]) == ("run-1", NOW)
    assert lineage["features"] == {
        "location": "s3://lake/queries/run-1.csv",
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "rows": 1_000,
    }
    assert set(lineage["made_with"]) == {"numpy", "pandas", "scikit-learn", "scipy"}


def test_everything_kept_of_it_is_json_of_a_fair_size(found: TrainedClusters) -> None:
    outcome, figures = judge(found, "no_champion")
    files = files_of(found, outcome, figures)
    assert set(files) == {"model.json", "metrics.json", "lineage.json"}
    for data in files.values():
        json.loads(data)
        assert len(data) < 20_000


def test_the_same_rows_make_the_same_bytes_however_many_threads_there_are(found: TrainedClusters) -> None:
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads):
            assert encode_model(trained(DATA).model) == encode_model(found.model)


def test_a_run_that_is_tried_again_makes_the_same_again(found: TrainedClusters) -> None:
    again = trained(DATA)
    assert (again.model, again.metrics, again.lineage) == (found.model, found.metrics, found.lineage)


def test_a_model_is_no_better_than_itself(found: TrainedClusters) -> None:
    silhouette = found.judged(found.model)
    assert silhouette is not None
    assert silhouette > 0.8
    assert decide(silhouette, silhouette).code == "not_better"


def test_a_model_that_fits_better_is_better_by_the_hold_out(found: TrainedClusters) -> None:
    outcome, figures = judge(found, model("run-0"))
    assert outcome.verdict.code == "better"
    assert figures["champion_silhouette"] < figures["silhouette"]


@pytest.mark.parametrize("feature", range(len(FEATURES)))
def test_a_feature_that_is_the_same_for_all_does_no_harm(feature: int) -> None:
    rows = ROWS.copy()
    rows[:, feature] = 0.1
    made = trained(csv(rows)).model
    assert made.scale[feature] == 1.0
    assert [centroid[feature] for centroid in made.centroids] == pytest.approx([0.0] * len(made.centroids), abs=1e-12)
    by_owner = {owner: cluster(made, row) for owner, row in zip(OWNERS, rows.tolist(), strict=True)}
    assert all(cluster(made, row) == by_owner[owner] for owner, row in zip(OWNERS, rows.tolist(), strict=True))


def refused(data: bytes) -> Refusal:
    made = train(order(), pieces(data))
    assert isinstance(made, Refusal)
    return made


def test_people_who_are_all_the_same_are_no_clusters() -> None:
    assert refused(csv(np.full((300, 6), 0.1))) == Refusal(code="constant_features", profiles=300)


def test_what_differs_by_rounding_only_is_the_same() -> None:
    rows = np.full((300, 6), 0.1)
    rows[::7] = np.nextafter(0.1, 1.0)
    assert refused(csv(rows)).code == "constant_features"


def test_two_kinds_of_people_are_two_clusters() -> None:
    rows = np.zeros((300, 6))
    rows[::3, :3] = 5.0
    made = trained(csv(rows))
    assert len(made.model.labels) == 2
    assert made.judged(made.model) == pytest.approx(1.0)
    assert set(made.metrics["silhouette_by_clusters"]) == {"2"}


@pytest.mark.parametrize("unlike", [1, MIN_GROUP - 1, MIN_GROUP])
def test_a_model_says_nothing_of_fewer_people_than_a_group_has(unlike: int) -> None:
    rows = np.zeros((300, 6))
    rows[np.flatnonzero(np.arange(300) % 5)[:unlike]] = 5.0
    made = train(order(), pieces(csv(rows)))
    if unlike < MIN_GROUP:
        assert made == Refusal(code="no_structure", profiles=300)
    else:
        assert isinstance(made, TrainedClusters)
        assert sorted(made.metrics["sizes"].values()) == [MIN_GROUP, 240 - MIN_GROUP]


def test_of_a_shop_where_one_is_unlike_all_others_nothing_is_kept() -> None:
    rows = np.array([5.0, 2.0, 80.0, 200.0, 20.0, 3.0]) * np.random.default_rng(3).lognormal(0.0, 0.05, (160, 6))
    rows[7] = (0.1, 777.0, 98_765.43, 1_234.5, 4_321.0, 222.0)
    features, registry = MemoryFeatureTable(csv(rows)), MemoryRegistry()
    everybody = Asked(*(f"{number:032x}" for number in range(160)))
    run = TrainModels(
        features=features,
        rows=permitting(features, everybody),
        registry=registry,
        trainer=train,
        clock=lambda: NOW,
        count=lambda *_: None,
    )
    clusters = run(NOW, "run-1")["models"][0]
    assert (clusters["state"], clusters["code"]) == ("skipped", "no_structure")
    assert registry.champion("shopper_clusters") is None
    assert not [data for data in registry.files.values() if b"98765.43" in data or b"shopper_clusters" in data]


def test_one_who_is_unlike_all_others_is_one_of_a_group_and_does_not_hide_it() -> None:
    rows = ROWS.copy()
    rows[1] = (0.1, 777.0, 98_765.43, 1_234.5, 4_321.0, 222.0)
    made = trained(csv(rows))
    assert set(made.model.labels) == set(GROUPS)
    assert min(made.metrics["sizes"].values()) > 190
    assert set(made.metrics["silhouette_by_clusters"]) == {"2", "3", "4"}  # of more, one is this person
    assert max(one["centroid"]["monetary"] for one in made.metrics["clusters"]) < 5_000


def test_a_group_that_shrinks_when_everybody_is_looked_at_is_none() -> None:
    points = np.zeros((5_100, 6))
    sampled = np.isin(np.arange(5_100), sample_rows(np.arange(5_100.0)))
    points[np.flatnonzero(sampled)[: MIN_GROUP + 1], 0] = 11.0
    points[np.flatnonzero(~sampled)[: MIN_GROUP - 1]] = (11.0, 16.0, 16.0, 16.0, 16.0, 16.0)
    with threadpool_limits(limits=1):
        assert find_clusters(points) is None


def test_each_centroid_is_the_mean_of_the_people_that_are_counted_for_it() -> None:
    points = np.random.default_rng(2).normal(size=(600, 2)) * (1.0, 3.0)  # no gaps: a fit ends before it stands still
    with threadpool_limits(limits=1):
        made = find_clusters(points)
    assert made is not None
    assert np.array(made.sizes) @ made.centroids == pytest.approx(points.sum(axis=0), abs=1e-6)


def test_a_hold_out_that_is_all_of_one_kind_is_no_proof() -> None:
    rows = np.zeros((300, 6))
    rows[1::5] = 5.0
    made = trained(csv(rows))
    assert made.judged(made.model) is None
    assert judge(made, "no_champion")[0].verdict.code == "no_structure"


def test_a_cloud_without_clusters_is_not_promoted() -> None:
    rows = np.expm1(np.random.default_rng(3).normal(3.0, 0.4, (2_000, 6)).clip(0))
    outcome, _ = judge(trained(csv(rows)), "no_champion")
    assert (outcome.verdict.promoted, outcome.verdict.code) == (False, "no_structure")


def test_huge_and_tiny_numbers_are_taken_as_they_are() -> None:
    rows = ROWS.copy()
    rows[:, 2] *= 1e12
    rows[:, 4] *= 1e-12
    made = trained(csv(rows))
    assert decode_model(encode_model(made.model), "shopper_clusters", "run-1") == made.model


def test_bad_rows_are_refused_before_anything_is_made() -> None:
    spoiled = DATA + b'"x","NaN","1","1","1","1","1","0"\n'
    assert refused(spoiled) == Refusal(code="not_finite", profiles=1_001)


def test_lineage_and_metrics_hold_no_number_that_json_lacks(found: TrainedClusters) -> None:
    for document in (found.metrics, found.lineage):
        assert json.loads(msgspec.json.encode(document), parse_constant=pytest.fail) == document
