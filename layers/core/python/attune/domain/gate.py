"""The processor's consent gate: whether an event may be stored, and what it adds to what is known of consent.

A banner's choices ride on every event. Riding along they refuse, and they permit where nothing was said before; they
do not end a withdrawal: that takes a statement of its own, `$consent` or `Segment Consent Preference Updated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from attune.domain.consent import Consent, in_force, outlasts, permits
from attune.domain.events import CONSENT, LIST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.events import Event, Record
    from attune.domain.profiles import Profile

#: the Segment spec's name for a statement of consent
PREFERENCE_UPDATE: Final = "Segment Consent Preference Updated"


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
    devices = {identifier.value for identifier in event.identifiers if identifier.namespace == "anonymous_id"}
    bound = {device for profile in profiles for device in profile.devices()}
    own = bound <= devices
    return Voice(grants=own, ends_withdrawal=own and bool(bound) and states)


def is_statement(event: Event) -> bool:
    """Whether consent is what the event is about."""
    return event.type == CONSENT or (event.type == "track" and event.name == PREFERENCE_UPDATE)


def may_store(purpose: str, profiles: Sequence[Profile], event: Event, record: Record) -> bool:
    """Whether the event may be stored and linked, for every person it touches, after what it says itself is heard.

    A grant that took effect after the event does not count: or a retry, later, would store what was refused.
    Taking somebody who is known off a list is no storing: or they would be on it again with their next grant.
    """
    if profiles and event.type == LIST and not event.properties["on"]:
        return True
    speaks = voice(profiles, event, record)
    own = {name: granted for name, granted in (event.consent or {}).items() if speaks.grants or not granted}
    known = [
        in_force(profile.consent, event.time) | heard(profile.consent, event, record, speaks) for profile in profiles
    ]
    return permits(purpose, known or [heard({}, event, record, speaks)], own)


def heard(known: Mapping[str, Consent], event: Event, record: Record, speaks: Voice) -> dict[str, Consent]:
    """The consent records that the event adds: what it says anew, and where nothing is known, its source's basis.

    A grant keeps the time at which it was first given, a withdrawal has that of its last repetition. A basis is as old
    as can be.
    """
    added: dict[str, Consent] = {}
    for purpose, granted in (event.consent or {}).items():
        before = known.get(purpose)
        said = Consent(
            granted,
            event.time,
            record.source,
            is_statement(event) or not granted,
            _since(before, event, granted=granted),
        )
        if _counts(before, said, speaks):
            added[purpose] = said
    for purpose, granted in (event.basis or {}).items():
        if granted and purpose not in known and purpose not in (event.consent or {}):
            added[purpose] = Consent(True, 0, record.source, stated=False)
    return added


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
