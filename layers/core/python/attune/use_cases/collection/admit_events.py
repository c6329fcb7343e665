"""What every entrance does with an event that it has read, before it goes onto the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.definitions.normalisation import Normalisation
from attune.domain.events import CONSENT, Event, Rejected
from attune.domain.identifiers import Identifier

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.collection.judging import CompiledPlan, Violation
    from attune.domain.collection.normalising import Normaliser
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
    from attune.domain.definitions.tracking_plans import TrackingPlan
    from attune.ports import Count, Identified

#: no namespace of an identifier, so that no pseudonym is anybody's identity key
_HASHED: Final = "#hash"
_AS_IT_CAME: Final = Normalisation()
_DEVICE: Final = "anonymous_id"
#: hex digits
_FINGERPRINT: Final = 16


class AdmitEvents:
    """Callable with an event, its source and bytes, and the definitions: the event in its final form, or why not.

    Tracking plan first, on what the sender said; then the source's normalisation, and what it hashes. What a plan and a
    source need is made once, and again when another snapshot has another one. Without `count` nothing is counted.
    """

    def __init__(self, pseudonyms: Identified, count: Count | None = None) -> None:
        self._pseudonyms = pseudonyms
        self._count = count
        self._plans: dict[str, CompiledPlan] = {}
        self._normalisers: dict[str, tuple[Source, Normaliser]] = {}

    def __call__(self, event: Event, raw: bytes, source: Source, definitions: Definitions) -> Event | Rejected:
        """`raw`: the bytes that it was read from, which go to quarantine if the plan blocks it."""
        if source.tracking_plan:
            plan = definitions.tracking_plans.get(source.tracking_plan)
            if plan is not None:
                judgement = self._compiled(plan).judge(event, len(raw))
                if judgement.violations and self._count:
                    _count_violations(self._count, judgement.violations, source, plan.events, event)
                if judgement.event is None:
                    return Rejected(reason=_reason(judgement.violations), raw=raw)
                event = judgement.event
        return self.form(event, source)

    def words(self, event: Event, source: Source) -> list[Event]:
        """What a blocked event says of consent, as statements of ours: no plan keeps a person from refusing.

        Of a statement all that it says, else what it refuses; nothing beside it but whom it names: for the strongest,
        and for the device, since a statement links nobody. Ids are under our key: what they are made of is not kept.
        """
        if not event.consent:
            return []
        # modules that the entrances need for nothing else
        from attune.domain.consent.hearing import is_statement
        from attune.domain.profiles.consent import STORE

        # as of an event that is not blocked: what may not be stored grants nothing
        states = is_statement(event) and event.consent.get(STORE) is not False
        said = {purpose: granted for purpose, granted in event.consent.items() if states or not granted}
        if not said:
            return []
        words = f"{source.id} {event.message_id} {event.fingerprint} {sorted(said.items())}"
        devices = tuple(one for one in event.identifiers if one.namespace == _DEVICE)
        named = {who[0]: who for who in (devices, event.identifiers) if who}
        return [
            self.form(self._statement(event, who, said, f"{words} {first}"), source) for first, who in named.items()
        ]

    def _statement(self, event: Event, who: tuple[Identifier, ...], said: dict[str, bool], made_of: str) -> Event:
        made = self._pseudonym(made_of)
        return Event(
            type=CONSENT,
            message_id=f"consent-{made}",
            time=event.time,
            identifiers=who,
            consent=said,
            evidence=event.evidence,
            fingerprint=made[:_FINGERPRINT],
        )

    def form(self, event: Event, source: Source) -> Event:
        """An event in its source's form, and its people named so: of statements of ours too, which no plan judges."""
        return event if source.normalise == _AS_IT_CAME else self._normaliser(source)(event)

    def _compiled(self, plan: TrackingPlan) -> CompiledPlan:
        known = self._plans.get(plan.id)
        if known is None or known.plan is not plan:
            # Loaded by the first source that has a plan: nobody else needs the validator.
            from attune.domain.collection.judging import CompiledPlan

            if known is None or known.plan != plan:
                known = self._plans[plan.id] = CompiledPlan(plan)
            known.plan = plan
        return known

    def _normaliser(self, source: Source) -> Normaliser:
        known = self._normalisers.get(source.id)
        if known is None or known[0] is not source:
            from attune.domain.collection.normalising import Normaliser

            known = self._normalisers[source.id] = (source, Normaliser(source.normalise, self._pseudonym))
        return known[1]

    def _pseudonym(self, text: str) -> str:
        return self._pseudonyms.key(Identifier(_HASHED, text))


def _count_violations(
    count: Count, violations: tuple[Violation, ...], source: Source, planned: Collection[str], event: Event
) -> None:
    """By source and reason. Beside them stand what was done and the event's name, if the plan has it."""
    name = event.name or event.type
    for reason, action in {(one.reason, one.action) for one in violations}:
        dimensions = {"source": source.id, "reason": reason, "action": action}
        count("PlanViolations", 1, dimensions | {"event": name if name in planned else ""})


def _reason(violations: tuple[Violation, ...]) -> str:
    blocking = [one.reason for one in violations if one.action == "block"]
    return "unplanned_event" if "unplanned_event" in blocking else "plan_violation"
