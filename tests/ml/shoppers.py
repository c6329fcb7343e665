"""Shops whose groups of people are known, as the features' CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from attune.domain.learning.features import FEATURES
from attune.domain.learning.training import Order
from attune_ml.training import TrainedClusters, train
from tests.builders import NOW

HEADER = ",".join(f'"{name}"' for name in ("profile_id", *FEATURES, "holdout"))
#: recency, frequency, monetary, tenure, views, carts of somebody typical
GROUPS: dict[str, tuple[float, ...]] = {
    "vip": (3.0, 40.0, 4_000.0, 700.0, 300.0, 90.0),
    "lapsed": (300.0, 1.0, 40.0, 500.0, 2.0, 1.0),
    "newcomers": (0.5, 0.0, 0.0, 2.0, 6.0, 0.0),
    "window_shoppers": (5.0, 0.0, 0.0, 200.0, 250.0, 0.0),
}


def people(groups: dict[str, tuple[float, ...]], each: int, *, seed: int = 7) -> tuple[NDArray[np.float64], list[str]]:
    """`each` of every group, spread by a few percent, mixed; and who belongs where."""
    rng = np.random.default_rng(seed)
    spread = rng.lognormal(0.0, 0.05, (each * len(groups), len(FEATURES)))
    rows = np.repeat(np.array(list(groups.values())), each, axis=0) * spread
    order = rng.permutation(len(rows))
    return rows[order], [list(groups)[row // each] for row in order]


def csv(rows: Sequence[Sequence[object]] | NDArray[np.float64], *, quoted: bool = True, every: int = 5) -> bytes:
    """As Athena writes it; each `every`-th row is held out."""
    lines = [HEADER]
    for number, row in enumerate(rows):
        values = [f"{number:032x}", *(value if isinstance(value, str) else repr(float(value)) for value in row)]
        values.append("1" if number % every == 0 else "0")
        lines.append(",".join(f'"{value}"' for value in values) if quoted else ",".join(values))
    return "\n".join(lines).encode() + b"\n"


def order(version: str = "run-1") -> Order:
    return Order(name="shopper_clusters", version=version, cutoff=NOW, features="s3://lake/queries/run-1.csv")


def pieces(data: bytes, size: int = 1_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def trained(data: bytes, version: str = "run-1") -> TrainedClusters:
    """A model there must be."""
    found = train(order(version), pieces(data))
    assert isinstance(found, TrainedClusters), found
    return found
