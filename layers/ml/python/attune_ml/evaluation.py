"""How well labels fit points: the mean silhouette (Rousseeuw, 1987), and what a model makes of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.spatial.distance import cdist

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attune.domain.learning.clusters import Clusters
    from attune_ml.dataset import Matrix

#: points whose distances to all others are in memory at a time
_BLOCK: Final = 256


def silhouettes(points: Matrix, labelings: Sequence[NDArray[np.integer]]) -> list[float]:
    """The mean silhouette under each labeling of at least two clusters.

    The distances, which cost most, are taken once for all labelings, and never all are in memory.
    """
    groups = [np.unique(labels, return_inverse=True) for labels in labelings]
    members = [(np.eye(len(names))[owns], owns) for names, owns in groups]
    totals = [0.0] * len(members)
    for start in range(0, len(points), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = cdist(points[block], points)
        for number, (member, owns) in enumerate(members):
            totals[number] += _widths(distances @ member, member.sum(axis=0), owns[block]).sum()
    return [float(total / len(points)) for total in totals]


def _widths(sums: Matrix, sizes: Matrix, owns: NDArray[np.integer]) -> Matrix:
    """Of some points: from the sums of their distances to each cluster's members."""
    rows = np.arange(len(owns))
    others = sizes[owns] - 1
    within = sums[rows, owns] / np.maximum(others, 1)
    means = sums / sizes
    means[rows, owns] = np.inf
    nearest = means.min(axis=1)
    longer = np.maximum(within, nearest)
    # A point that is alone in its cluster, or lies where all others do, has the width 0.
    return np.where((others > 0) & (longer > 0), (nearest - within) / np.where(longer > 0, longer, 1.0), 0.0)


def transform(rows: Matrix, model: Clusters) -> Matrix:
    """Rows of features in the model's space."""
    points: Matrix = (np.log1p(rows) - np.array(model.mean)) / np.array(model.scale)
    return points


def assign(rows: Matrix, model: Clusters) -> NDArray[np.integer]:
    """The number of each row's cluster."""
    labels: NDArray[np.integer] = cdist(transform(rows, model), np.array(model.centroids), "sqeuclidean").argmin(axis=1)
    return labels


def holdout_silhouette(rows: Matrix, labeler: Clusters, space: Clusters) -> float | None:
    """Of rows that `labeler` labels, in the space of another; None where all are in one cluster."""
    labels = assign(rows, labeler)
    if len(np.unique(labels)) < 2:  # noqa: PLR2004 (a silhouette compares two clusters)
        return None
    return silhouettes(transform(rows, space), [labels])[0]
