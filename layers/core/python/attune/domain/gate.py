"""The processor's consent gate: whether an event may be stored, and what it adds to what is known of consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.consent import Consent, newer, permits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune.domain.events import Event, Record
    from attune.domain.profiles import Profile


def may_store(purpose: str, profiles: Sequence[Profile], event: Event, record: Record) -> bool:
    """Whether the event may be stored and linked, for every person it touches, after what it says itself is heard."""
    grants = may_grant(profiles, event, record)
    own = {name: granted for name, granted in (event.consent or {}).items() if grants or not granted}
    known = [profile.consent | heard(profile.consent, event, record, grants=grants) for profile in profiles]
    if not profiles:
        known = [heard({}, event, record, grants=grants)]
    return permits(purpose, known, own)


def may_grant(profiles: Sequence[Profile], event: Event, record: Record) -> bool:
    """Whether the event's word is enough to grant: a trusted source's is, a browser's for its own device."""
    if record.trusted:
        return True
    devices = {identifier.value for identifier in event.identifiers if identifier.namespace == "anonymous_id"}
    bound = (
        link.identifier.value
        for profile in profiles
        for link in profile.links.values()
        if link.identifier.namespace == "anonymous_id"
    )
    return all(device in devices for device in bound)


def heard(known: Mapping[str, Consent], event: Event, record: Record, *, grants: bool) -> dict[str, Consent]:
    """The consent records that the event adds: what it says anew, and where nothing is known, its source's basis.

    A basis counts as said at time 0, so that any person's own word is newer.
    """
    added: dict[str, Consent] = {}
    for purpose, granted in (event.consent or {}).items():
        said = Consent(granted, event.time, record.source)
        before = known.get(purpose)
        if granted and not grants:
            continue
        if (before is None or before.granted != granted or before.at == 0) and newer(before, said) is said:
            added[purpose] = said
    for purpose, granted in (event.basis or {}).items():
        if granted and purpose not in known and purpose not in (event.consent or {}):
            added[purpose] = Consent(True, 0, record.source)
    return added
