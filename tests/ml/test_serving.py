"""Scoring in plain Python is what scikit-learn would say: the same distances to 1e-9, the same clusters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from attune.domain.learning.clusters import Clusters, cluster, squared_distances
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import decode_model, encode_model
from tests.builders import model
from tests.faults.effort import examples
from tests.ml.shoppers import GROUPS, csv, people, trained

WIDTH = len(FEATURES)
NOTHING = 1e-3


def pipeline(served: Clusters) -> Pipeline:
    """scikit-learn's own classes, holding the model's numbers."""
    logarithms = FunctionTransformer(np.log1p).fit(np.zeros((2, WIDTH)))
    scaler = StandardScaler().fit(np.zeros((2, WIDTH)))
    scaler.mean_, scaler.scale_ = np.array(served.mean), np.array(served.scale)
    centroids = np.array(served.centroids)
    clusters = KMeans(len(centroids), init=centroids, n_init=1, max_iter=1).fit(centroids)
    clusters.cluster_centers_ = centroids
    held: Pipeline = make_pipeline(logarithms, scaler, clusters)
    return held


def read_back(served: Clusters) -> Clusters:
    found = decode_model(encode_model(served), served.name, served.version)
    assert isinstance(found, Clusters)
    return found


def check_same(served: Clusters, rows: np.ndarray) -> None:
    """Labels are equal but where two clusters are equally near but for rounding."""
    theirs = pipeline(served)
    distances = theirs.transform(rows)
    for row, theirs_far, number in zip(rows.tolist(), distances, theirs.predict(rows), strict=True):
        squares = squared_distances(served, row)
        ours = [math.sqrt(square) for square in squares]
        # scikit-learn subtracts products, so that its square of what is as good as nothing is off in the 14th digit:
        # squares agree everywhere, distances wherever there is one.
        assert squares == pytest.approx((theirs_far**2).tolist(), abs=1e-9, rel=1e-9)
        apart = [number for number, distance in enumerate(ours) if distance > NOTHING]
        assert [ours[at] for at in apart] == pytest.approx([theirs_far[at] for at in apart], abs=1e-9, rel=1e-9)
        label = cluster(served, row)
        assert label == served.labels[number] or ours[number] == pytest.approx(min(ours), abs=1e-9, rel=1e-9)


def test_a_trained_model_scores_as_the_pipeline_it_came_from() -> None:
    rows, _ = people(GROUPS, 250)
    served = read_back(trained(csv(rows)).model)
    training = rows[np.arange(len(rows)) % 5 != 0]
    scaler = StandardScaler().fit(np.log1p(training))
    assert served.mean == pytest.approx(scaler.mean_.tolist(), abs=1e-9)
    assert served.scale == pytest.approx(scaler.scale_.tolist(), abs=1e-9)
    fitted = KMeans(len(served.centroids), init=np.array(served.centroids), n_init=1).fit(
        scaler.transform(np.log1p(training))
    )
    assert np.array(served.centroids) == pytest.approx(fitted.cluster_centers_, abs=1e-9)
    check_same(served, rows)
    assert [cluster(served, row) for row in rows.tolist()] == [
        served.labels[number] for number in pipeline(served).predict(rows)
    ]


def test_one_profile_at_a_time_is_as_all_at_once() -> None:
    rows, _ = people(GROUPS, 3)
    served = model()
    theirs = pipeline(served)
    assert [cluster(served, row) for row in rows.tolist()] == [
        served.labels[int(theirs.predict(row.reshape(1, -1))[0])] for row in rows
    ]


coordinates = st.tuples(*[st.floats(-8, 8)] * WIDTH)
amounts = st.one_of(st.just(0.0), st.integers(0, 10_000).map(float), st.floats(0, 1e9))


@st.composite
def models(draw: Any) -> Clusters:
    centroids = draw(st.lists(coordinates, min_size=2, max_size=8, unique=True))
    return model(
        mean=draw(st.tuples(*[st.floats(0, 12)] * WIDTH)),
        scale=draw(st.tuples(*[st.floats(0.05, 6)] * WIDTH)),
        centroids=tuple(centroids),
        labels=tuple(f"cluster {number}" for number in range(len(centroids))),
    )


@given(served=models(), rows=st.lists(st.tuples(*[amounts] * WIDTH), min_size=1, max_size=5))
@settings(max_examples=examples(25), deadline=None)
def test_any_model_scores_any_profile_as_scikit_learn_does(served: Clusters, rows: list[tuple[float, ...]]) -> None:
    check_same(read_back(served), np.array(rows))
