"""Customers in fifths: who is where, what the percentile says, and what must not serve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attune.domain.learning.models import RFM, UnusableModelError, decode_model, encode_model, say
from attune.domain.learning.rfm import HIGHEST, LOWEST, Rfm, percentile, rate
from tests.builders import NOW

SHARES = tuple((score - LOWEST + 1) / (HIGHEST - LOWEST + 1) for score in range(LOWEST, HIGHEST + 1))


def rfm(**overrides: Any) -> Rfm:
    fields: dict[str, Any] = {
        "name": RFM,
        "version": "run-1",
        "trained_at": NOW,
        "recency": (2.0, 10.0, 30.0, 90.0),
        "frequency": (1.0, 1.0, 2.0, 4.0),
        "monetary": (10.0, 50.0, 100.0, 500.0),
        "at_most": SHARES,
    }
    return Rfm(**(fields | overrides))


def features(recency: float, frequency: float, monetary: float) -> tuple[float, ...]:
    return (recency, frequency, monetary, 100.0, 5.0, 1.0)


@pytest.mark.parametrize(
    ("did", "score"),
    [
        ((0.5, 9, 900.0), 15),
        ((2.0, 9, 900.0), 15),
        ((2.1, 9, 900.0), 14),
        ((400.0, 1, 1.0), 3),
        ((400.0, 2, 1.0), 5),
        ((400.0, 1, 10.0), 3),
        ((400.0, 1, 10.01), 4),
        ((1.0, 0, 0.0), 0),
    ],
)
def test_the_best_fifth_gives_five_and_who_never_ordered_is_no_customer(did: tuple[float, ...], score: int) -> None:
    assert rate(rfm(), features(*did)) == score


def test_the_percentile_is_of_whom_it_says_no_more() -> None:
    assert percentile(rfm(), HIGHEST) == 100.0
    assert percentile(rfm(), LOWEST) == round(100 / 13, 1)
    assert percentile(rfm(), 0) == 0.0
    assert say(rfm(), features(0.5, 9, 900.0)) == (15.0, 100.0)


def test_it_is_read_back_as_it_was_written() -> None:
    assert decode_model(encode_model(rfm()), RFM, "run-1") == rfm()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recency": (1.0, 2.0, 3.0)}, "wrong_shape"),
        ({"frequency": (4.0, 3.0, 2.0, 1.0)}, "wrong_shape"),
        ({"at_most": SHARES[1:]}, "wrong_shape"),
        ({"at_most": (*SHARES[:-1], 1.5)}, "wrong_shape"),
        ({"at_most": (-0.5, *SHARES[1:])}, "wrong_shape"),
        ({"kind": "kmeans"}, "corrupt_model"),
        ({"monetary": (0.0, 0.0, 0.0, "1")}, "corrupt_model"),
        ({"name": "shopper_clusters"}, "corrupt_model"),
    ],
)
def test_what_is_not_whole_does_not_serve(changes: dict[str, Any], code: str) -> None:
    data = json.dumps(json.loads(encode_model(rfm())) | changes).encode()
    with pytest.raises(UnusableModelError) as caught:
        decode_model(data, RFM, "run-1")
    assert caught.value.code == code


def test_a_number_beyond_all_does_not_serve() -> None:
    data = encode_model(rfm()).replace(b"500.0", b"1e999")
    with pytest.raises(UnusableModelError) as caught:
        decode_model(data, RFM, "run-1")
    assert caught.value.code in {"not_finite", "corrupt_model"}
