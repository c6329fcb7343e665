"""K-means over standardised logarithms: `log1p` of each feature, minus `mean`, over `scale`.

The cluster is the nearest centroid by Euclidean distance (Lloyd, 1982). scikit-learn makes these numbers; nothing of it
is needed here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from attune.domain.learning.artefacts import MAX_NAME, Artefact
from attune.domain.learning.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

#: each costs every score its distance
MAX_CLUSTERS: Final = 64


class Clusters(Artefact, frozen=True, kw_only=True, tag="kmeans"):
    """`mean`, `scale` and every centroid have one number a feature; `labels` has one name a centroid."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    labels: tuple[str, ...]


def cluster(model: Clusters, features: Sequence[float]) -> str:
    """The label of the nearest centroid; of equally near ones the first, as scikit-learn has it."""
    distances = squared_distances(model, features)
    return model.labels[distances.index(min(distances))]


def squared_distances(model: Clusters, features: Sequence[float]) -> list[float]:
    """From each centroid. Features are not negative: times before the first event do not occur."""
    point = [
        (math.log1p(value) - mean) / scale for value, mean, scale in zip(features, model.mean, model.scale, strict=True)
    ]
    return [sum([(x - c) * (x - c) for x, c in zip(point, centroid, strict=True)]) for centroid in model.centroids]


def clusters_problem(model: Clusters) -> tuple[str, str] | None:
    """A code and what is wrong, if it must not serve."""
    width = len(FEATURES)
    rows = (model.mean, model.scale, *model.centroids)
    if model.features != FEATURES or any(len(row) != width for row in rows):
        return "wrong_shape", f"is not over {', '.join(FEATURES)}"
    if not 0 < len(model.centroids) <= MAX_CLUSTERS:
        return "wrong_shape", f"has {len(model.centroids)} clusters"
    if len(model.labels) != len(model.centroids) or len(set(model.labels)) != len(model.labels):
        return "wrong_shape", "has not one name for each cluster"
    if not all(0 < len(label) <= MAX_NAME for label in model.labels):
        return "wrong_shape", "has an empty or endless name"
    if not all(math.isfinite(number) for row in rows for number in row) or not all(scale > 0 for scale in model.scale):
        return "not_finite", "holds a number it cannot reckon with"
    return None
