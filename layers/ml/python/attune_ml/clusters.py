"""K-means (Lloyd, 1982) over standardised logarithms; how many clusters there are, a sample's silhouettes say.

The sample also says where to begin on all rows (Bradley & Fayyad, 1998), so that these are gone through once, and not
once for each number of clusters that there might be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from sklearn.cluster import KMeans

from attune_ml.evaluation import silhouettes

if TYPE_CHECKING:
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
    """Centroids in the standardised space, rows in each, and the silhouette of the sample by number of clusters."""

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
    """None where a sample finds all rows in one place. `points` are lent: they are moved and moved back."""
    sample = sample_rows(points)
    most = min(MOST, len(np.unique(sample, axis=0)))
    if most < FEWEST:
        return None
    tried = {count: KMeans(count, n_init=_STARTS, random_state=SEED).fit(sample) for count in range(FEWEST, most + 1)}
    found = silhouettes(sample, [fitted.labels_ for fitted in tried.values()])
    judged = dict(zip(tried, found, strict=True))
    best = max(judged, key=lambda count: (judged[count], -count))
    start = tried[best].cluster_centers_
    fitted = KMeans(best, init=start, n_init=1, copy_x=False, random_state=SEED).fit(points)
    sizes = np.bincount(fitted.labels_, minlength=best)
    return Clustering(fitted.cluster_centers_, tuple(sizes.tolist()), judged)
