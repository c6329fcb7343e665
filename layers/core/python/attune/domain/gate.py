"""The gate: whether something may be done with what is known of somebody, one function for every edge.

And the processor's ear: whether an event may be stored, and what it adds to what is known of consent. A banner's
choices ride on every event. Riding along they refuse, and they permit where nothing was said before; they do not end a
withdrawal: that takes a statement of its own, `$consent` or `Segment Consent Preference Updated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.consent import (
    ANALYTICS,
    METHODS,
    PERSONALIZATION,
    RESTRICTION,
    STORE,
    Consent,
    Evidence,
    in_force,
    is_restricted,
    outlasts,
)
from attune.domain.events import CONSENT, LIST, PREFERENCE_UPDATE, Origin, short_hash
from attune.domain.policies import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.events import Event, Record
    from attune.domain.policies import Policies
    from attune.domain.profiles import Profile


class Edge(StrEnum):
    """Where something is done with what is known of somebody.

    `store`: take in and link what they do. `segment`: reckon which segments they are in, and computed traits. `lake`:
    show what they did to analyses, unsealed. `train`: learn from it. `recommend`: let models say something of them.
    `decide`: let a campaign begin. `send`: send them a message.
    """

    STORE = "store"
    SEGMENT = "segment"
    LAKE = "lake"
    TRAIN = "train"
    RECOMMEND = "recommend"
    DECIDE = "decide"
    SEND = "send"


class Refusal(StrEnum):
    """Why an edge is closed; part of the API."""

    NO_CONSENT = "no_consent"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    HELD = "held"
    RESTRICTED = "restricted"
    SUPPRESSED = "suppressed"
    ERASED = "erased"


class Allowed(msgspec.Struct, frozen=True, tag=True):
    """Nothing speaks against it; true."""

    def __bool__(self) -> bool:
        return True


class Refused(msgspec.Struct, frozen=True, tag=True):
    """It must not be done; false. `purpose`: the one that is missing, "" where it is not a matter of purposes."""

    purpose: str
    reason: Refusal

    def __bool__(self) -> bool:
        return False

    def counted(self, edge: Edge) -> dict[str, str]:
        """As metrics name it."""
        return {"edge": str(edge), "purpose": self.purpose or "none", "reason": str(self.reason)}


ALLOWED: Final = Allowed()
#: the purpose map: these need `analytics`, the others `personalization`, decisions and messages their channel's as well
_STORE, _LAKE = Edge.STORE, Edge.LAKE
#: the metric of all refusals
REFUSALS: Final = "Refusals"
_NOTHING: Final[dict[str, int]] = {}


def allowed(
    edge: Edge,
    consent: Mapping[str, Consent],
    at: int,
    held: Mapping[str, int] = _NOTHING,
    purpose: str = "",
) -> Allowed | Refused:
    """Whether the edge is open for somebody at an instant (ms). Missing information refuses.

    `consent`: as it stands for them (`Policies.standing`). `held`: withdrawals by purpose that the stream has not
    carried yet (ms). `purpose`: what is needed beside the edge's own, such as a channel's. A restriction closes all
    edges but `store`. Asked several times of every event, so it says yes before it looks for reasons.
    """
    needed = ANALYTICS if edge is _STORE or edge is _LAKE else PERSONALIZATION
    record = consent.get(needed)
    if (
        record is not None
        and record.granted
        and (not record.until or at < record.until)
        and RESTRICTION not in consent
        and not (held or purpose)
    ):
        return ALLOWED
    if edge is not _STORE and is_closed(consent, held):
        return Refused("", Refusal.RESTRICTED)
    for name in (needed, purpose) if purpose else (needed,):
        if reason := reason_against(consent.get(name), held.get(name), at):
            return Refused(name, reason)
    return ALLOWED


def reason_against(record: Consent | None, held_since: int | None, at: int) -> Refusal | None:
    """Why a purpose is not permitted at an instant; None if it is. `held_since`: as in `allowed`, of this purpose."""
    if record is None:
        return Refusal.NO_CONSENT if held_since is None else Refusal.HELD
    if not record.granted:
        return Refusal.WITHDRAWN
    if held_since is not None and not outlasts(record, held_since):
        return Refusal.HELD
    return Refusal.EXPIRED if record.ended(at) else None


def is_closed(consent: Mapping[str, Consent], held: Mapping[str, int] = _NOTHING) -> bool:
    """Whether a restriction closes all edges but `store`; where nothing is known of one, none does."""
    if is_restricted(consent):
        return True
    record = consent.get(RESTRICTION)
    return RESTRICTION in held and not (record is not None and outlasts(record, held[RESTRICTION]))


@dataclass(frozen=True, slots=True)
class Voice:
    """What an event's word is enough for: to grant where nothing is known, and to end a withdrawal."""

    grants: bool
    ends_withdrawal: bool


SILENT: Final = Voice(grants=False, ends_withdrawal=False)


def voice(profiles: Sequence[Profile], event: Event, record: Record) -> Voice:
    """A trusted source speaks for anybody, a browser for the person of its own device and of no other."""
    if not event.consent:
        return SILENT
    states = is_statement(event)
    if record.trusted:
        return Voice(grants=True, ends_withdrawal=states)
    own = is_own(profiles, event, record)
    return Voice(grants=own, ends_withdrawal=own and states and any(profile.devices() for profile in profiles))


