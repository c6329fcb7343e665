"""The trainer: from rows of features to a model as JSON, with what can be said of it and where it came from.

Everything is seeded and runs in one thread, because threads add up in any order: the same rows make the same bytes,
whatever the machine has of processors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy
import sklearn
from threadpoolctl import threadpool_limits

from attune.domain.learning.clusters import Clusters
from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import RFM, Model
from attune.domain.learning.training import SILHOUETTE, Measure, Order, Refusal
from attune_ml.clusters import SAMPLE, SEED, Clustering, Scaling, find_clusters, sample_rows, standardise
from attune_ml.dataset import Dataset, read_dataset
from attune_ml.evaluation import holdout_silhouette
from attune_ml.fifths import TrainedRfm, find_fifths
from attune_ml.names import name_clusters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune_ml.dataset import Matrix


@dataclass(frozen=True, slots=True)
class TrainedClusters:
    """`Candidate`."""

    model: Clusters
    profiles: int
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    #: of the held out, as read; a sample where there are many
    holdout: Matrix

    @property
    def measure(self) -> Measure:
        """How far apart its clusters are."""
        return SILHOUETTE

    def judged(self, model: Model) -> float | None:
        """The silhouette in this model's space, so that two models are judged by the same distances."""
        if not isinstance(model, Clusters):
            raise TypeError(model.name)
        with threadpool_limits(limits=1):
            return holdout_silhouette(self.holdout, model, self.model)


def train(order: Order, pieces: Iterable[bytes]) -> TrainedClusters | TrainedRfm | Refusal:
    """`Trainer`."""
    dataset = read_dataset(pieces)
    if isinstance(dataset, Refusal):
        return dataset
    if order.name == RFM:
        return find_fifths(order, dataset, _lineage(order, dataset))
    return _train_clusters(order, dataset)


def _train_clusters(order: Order, dataset: Dataset) -> TrainedClusters | Refusal:
    with threadpool_limits(limits=1):
        points = dataset.training
        scaling = standardise(points)  # in place: a million profiles are not held twice
        if scaling is None:
            return Refusal(code="constant_features", profiles=dataset.profiles)
        found = find_clusters(points)
    if found is None:
        return Refusal(code="no_structure", profiles=dataset.profiles)
    model = Clusters(
        name=order.name,
        version=order.version,
        trained_at=order.cutoff,
        features=FEATURES,
        mean=tuple(scaling.mean.tolist()),
        scale=tuple(scaling.scale.tolist()),
        centroids=tuple(tuple(row) for row in found.centroids.tolist()),
        labels=name_clusters(found.centroids),
    )
    return TrainedClusters(
        model=model,
        profiles=dataset.profiles,
        metrics=_metrics(model, dataset, found, scaling),
        lineage=_lineage(order, dataset),
        holdout=sample_rows(dataset.holdout),
    )


def _metrics(model: Clusters, dataset: Dataset, found: Clustering, scaling: Scaling) -> dict[str, Any]:
    natural = np.maximum(np.expm1(found.centroids * scaling.scale + scaling.mean), 0.0)
    described = zip(model.labels, found.sizes, natural.tolist(), strict=True)
    return {
        "clusters": [
            {
                "name": name,
                "share": size / len(dataset.training),
                "centroid": dict(zip(FEATURES, [round(value, 4) for value in centroid], strict=True)),
            }
            for name, size, centroid in described
        ],
        "sizes": dict(zip(model.labels, found.sizes, strict=True)),
        "silhouette_by_clusters": {str(count): value for count, value in found.silhouettes.items()},
        "training": len(dataset.training),
        "holdout": len(dataset.holdout),
    }


def _lineage(order: Order, dataset: Dataset) -> dict[str, Any]:
    return {
        "run": order.version,
        "cutoff": order.cutoff,
        "features": {"location": order.features, "sha256": dataset.digest, "rows": dataset.profiles},
        "seed": SEED,
        "sample": SAMPLE,
        "made_with": {
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
            "scipy": scipy.__version__,
        },
    }
