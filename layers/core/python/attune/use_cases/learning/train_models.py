"""One training run: features → models → registry → and, if the hold-out says so, each the champion's place.

A run that was killed is started again with the same name and cut-off, and does the same again: the features are those
of its run, training is a function of them, keeping replaces like by like, and the pointer moves once. Only who may no
longer be learnt from by then is another matter: they are left out of what is read, however old the features are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from attune.domain.learning.lineages import ERASURES, PEOPLE, Seen, decode_lineage, decode_people, may_have_seen
from attune.domain.learning.models import MODELS, UNREADABLE, Champion, Model, UnusableModelError, encode_model
from attune.domain.learning.training import Order, Refusal, Verdict, VerdictCode, decide
from attune.ports import ConflictError
from attune.use_cases.erasure.limit_champions import limit_champion

if TYPE_CHECKING:
    from attune.ports import Clock, Count
    from attune.ports.learning import Candidate, FeatureTable, Registry, Trainer
    from attune.use_cases.learning.permit_rows import PermitRows

#: looks at the champion, should others move the pointer meanwhile
MAX_ATTEMPTS: Final = 5
METRICS: Final = "metrics.json"
LINEAGE: Final = "lineage.json"

type State = Literal["promoted", "kept", "skipped"]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a model: part of its metrics, where a later try of the same run finds it."""

    verdict: Verdict
    profiles: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pointer stands when a version wants its place."""

    #: of the pointer
    tag: str | None = None
    #: to compare with, or why there is none
    champion: Model | VerdictCode
    #: what the next pointer names as the version before it
    previous: str | None = None
    #: of an earlier try of the same run that moved the pointer
    outcome: Outcome | None = None


class TrainModels:
    """Callable with a run's cut-off (ms) and name; answers what became of it, as the learning machine hands it on."""

    def __init__(
        self,
        *,
        features: FeatureTable,
        rows: PermitRows,
        registry: Registry,
        trainer: Trainer,
        clock: Clock,
        count: Count,
    ) -> None:
        self._features = features
        self._rows = rows
        self._registry = registry
        self._trainer = trainer
        self._clock = clock
        self._count = count

    def __call__(self, cutoff: int, run: str) -> dict[str, Any]:
        """`{features, profiles, models: [{model, state, code, version}]}`. Services' faults raise.

        `state`: promoted, kept (in the registry, but not serving) or skipped (no model).
        """
        location = self._features.build(cutoff, run)
        people = self._rows.permitted(location)
        orders = [Order(name=name, version=run, cutoff=cutoff, features=location) for name in MODELS]
        answers = [self._train(order, people) for order in orders]
        profiles = max(looked_at for _, looked_at in answers)
        return {"features": location, "profiles": profiles, "models": [answer for answer, _ in answers]}

    def _train(self, order: Order, people: set[str]) -> tuple[dict[str, Any], int]:
        """What became of one model, and how many profiles were looked at for it."""
        outcome = self._standing(order).outcome
        if outcome is None:
            trained = self._trainer(order, self._rows.pieces(order.features, people))
            if isinstance(trained, Refusal):
                return self._answer(order, "skipped", trained.code, trained.profiles)
            outcome = self._settle(order, trained, people)
        state: State = "promoted" if outcome.verdict.promoted else "kept"
        # after the pointer has moved, in this try or in an earlier one: a sweep may have told of somebody meanwhile
        if outcome.verdict.promoted and (told_of := self._erased(order.name)):
            limit_champion(self._registry, order.name, told_of)
        return self._answer(order, state, outcome.verdict.code, outcome.profiles)

    def _settle(self, order: Order, candidate: Candidate, people: set[str]) -> Outcome:
        """Judge, keep, promote; from the start again if the champion changed between the first and the last.

        Of who was erased since the rows were read either the sweep has told, or their tombstone does.
        """
        for _ in range(MAX_ATTEMPTS):
            standing = self._standing(order)
            if standing.outcome is not None:
                return standing.outcome
            outcome, figures = judge(candidate, standing.champion)
            has_erased = outcome.verdict.promoted and self._rows.has_erased(people)
            # after that scan, which takes minutes
            is_told = may_have_seen(order.cutoff, self._erased(order.name))
            if is_told or has_erased:
                outcome = Outcome(Verdict(promoted=False, code="saw_erased"), outcome.profiles)
            # All of a version lies there before anybody is pointed to it: a crash in between leaves the old champion.
            self._registry.keep(order.name, order.version, files_of(candidate, outcome, figures))
            if not outcome.verdict.promoted or self._promote(order, standing):
                return outcome
        raise ConflictError(f"the champion of {order.name} changed {MAX_ATTEMPTS} times while it was looked at")

    def _promote(self, order: Order, standing: Standing) -> bool:
        """Whether the pointer was still the one that the verdict was about."""
        champion = Champion(
            version=order.version, previous=standing.previous, run=order.version, moved_at=self._clock()
        )
        try:
            self._registry.promote(order.name, champion, read=standing.tag)
        except ConflictError:
            return False
        return True

    def _standing(self, order: Order) -> Standing:
        try:
            found = self._registry.champion(order.name)
        except UnusableModelError as error:
            return Standing(tag=error.tag, champion="champion_unusable")
        if found is None:
            return Standing(champion="no_champion")
        tag, pointer = found
        before = pointer.previous if pointer.previous != order.version else None
        try:
            champion = self._registry.model(order.name, pointer.version)
        except UnusableModelError:
            return Standing(tag=tag, champion="champion_unusable", previous=before)
        if order.version not in (pointer.version, pointer.previous):
            if pointer.expires_at or self._saw_erased(order.name, pointer.version):
                # nor does it serve in place of one that cannot be read
                return Standing(tag=tag, champion="champion_saw_erased")
            return Standing(tag=tag, champion=champion, previous=pointer.version)
        return self._standing_of_its_own(order, tag, champion, before)

    def _erased(self, name: str) -> tuple[Seen, ...]:
        return decode_people(self._registry.document(name, ERASURES, PEOPLE))

    def _saw_erased(self, name: str, version: str) -> bool:
        people = self._erased(name)
        if not people:
            return False
        lineage = decode_lineage(self._registry.document(name, version, LINEAGE))
        return may_have_seen(lineage.cutoff, people)

    def _standing_of_its_own(self, order: Order, tag: str, champion: Model, before: str | None) -> Standing:
        """Of a version that is champion, or was it just before: it is not judged again, least of all by itself."""
        try:
            data = self._registry.document(order.name, order.version, METRICS) or b""
            outcome = msgspec.json.decode(data, type=Outcome)
        except UNREADABLE:
            if champion.version == order.version:  # half a version: make it whole
                return Standing(tag=tag, champion="champion_unusable", previous=before)
            return Standing(tag=tag, champion=champion, previous=champion.version)
        return Standing(tag=tag, champion=champion, outcome=outcome)

    def _answer(self, order: Order, state: State, code: str, profiles: int) -> tuple[dict[str, Any], int]:
        self._count("ModelsTrained", 1, {"model": order.name, "state": state})
        version = None if state == "skipped" else order.version
        return {"model": order.name, "state": state, "code": code, "version": version}, profiles


def judge(candidate: Candidate, champion: Model | VerdictCode) -> tuple[Outcome, dict[str, Any]]:
    """On the candidate's hold-out: the outcome, and the figures that led to it."""
    measure, challenger = candidate.measure, candidate.judged(candidate.model)
    figures: dict[str, Any] = {measure.name: challenger}
    if isinstance(champion, str):
        verdict = decide(challenger, champion, measure)
    else:
        judged = candidate.judged(champion)
        verdict = decide(challenger, judged, measure)
        figures |= {"champion": champion.version, f"champion_{measure.name}": judged}
    return Outcome(verdict, candidate.profiles), figures


def files_of(candidate: Candidate, outcome: Outcome, figures: dict[str, Any]) -> dict[str, bytes]:
    """What is kept of a version, as JSON."""
    metrics = {**candidate.metrics, **figures, **msgspec.to_builtins(outcome)}
    return {
        "model.json": encode_model(candidate.model),
        METRICS: msgspec.json.format(msgspec.json.encode(metrics), indent=2),
        LINEAGE: msgspec.json.format(msgspec.json.encode(candidate.lineage), indent=2),
    }
