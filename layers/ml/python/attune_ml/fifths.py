"""Where customers fall into fifths by recency, frequency and monetary value (`domain/learning/rfm.py`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attune.domain.learning.features import FEATURES
from attune.domain.learning.rfm import FIFTHS, HIGHEST, LOWEST, Rfm, rate
from attune.domain.learning.training import BALANCE, MIN_GROUP, MIN_HOLDOUT, MIN_TRAINING, Measure, Order, Refusal

if TYPE_CHECKING:
    from attune.domain.learning.models import Model
    from attune_ml.dataset import Dataset, Matrix

_BY: Final = ("recency", "frequency", "monetary")
_FREQUENCY: Final = FEATURES.index("frequency")
_ENDS: Final = [fifth / FIFTHS for fifth in range(1, FIFTHS)]


@dataclass(frozen=True, slots=True)
class TrainedRfm:
    """`Candidate`."""

    model: Rfm
    profiles: int
    metrics: dict[str, Any]
    lineage: dict[str, Any]
    #: customers among the held out
    holdout: Matrix

    @property
    def measure(self) -> Measure:
        """How evenly its fifths divide the customers."""
        return BALANCE

    def judged(self, model: Model) -> float | None:
        """Over the three features the mean of 1 less the distance of the fifths' shares from a fifth each.

        The distance is the total variation, over 4/5: that is what it is when all are in one fifth.
        """
        if not isinstance(model, Rfm):
            raise TypeError(model.name)
        return float(np.mean([_balance(self.holdout[:, FEATURES.index(name)], getattr(model, name)) for name in _BY]))


def find_fifths(order: Order, dataset: Dataset, lineage: dict[str, Any]) -> TrainedRfm | Refusal:
    """Of the customers: of everybody who ordered. Too few of them are a refusal."""
    customers, holdout = (rows[rows[:, _FREQUENCY] >= 1] for rows in (dataset.training, dataset.holdout))
    if len(customers) < MIN_TRAINING or len(holdout) < MIN_HOLDOUT:
        return Refusal(code="too_few_profiles", profiles=dataset.profiles)
    borders = {name: _borders(customers[:, FEATURES.index(name)]) for name in _BY}
    bare = Rfm(
        name=order.name,
        version=order.version,
        trained_at=order.cutoff,
        **borders,
        at_most=(1.0,) * (HIGHEST - LOWEST + 1),
    )
    counted = Counter(rate(bare, row) for row in customers.tolist())
    totals = accumulate(counted[score] for score in range(LOWEST, HIGHEST + 1))
    model = Rfm(
        name=bare.name,
        version=bare.version,
        trained_at=bare.trained_at,
        recency=bare.recency,
        frequency=bare.frequency,
        monetary=bare.monetary,
        at_most=tuple(total / len(customers) for total in totals),
    )
    metrics = {
        "customers": len(customers) + len(holdout),
        "training": len(dataset.training),
        "holdout": len(dataset.holdout),
        "fifths": {name: [round(value, 4) for value in getattr(model, name)] for name in _BY},
        "scores": {str(score): counted[score] / len(customers) for score in range(LOWEST, HIGHEST + 1)},
    }
    return TrainedRfm(model=model, profiles=dataset.profiles, metrics=metrics, lineage=lineage, holdout=holdout)


def _borders(column: Matrix) -> tuple[float, ...]:
    """Where fifths end, as the mean of the customers around: a quantile may be what one of them has."""
    ordered = np.sort(column)
    ends = [round(share * len(ordered)) for share in _ENDS]
    around = [ordered[end - MIN_GROUP // 2 : end + MIN_GROUP // 2] for end in ends]
    # Where all of them have the same, rounding leaves the border there.
    return tuple(float(np.clip(near.mean(), near[0], near[-1])) for near in around)


def _balance(column: Matrix, borders: tuple[float, ...]) -> float:
    shares = np.bincount(np.searchsorted(borders, column, side="left"), minlength=FIFTHS) / len(column)
    return 1.0 - float(np.abs(shares - 1 / FIFTHS).sum()) / 2 / (1 - 1 / FIFTHS)
