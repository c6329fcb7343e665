"""The gate: whether something may be done with what is known of somebody, one function for every edge.

What an event itself says of consent is heard first (`hearing`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.consent.hearing import heard, is_own, voice
from attune.domain.consent.policies import PLAIN
from attune.domain.events import LIST
from attune.domain.profiles.consent import (
    ANALYTICS,
    PERSONALIZATION,
    RESTRICTION,
    STORE,
    in_force,
    is_restricted,
    outlasts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.consent.policies import Policies
    from attune.domain.events import Event, Record
    from attune.domain.profiles.consent import Consent
    from attune.domain.profiles.profile import Profile


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
