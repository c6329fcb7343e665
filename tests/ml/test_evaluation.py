"""Silhouettes are scikit-learn's, and labels are those that serve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from attune.domain.learning.clusters import cluster
from attune_ml.evaluation import assign, holdout_silhouette, silhouettes, transform
from tests.builders import model
from tests.ml.shoppers import GROUPS, people


@given(seed=st.integers(0, 10_000), rows=st.integers(6, 700), clusters=st.integers(2, 5), copies=st.booleans())
@settings(max_examples=40, deadline=None)
def test_the_mean_silhouette_is_what_scikit_learn_says(seed: int, rows: int, clusters: int, copies: bool) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rows, 3))
    if copies:
        points = np.round(points)
    labelings = [rng.permutation(np.arange(rows) % count) for count in (clusters, 2)]
    found = silhouettes(points, labelings)
    assert found == pytest.approx([silhouette_score(points, labels) for labels in labelings], abs=1e-9)


def test_a_cluster_of_one_has_the_width_0() -> None:
    points = np.array([[0.0], [0.1], [5.0]])
    labels = np.array([0, 0, 1])
    assert silhouettes(points, [labels]) == pytest.approx([silhouette_score(points, labels)], abs=1e-12)


def test_where_all_points_are_one_every_width_is_0() -> None:
    assert silhouettes(np.zeros((4, 2)), [np.array([0, 1, 0, 1])]) == [0.0]


def test_labels_need_not_be_numbered_from_0() -> None:
    points = np.array([[0.0], [0.1], [5.0], [5.1]])
    assert silhouettes(points, [np.array([7, 7, 3, 3])]) == silhouettes(points, [np.array([0, 0, 1, 1])])


def test_rows_are_labelled_as_they_will_be_when_the_model_serves() -> None:
    rows, _ = people(GROUPS, 200)
    served = model()
    assert [served.labels[number] for number in assign(rows, served)] == [cluster(served, row) for row in rows.tolist()]


def test_a_model_that_puts_all_into_one_cluster_has_no_silhouette() -> None:
    rows, _ = people(GROUPS, 20)
    one = model(centroids=((0.0,) * 6, (99.0,) * 6))
    assert holdout_silhouette(rows, one, model()) is None


def test_two_models_are_judged_in_one_space() -> None:
    rows, _ = people(GROUPS, 30)
    judge, other = model(), model("run-2", scale=(9.0,) * 6)
    points = transform(rows, judge)
    assert holdout_silhouette(rows, other, judge) == pytest.approx(silhouette_score(points, assign(rows, other)))
