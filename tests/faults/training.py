"""A trainer without mathematics, for what must hold whatever a model is: rows say how good a model of them would be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from attune.domain.clusters import Clusters
from attune.domain.models import SHOPPER_CLUSTERS, Model
from attune.domain.training import SILHOUETTE, Order, Refusal
from tests.builders import model


@dataclass(frozen=True)
class PlainCandidate:
    """`Candidate`: `worth` is its silhouette by version, 0.4 for those it does not know."""

    model: Clusters
    profiles: int
    lineage: dict[str, Any]
    worth: dict[str, float | None]

    @property
    def metrics(self) -> dict[str, Any]:
        return {"clusters": [{"name": label, "share": 0.5, "centroid": {}} for label in self.model.labels]}

    measure = SILHOUETTE

    def judged(self, model: Model) -> float | None:
        return self.worth.get(model.version, 0.4)


class PlainTrainer:
    """`Trainer`: counts rows, and does as `worth` says."""

    def __init__(self, worth: dict[str, float | None] | None = None) -> None:
        self.worth = worth or {}
        self.trained: list[str] = []

    def __call__(self, order: Order, pieces: Iterable[bytes]) -> PlainCandidate | Refusal:
        if order.name != SHOPPER_CLUSTERS:
            return Refusal(code="too_few_profiles")
        rows = b"".join(pieces).count(b"\n") - 1
        if rows < 1:
            return Refusal(code="too_few_profiles", profiles=max(rows, 0))
        self.trained.append(order.version)
        made = model(order.version, trained_at=order.cutoff)
        return PlainCandidate(made, rows, {"run": order.version, "rows": rows}, self.worth)
