"""Fifths of customers: found where numpy says they are, kept while they still divide the customers evenly."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from attune.domain.features import FEATURES
from attune.domain.models import RFM, decode_model, encode_model
from attune.domain.rfm import HIGHEST, LOWEST, percentile, rate
from attune.domain.training import Refusal
from attune.use_cases.train_models import judge
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


def test_the_borders_are_the_customers_quintiles_and_lookers_count_for_nothing() -> None:
    rows = shop()
    found = trained(rows)
    training = rows[np.arange(len(rows)) % 5 != 0]
    customers = training[training[:, FEATURES.index("frequency")] >= 1]
    for name in ("recency", "frequency", "monetary"):
        wanted = np.quantile(customers[:, FEATURES.index(name)], [0.2, 0.4, 0.6, 0.8])
        assert getattr(found.model, name) == pytest.approx(wanted.tolist())
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


def test_too_few_customers_make_no_model_however_many_people_there_are() -> None:
    rows = shop(buyers=90, lookers=2_000)
    refused = train(msgspec.structs.replace(order(), name=RFM), pieces(csv(rows)))
    assert refused == Refusal(code="too_few_profiles", profiles=2_090)
