"""Recency, frequency, monetary value: customers in fifths by each, as direct mail has done it since the 1960s.

Hughes (Strategic Database Marketing, 1994) gives 5 to the best fifth and 1 to the last; the score is the sum, 3 to 15.
Who never ordered is no customer yet: 0. Recency here is the time since the last event of any kind.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from attune.domain.learning.artefacts import Artefact
from attune.domain.learning.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

FIFTHS: Final = 5
#: the lowest and the highest score of a customer
LOWEST, HIGHEST = 3, 3 * FIFTHS
_RECENCY, _FREQUENCY, _MONETARY = (FEATURES.index(name) for name in ("recency", "frequency", "monetary"))


class Rfm(Artefact, frozen=True, kw_only=True, tag="rfm"):
    """Where one fifth of the customers ends and the next begins, ascending: four numbers a feature.

    `at_most`: of the customers that it was made from, the share (0 to 1) with at most each score, from 3 to 15.
    """

    recency: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]
    at_most: tuple[float, ...]


def rate(model: Rfm, features: Sequence[float]) -> int:
    """The score: 0, or 3 to 15. What lies on the border of two fifths belongs to the lower numbers."""
    if features[_FREQUENCY] < 1:
        return 0
    return (
        (FIFTHS - bisect_left(model.recency, features[_RECENCY]))
        + (1 + bisect_left(model.frequency, features[_FREQUENCY]))
        + (1 + bisect_left(model.monetary, features[_MONETARY]))
    )


def percentile(model: Rfm, score: int) -> float:
    """Percent of the customers, 0 to 100, who have at most this score."""
    return round(100 * model.at_most[score - LOWEST], 1) if score else 0.0


def rfm_problem(model: Rfm) -> tuple[str, str] | None:
    """A code and what is wrong, if it must not serve."""
    borders = (model.recency, model.frequency, model.monetary)
    if any(len(border) != FIFTHS - 1 for border in borders) or len(model.at_most) != HIGHEST - LOWEST + 1:
        return "wrong_shape", "has not four borders a feature and a share for each score"
    if not all(math.isfinite(number) for row in (*borders, model.at_most) for number in row):
        return "not_finite", "holds a number it cannot reckon with"
    if any(list(row) != sorted(row) for row in (*borders, model.at_most)):
        return "wrong_shape", "does not ascend"
    return ("wrong_shape", "has a share beyond 0 and 1") if model.at_most[0] < 0 or model.at_most[-1] > 1 else None
