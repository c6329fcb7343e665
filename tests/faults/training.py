"""A trainer without mathematics, for what must hold whatever a model is: rows say how good a model of them would be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from attune.adapters.memory import MemoryDefinitions
from attune.domain.identifiers import Identifier
from attune.domain.learning.clusters import Clusters
from attune.domain.learning.models import SHOPPER_CLUSTERS, Model
from attune.domain.learning.training import SILHOUETTE, Order, Refusal
from attune.domain.profiles.consent import Consent
from attune.domain.profiles.profile import Link, Profile
from attune.domain.profiles.state import encode_profile
from attune.ports import ProfileItem
from attune.ports.learning import FeatureRows
from attune.use_cases.learning.permit_rows import PermitRows
from tests.builders import DAY, NOW, model


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
        return PlainCandidate(made, rows, {"run": order.version, "rows": rows, "cutoff": order.cutoff}, self.worth)


class Asked:
    """`ProfileScan` and `HoldScan` over people who all consent, until something else is said of one of them."""

    def __init__(self, *profile_ids: str) -> None:
        self.items = {one: consenting(one) for one in profile_ids}
        self.holds: dict[str, dict[str, int]] = {}

    def all_items(self, *, consistent: bool = False) -> list[ProfileItem]:
        assert consistent
        return list(self.items.values())

    def some_items(self, after: str, limit: int) -> tuple[list[ProfileItem], str]:
        raise NotImplementedError

    def tombstones(self) -> list[ProfileItem]:
        return [item for item in self.items.values() if not item.state]

    def every_hold(self) -> dict[str, dict[str, int]]:
        return self.holds

    def each_hold(self, identity_keys: Collection[str]) -> dict[str, dict[str, int]]:
        raise NotImplementedError


def consenting(profile_id: str, *, personalization: bool = True) -> ProfileItem:
    """A stored profile; its one identity key is `key of <id>`."""
    consent = {"personalization": Consent(personalization, NOW - DAY, "shop")}
    links = {f"key of {profile_id}": Link(Identifier("user_id", profile_id), NOW)}
    state = encode_profile(Profile(profile_id=profile_id, consent=consent, links=links))
    return ProfileItem(profile_id=profile_id, version=1, state=state)


def permitting(features: FeatureRows, people: Asked | None = None) -> PermitRows:
    """Of those who are in `ROWS` of the tests, if nothing is said."""
    asked = people or Asked("a")
    return PermitRows(
        features=features,
        everybody=asked,
        holds=asked,
        definitions=MemoryDefinitions(),
        clock=lambda: NOW,
        count=lambda *_: None,
    )
