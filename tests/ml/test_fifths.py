"""Fifths of customers: found where numpy says they are, kept while they still divide the customers evenly."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from attune.domain.learning.features import FEATURES
from attune.domain.learning.models import RFM, decode_model, encode_model
from attune.domain.learning.rfm import HIGHEST, LOWEST, percentile, rate
from attune.domain.learning.training import MIN_GROUP, Refusal
from attune.use_cases.learning.train_models import judge
from attune_ml.fifths import TrainedRfm
from attune_ml.training import train
from tests.ml.shoppers import csv, order, pieces

RNG = np.random.default_rng(11)
CUSTOMERS = 1_000


def shop(*, scale: float = 1.0, buyers: int = CUSTOMERS, lookers: int = 500) -> np.ndarray:
    """Customers whose orders, worth and silence are drawn widely, and people who never ordered."""
    bought = np.column_stack(
        [
            RNG.exponential(60.0 * scale, buyers),
            RNG.geometric(0.2, buyers).astype(float),
            RNG.lognormal(4.0, 1.0, buyers) * scale,
            np.full(buyers, 400.0),
            RNG.poisson(20, buyers).astype(float),
            np.ones(buyers),
        ]
    )
    looked = np.tile([3.0, 0.0, 0.0, 5.0, 4.0, 0.0], (lookers, 1))
    rows: np.ndarray = RNG.permutation(np.vstack([bought, looked]))
    return rows


def trained(rows: np.ndarray, version: str = "run-1") -> TrainedRfm:
    found = train(msgspec.structs.replace(order(version), name=RFM), pieces(csv(rows)))
    assert isinstance(found, TrainedRfm), found
    return found


def test_the_borders_are_about_the_customers_quintiles_and_lookers_count_for_nothing() -> None:
    rows = shop()
    found = trained(rows)
    training = rows[np.arange(len(rows)) % 5 != 0]
    customers = training[training[:, FEATURES.index("frequency")] >= 1]
    for name in ("recency", "frequency", "monetary"):
        column = customers[:, FEATURES.index(name)]
        least, most = (np.quantile(column, np.array([0.2, 0.4, 0.6, 0.8]) + by) for by in (-0.02, 0.02))
        borders = np.array(getattr(found.model, name))
        assert ((least <= borders) & (borders <= most)).all()
    assert decode_model(encode_model(found.model), RFM, "run-1") == found.model


def test_the_percentile_of_a_score_is_the_share_of_customers_it_does_not_beat() -> None:
    rows = shop()
    model = trained(rows).model
    training = rows[np.arange(len(rows)) % 5 != 0]
    scores = np.array([rate(model, row) for row in training.tolist() if row[1] >= 1])
    for score in range(LOWEST, HIGHEST + 1):
        assert percentile(model, score) == pytest.approx(100 * (scores <= score).mean(), abs=0.05)


def test_a_new_version_serves_only_when_the_old_fifths_no_longer_divide_the_customers() -> None:
    first = trained(shop())
    same, other = trained(shop(), "run-2"), trained(shop(scale=5.0), "run-3")
    assert judge(first, "no_champion")[0].verdict.promoted
    assert judge(same, first.model)[0].verdict.code == "not_better"
    outcome, figures = judge(other, first.model)
    assert outcome.verdict.code == "better"
    assert figures["balance"] > figures["champion_balance"]
    assert 0 <= figures["champion_balance"] <= figures["balance"] <= 1


def test_a_border_is_the_mean_of_a_group_and_what_nobody_has() -> None:
    rows = np.full((251, 6), 1.0)
    rows[:, 2] = np.arange(251.0) ** 2  # 200 are trained on: a quantile would lie between two of them
    ordered = np.sort(rows[np.arange(251) % 5 != 0, 2])
    wanted = [ordered[end - MIN_GROUP // 2 : end + MIN_GROUP // 2].mean() for end in (40, 80, 120, 160)]
    assert trained(rows).model.monetary == pytest.approx(wanted)


def test_what_most_customers_have_to_the_cent_lies_in_one_fifth_however_it_is_rounded() -> None:
    for cents in range(1_990, 2_010):
        rows = np.full((250, 6), 1.0)
        rows[:, 2] = cents / 100
        assert trained(rows).model.monetary == (cents / 100,) * 4


def test_too_few_customers_make_no_model_however_many_people_there_are() -> None:
    rows = shop(buyers=90, lookers=2_000)
    refused = train(msgspec.structs.replace(order(), name=RFM), pieces(csv(rows)))
    assert refused == Refusal(code="too_few_profiles", profiles=2_090)
