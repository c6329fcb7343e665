"""What an event adds to what is known of consent: who speaks in it, and what their word changes.

A banner's choices ride on every event. Riding along they refuse, and they permit where nothing was said before; they do
not end a withdrawal: that takes a statement of its own, `$consent` or `Segment Consent Preference Updated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.consent.policies import PLAIN
from attune.domain.events import CONSENT, PREFERENCE_UPDATE, Origin
from attune.domain.profiles.consent import METHODS, RESTRICTION, Consent, Evidence, grant, withdraw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.consent.policies import Policies
    from attune.domain.events import Event, Record
    from attune.domain.profiles.profile import Profile


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


def heard(
    known: Mapping[str, Consent], event: Event, record: Record, speaks: Voice, policies: Policies = PLAIN
) -> dict[str, Consent]:
    """The consent records that the event changes: what it says anew, and where nothing is known, its source's basis.

    A grant keeps the time at which it was first given, for as long as it is said again before it expires; a withdrawal
    has that of its last repetition. A basis is as old as can be.
    """
    added: dict[str, Consent] = {}
    for purpose, granted in event.consent.items() if event.consent else ():
        before = known.get(purpose)
        after: Consent | None
        if not granted:
            after = _withdrawn(before, event.time, record.source)
        else:
            until = policies.lasts_until(purpose, event) if policies.expires else 0
            said = Consent(True, event.time, record.source, is_statement(event), until=until)
            ended = policies.ends(purpose, before) if before is not None and policies.asks else before
            after = _granted(before, ended, said, speaks)
        if after is not None and after != before:
            added[purpose] = after
    if added and RESTRICTION in added and not (record.origin is Origin.INTERNAL and event.type == CONSENT):
        del added[RESTRICTION]
    for purpose, granted in event.basis.items() if event.basis else ():
        if purpose not in known and granted and purpose not in (event.consent or ()):
            added[purpose] = Consent(True, 0, record.source, stated=False)
    return added


def _withdrawn(before: Consent | None, at: int, source: str) -> Consent:
    return Consent(False, at, source, since=at) if before is None else withdraw(before, at, source)


def _granted(before: Consent | None, ended: Consent | None, said: Consent, speaks: Voice) -> Consent | None:
    """After a grant; None where it counts for nothing. `ended`: what was known, with the end that a notice gives it."""
    if before is None or ended is None:
        return said if speaks.grants else None
    expired = ended.until if ended.ended(said.at) else 0
    if before.granted and not before.stated:
        return grant(before, said, expired) if speaks.grants and said.stated else None
    if not (speaks.ends_withdrawal and said.stated and said.at > max(before.at, before.again)):
        return None
    if expired or not before.granted:
        return grant(before, said, expired)
    longer = ended.until and (said.until > ended.until or not said.until)
    return msgspec.structs.replace(before, again=said.at, until=said.until if longer else before.until)


def evidence_of(event: Event, purpose: str, pseudonym: str, policies: Policies) -> Evidence:
    """How the event says what it says of a purpose. What is no word of ours is left out: nobody writes here freely.

    `pseudonym`: stands for the event's id, which may be made of somebody's address, under the identity secret.
    """
    said = event.evidence
    method = said.get(purpose, said.get("method", "")) if purpose in (event.consent or {}) else "basis"
    notice = said.get("notice", "")
    return Evidence(
        method if method in METHODS else "",
        notice if notice in policies.notices.get(purpose, ()) else "",
        pseudonym,
    )