def is_own(profiles: Sequence[Profile], event: Event, record: Record) -> bool:
    """Whether whoever sends it speaks for these people: somebody trusted, or their own and only device."""
    if record.trusted:
        return True
    devices = {identifier.value for identifier in event.identifiers if identifier.namespace == "anonymous_id"}
    return {device for profile in profiles for device in profile.devices()} <= devices


def is_statement(event: Event) -> bool:
    """Whether consent is what the event is about."""
    return event.type == CONSENT or (event.type == "track" and event.name == PREFERENCE_UPDATE)


def may_store(
    profiles: Sequence[Profile], event: Event, record: Record, policies: Policies = PLAIN
) -> Allowed | Refused:
    """Whether the event may be stored and linked, for every person it touches, after what it says itself is heard.

    A grant that took effect after the event does not count: or a retry, later, would store what was refused. Nor does
    one that had expired when the event was received. Of several people any refusal refuses, and who said nothing
    follows those who did.
    Taking somebody who is known off a list is no storing: or they would be on it again with their next grant.
    """
    if profiles and event.type == LIST and not event.properties["on"]:
        return ALLOWED
    speaks = voice(profiles, event, record)
    own = (event.consent or {}).get(STORE)
    if own is False:
        return Refused(STORE, Refusal.WITHDRAWN)
    verdict: Allowed | Refused = ALLOWED if own and speaks.grants else Refused(STORE, Refusal.NO_CONSENT)
    for profile in profiles or (None,):
        known = {} if profile is None else profile.consent
        after = in_force(known, event.time) | heard(known, event, record, speaks, policies)
        if policies.decides:
            own = is_own(profiles, event, record)
            places = policies.places_after(profile, event, record.source, own=own)
            after = policies.applied(after, places, policies.placed_until(profile, event if own else None))
        one = allowed(_STORE, after, record.received_at)
        if one is ALLOWED:
            verdict = ALLOWED
        elif isinstance(one, Refused) and one.reason is not Refusal.NO_CONSENT:
            return one
    return verdict


def heard(
    known: Mapping[str, Consent], event: Event, record: Record, speaks: Voice, policies: Policies = PLAIN
) -> dict[str, Consent]:
    """The consent records that the event adds: what it says anew, and where nothing is known, its source's basis.

    A grant keeps the time at which it was first given, for as long as it is said again before it expires; a withdrawal
    has that of its last repetition. A basis is as old as can be.
    """
    added: dict[str, Consent] = {}
    for purpose, granted in event.consent.items() if event.consent else ():
        before = known.get(purpose)
        if before is not None and policies.asks:
            before = policies.ends(purpose, before)
        said = Consent(
            granted,
            event.time,
            record.source,
            is_statement(event) or not granted,
            _since(before, event, granted=granted),
            policies.lasts_until(purpose, event) if granted and policies.expires else 0,
        )
        if _counts(before, said, speaks):
            added[purpose] = _anew(before, said) if before is not None and before.ended(said.at) else said
        elif before is not None and before.until and _renews(before, said, speaks):
            added[purpose] = _renewed(before, said)
    if added and RESTRICTION in added and not (record.origin is Origin.INTERNAL and event.type == CONSENT):
        del added[RESTRICTION]
    for purpose, granted in event.basis.items() if event.basis else ():
        if purpose not in known and granted and purpose not in (event.consent or ()):
            added[purpose] = Consent(True, 0, record.source, stated=False)
    return added


def evidence_of(event: Event, purpose: str, record: Record, policies: Policies) -> Evidence:
    """How the event says what it says of a purpose. What is no word of ours is left out: nobody writes here freely."""
    said = event.evidence
    method = said.get(purpose, said.get("method", "")) if purpose in (event.consent or {}) else "basis"
    notice = said.get("notice", "")
    return Evidence(
        method if method in METHODS else "",
        notice if notice in policies.notices.get(purpose, ()) else "",
        short_hash(record.source, event.message_id).hex(),
    )


def _renews(before: Consent, said: Consent, speaks: Voice) -> bool:
    """Whether it says again, for its own sake, what would expire sooner."""
    if not (before.granted and said.granted and said.stated and speaks.ends_withdrawal):
        return False
    return said.at > before.at and (said.until > before.until or not said.until)


def _renewed(before: Consent, said: Consent) -> Consent:
    """While it lasts a grant goes on; after it had expired it begins anew."""
    if before.until <= said.at:
        return _anew(before, said)
    return msgspec.structs.replace(said, at=before.at, since=before.since)


def _anew(before: Consent, said: Consent) -> Consent:
    """What is said after a grant had expired: until then it was as if withdrawn."""
    return msgspec.structs.replace(said, since=before.since or before.until) if said.granted else said


def _since(before: Consent | None, event: Event, *, granted: bool) -> int:
    if before is not None and not before.granted:
        return before.since or before.at
    return 0 if granted else event.time


def _counts(before: Consent | None, said: Consent, speaks: Voice) -> bool:
    if before is None:
        return speaks.grants or not said.granted
    if not said.granted:
        return not outlasts(before, said.at) if before.granted else said.at > before.at
    if before.granted:
        return speaks.grants and said.stated and not before.stated
    return speaks.ends_withdrawal and said.at > before.at
