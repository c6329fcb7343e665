"""Names for clusters, by where their centroids lie: each gets the archetype that points its way, all in all best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from attune.domain.learning.features import FEATURES

if TYPE_CHECKING:
    from attune_ml.dataset import Matrix

VIP: Final = "vip"
#: over the standardised features: recency, frequency, monetary, tenure, views, carts
ARCHETYPES: Final[dict[str, tuple[float, ...]]] = {
    VIP: (-0.5, 1.5, 1.5, 0.5, 1.0, 1.0),
    "loyal": (-0.5, 1.0, 0.8, 1.0, 0.3, 0.3),
    "at_risk": (0.6, 1.0, 1.0, 0.8, 0.2, 0.2),
    "lapsed": (1.5, 0.0, 0.0, 0.8, -0.7, -0.3),
    "newcomers": (-1.0, -0.5, -0.5, -1.5, -0.5, -0.5),
    "window_shoppers": (-0.5, -1.0, -1.0, 0.0, 1.5, -0.5),
    "cart_fillers": (-0.5, -1.0, -1.0, 0.0, 0.5, 1.5),
    "occasional": (0.3, 0.5, 0.5, 0.0, -1.0, -0.5),
    "big_baskets": (0.0, -0.2, 1.5, 0.0, 0.0, 0.0),
    "small_baskets": (0.0, 1.5, -0.2, 0.0, 0.0, 0.0),
}
_MONETARY: Final = FEATURES.index("monetary")
#: more than the best of all assignments could make up for
_NEVER: Final = 1_000.0


def name_clusters(centroids: Matrix) -> tuple[str, ...]:
    """One name each, no name twice, the same for the same centroids in any order: the sum of cosines is the greatest.

    `vip` is for who spends most and for nobody else.
    """
    order = sorted(range(len(centroids)), key=lambda row: tuple(centroids[row].tolist()))
    similar = _cosines(centroids[order], np.array(list(ARCHETYPES.values())))
    money = centroids[order, _MONETARY]
    similar[(money < money.max()) | (np.count_nonzero(money == money.max()) > 1), 0] = -_NEVER
    rows, columns = linear_sum_assignment(similar, maximize=True)
    vocabulary = list(ARCHETYPES)
    names = {order[row]: vocabulary[column] for row, column in zip(rows, columns, strict=True)}
    return tuple(names[row] for row in range(len(centroids)))


def _cosines(these: Matrix, those: Matrix) -> Matrix:
    def unit(vectors: Matrix) -> Matrix:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        directions: Matrix = vectors / np.where(lengths > 0, lengths, 1.0)
        return directions

    cosines: Matrix = unit(these) @ unit(those).T
    return cosines
