"""K-means (Lloyd, 1982) over standardised logarithms; how many clusters there are, a sample's silhouettes say.

The sample also says where to begin on all rows (Bradley & Fayyad, 1998), so that these are gone through once, and not
once for each number of clusters that there might be. A model outlasts the people it was made of, so that no cluster may
be a handful of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.cluster import KMeans

from attune.domain.learning.training import MIN_GROUP
from attune_ml.evaluation import silhouettes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attune_ml.dataset import Matrix

SEED: Final = 20_250_615
#: how many clusters there may be
FEWEST, MOST = 2, 8
#: rows that say how many there are, and starts on them for each number
SAMPLE: Final = 5_000
_STARTS: Final = 3
#: relative to a feature's size: what differs by less is one value, and the rest is rounding
_CONSTANT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Scaling:
    """Of the logarithms, one number a feature."""

    mean: Matrix
    scale: Matrix


@dataclass(frozen=True, slots=True)
class Clustering:
    """Centroids in the standardised space, the mean of that many rows each, and the sample's silhouettes.

    These are by number of clusters, of those numbers that leave no cluster too small.
    """

    centroids: Matrix
    sizes: tuple[int, ...]
    silhouettes: dict[int, float]


def standardise(matrix: Matrix) -> Scaling | None:
    """Turn the matrix, in place, into logarithms of mean 0 and standard deviation 1; None if no feature differs.

    A feature that does not differ is left at 0 and gets the scale 1, as in scikit-learn.
    """
    mean, scale = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    differs = False
    for at in range(matrix.shape[1]):
        column = matrix[:, at]
        np.log1p(column, out=column)
        mean[at] = column.mean()
        if np.ptp(column) > _CONSTANT * max(1.0, abs(mean[at])):
            scale[at] = column.std()
            differs = True
        column -= mean[at]
        column /= scale[at]
    return Scaling(mean, scale) if differs else None


def sample_rows(matrix: Matrix, size: int = SAMPLE) -> Matrix:
    """A copy of that many rows, always the same ones, or of all."""
    if len(matrix) <= size:
        return matrix.copy()
    return matrix[np.sort(np.random.default_rng(SEED).choice(len(matrix), size, replace=False))]


def find_clusters(points: Matrix) -> Clustering | None:
    """None where all rows lie in one place, or some cluster is too small however many there are.

    `points` are lent: they are moved and moved back.
    """
    sample = sample_rows(points)
    most = min(MOST, len(np.unique(sample, axis=0)))
    if most < FEWEST:
        return None
    tried = {count: KMeans(count, n_init=_STARTS, random_state=SEED).fit(sample) for count in range(FEWEST, most + 1)}
    large = {count: fitted for count, fitted in tried.items() if np.bincount(fitted.labels_).min() >= MIN_GROUP}
    found = silhouettes(sample, [fitted.labels_ for fitted in large.values()])
    judged = dict(zip(large, found, strict=True))
    for count in sorted(judged, key=lambda count: (-judged[count], count)):
        start = large[count].cluster_centers_
        labels = KMeans(count, init=start, n_init=1, copy_x=False, random_state=SEED).fit(points).labels_
        sizes = np.bincount(labels, minlength=count)
        if sizes.min() >= MIN_GROUP:
            return Clustering(_means(points, labels, sizes), tuple(sizes.tolist()), judged)
    return None


def _means(points: Matrix, labels: NDArray[np.integer], sizes: NDArray[np.integer]) -> Matrix:
    """Of each cluster's own rows: the centroids that a fit ends with may be of the rows that it had a step before."""
    columns = [np.bincount(labels, weights=column, minlength=len(sizes)) / sizes for column in points.T]
    return np.stack(columns, axis=1)
