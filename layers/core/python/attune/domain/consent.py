"""Consent by purpose: what is known, what an event may add, what is permitted. Missing information refuses."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ANALYTICS: Final = "analytics"
PERSONALIZATION: Final = "personalization"
PURPOSES: Final = (ANALYTICS, PERSONALIZATION, "email", "sms", "advertising")

#: the purpose map: what each edge needs (DESIGN: gate on every edge); a send needs its channel's purpose
STORE: Final = ANALYTICS
SEGMENT: Final = PERSONALIZATION


class Consent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest record for one purpose: granted or withdrawn, effective when (ms), and which source said so."""

    granted: bool
    at: int
    source: str
    #: said for its own sake; a grant that only rode along on an event, or a source's basis, gives way to any withdrawal
    stated: bool = True
    #: of a withdrawal: when it began, repetitions aside; of a grant that ended one: when that had begun; else 0
    since: int = 0


def in_force(known: Mapping[str, Consent], at: int) -> dict[str, Consent]:
    """What held at an earlier instant: a grant counts from when it was given, until then the withdrawal it ended."""
    held = {}
    for purpose, record in known.items():
        if not record.granted or record.at <= at:
            held[purpose] = record
        elif record.since and record.since <= at:
            held[purpose] = Consent(False, record.since, record.source)
    return held


def outlasts(record: Consent, withdrawn_at: int) -> bool:
    """Whether a grant still stands in the face of a withdrawal of that time."""
    return record.granted and record.stated and record.at > withdrawn_at


def stricter(one: Consent | None, other: Consent | None) -> Consent | None:
    """What a merge of two people keeps for a purpose: a withdrawal on either side, else the newest grant.

    A grant that ended a withdrawal goes before one that did not: what it ended must not be forgotten. Of two alike the
    later, and since when consent had been withdrawn on either side.
    """
    if one is None or other is None:
        return one or other
    if one.granted != other.granted:
        return other if one.granted else one
    if one.granted and bool(one.since) != bool(other.since):
        return one if one.since else other
    latest = max(one, other, key=lambda record: (record.at, record.source, record.stated, record.since))
    begun = min(_withdrawn_since(one), _withdrawn_since(other))
    return latest if begun == _withdrawn_since(latest) else msgspec.structs.replace(latest, since=begun)


def _withdrawn_since(record: Consent) -> int:
    """0 for a grant that ended no withdrawal."""
    return record.since or (0 if record.granted else record.at)


def merge_consent(one: Mapping[str, Consent], other: Mapping[str, Consent]) -> dict[str, Consent]:
    """Purpose by purpose, the stricter record of the two."""
    merged = {purpose: stricter(one.get(purpose), other.get(purpose)) for purpose in one.keys() | other.keys()}
    return {purpose: record for purpose, record in sorted(merged.items()) if record is not None}


def permits(purpose: str, known: Iterable[Mapping[str, Consent]], said: Mapping[str, bool] | None = None) -> bool:
    """Whether something may happen for `purpose`, given every person it touches and what the event itself says.

    The most restrictive wins: a refusal anywhere refuses; where nobody says anything, nothing is permitted.
    """
    own = said.get(purpose) if said else None
    if own is False:
        return False
    granted = own is True
    for consent in known:
        record = consent.get(purpose)
        if record is None:
            continue
        if not record.granted:
            return False
        granted = True
    return granted


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One consent record of a profile, chained: `digest` covers the record and `previous`."""

    profile_id: str
    entry: str
    purpose: str
    granted: bool
    effective_at: int
    recorded_at: int
    source: str
    previous: str
    digest: str


def chain(
    profile_id: str, number: int, purpose: str, record: Consent, *, recorded_at: int, previous: bytes
) -> LedgerEntry:
    """The `number`-th entry of a profile's ledger, which follows the one whose digest is `previous`."""
    parts = (profile_id, number, purpose, record.granted, record.at, record.source, recorded_at)
    body = "\x1f".join(map(str, parts))
    return LedgerEntry(
        profile_id=profile_id,
        entry=f"consent#{number:08d}",
        purpose=purpose,
        granted=record.granted,
        effective_at=record.at,
        recorded_at=recorded_at,
        source=record.source,
        previous=previous.hex(),
        digest=hashlib.sha256(previous + body.encode()).hexdigest(),
    )
