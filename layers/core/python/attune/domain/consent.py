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

_NEVER: Final = 1 << 62


#: how somebody's word reached us; what a statement may give as its evidence
METHODS: Final = (
    "banner", "statement", "form", "api", "preference_page", "webhook", "file", "gpc", "consent_mode", "policy",
    "basis", "request",
)  # fmt: skip
#: in place of a purpose: not granted, what is known of somebody is kept and used for nothing
RESTRICTION: Final = "$restriction"


class Consent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest record for one purpose: granted or withdrawn, effective when (ms), and which source said so."""

    granted: bool
    at: int
    source: str
    #: said for its own sake; a grant that only rode along on an event, or a source's basis, gives way to any withdrawal
    stated: bool = True
    #: of a withdrawal: when it began, repetitions aside; of a grant that ended one: when that had begun; else 0
    since: int = 0
    #: of a grant: the instant from which on it counts no more; 0 for never
    until: int = 0

    def ended(self, at: int) -> bool:
        """Whether it is a grant that has expired by then."""
        return 0 < self.until <= at


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


def latest(holds: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Of the holds of one person: by purpose since when (ms) it is held, the latest."""
    found: dict[str, int] = {}
    for held in holds:
        for purpose, since in held.items():
            found[purpose] = max(since, found.get(purpose, since))
    return found


def is_restricted(known: Mapping[str, Consent]) -> bool:
    """Whether what is known of somebody is kept, and used for nothing."""
    record = known.get(RESTRICTION)
    return record is not None and not record.granted


def stricter(one: Consent | None, other: Consent | None) -> Consent | None:
    """What a merge of two people keeps for a purpose: a withdrawal on either side, else the newest grant.

    A grant that ended a withdrawal goes before one that did not: what it ended must not be forgotten. Of two alike the
    later, of one instant the sooner to expire, and since when consent had been withdrawn on either side.
    """
    if one is None or other is None:
        return one or other
    if one.granted != other.granted:
        return other if one.granted else one
    if one.granted and bool(one.since) != bool(other.since):
        return one if one.since else other
    latest = max(one, other, key=_rank)
    begun = min(_withdrawn_since(one), _withdrawn_since(other))
    return latest if begun == _withdrawn_since(latest) else msgspec.structs.replace(latest, since=begun)


def _rank(record: Consent) -> tuple[int, str, bool, int, int]:
    """What was said later goes first; at one instant what is over sooner (0 is never)."""
    return (record.at, record.source, record.stated, -record.until if record.until else -_NEVER, record.since)


def _withdrawn_since(record: Consent) -> int:
    """0 for a grant that ended no withdrawal."""
    return record.since or (0 if record.granted else record.at)


def merge_consent(one: Mapping[str, Consent], other: Mapping[str, Consent]) -> dict[str, Consent]:
    """Purpose by purpose, the stricter record of the two."""
    merged = {purpose: stricter(one.get(purpose), other.get(purpose)) for purpose in one.keys() | other.keys()}
    return {purpose: record for purpose, record in sorted(merged.items()) if record is not None}


def permits(purpose: str, consent: Mapping[str, Consent], *, at: int = _NEVER) -> bool:
    """Whether a purpose is granted beyond an instant (ms); without one a grant that ends at all does not count.

    A condition on consent, and nothing else: whether something may be done is the gate's to say (`gate.allowed`).
    """
    record = consent.get(purpose)
    return record is not None and record.granted and not record.ended(at)


class Evidence(msgspec.Struct, frozen=True):
    """How a word reached us, for the ledger only. `message`: the hash of the id of the event that said it.

    `method` is one of `METHODS`, `notice` a version that the purpose's definition lists; else each is empty.
    """

    method: str = ""
    notice: str = ""
    message: str = ""


NO_EVIDENCE: Final = Evidence()


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One consent record of a profile, chained: `digest` covers the record and `previous`.

    `form` says what the digest is made of: 1 of the record alone, 2 of the evidence and of when it expires as well.
    """

    profile_id: str
    entry: str
    purpose: str
    granted: bool
    effective_at: int
    recorded_at: int
    source: str
    previous: str
    digest: str
    form: int = 1
    expires_at: int = 0
    method: str = ""
    notice: str = ""
    message: str = ""


def chain(
    profile_id: str,
    number: int,
    purpose: str,
    record: Consent,
    *,
    recorded_at: int,
    previous: bytes,
    evidence: Evidence = NO_EVIDENCE,
) -> LedgerEntry:
    """The `number`-th entry of a profile's ledger, which follows the one whose digest is `previous`."""
    entry = LedgerEntry(
        profile_id=profile_id,
        entry=f"consent#{number:08d}",
        purpose=purpose,
        granted=record.granted,
        effective_at=record.at,
        recorded_at=recorded_at,
        source=record.source,
        previous=previous.hex(),
        digest="",
        form=1 if evidence == NO_EVIDENCE and not record.until else 2,
        expires_at=record.until,
        method=evidence.method,
        notice=evidence.notice,
        message=evidence.message,
    )
    return msgspec.structs.replace(entry, digest=digest_of(entry, number))


def digest_of(entry: LedgerEntry, number: int) -> str:
    """Of what an entry says, as the `number`-th of its profile's; hex, as `digest` should be."""
    parts: tuple[object, ...] = (
        entry.profile_id, number, entry.purpose, entry.granted, entry.effective_at, entry.source, entry.recorded_at,
    )  # fmt: skip
    if entry.form != 1:
        parts = (*parts, entry.form, entry.expires_at, entry.method, entry.notice, entry.message)
    body = "\x1f".join(map(str, parts))
    return hashlib.sha256(bytes.fromhex(entry.previous) + body.encode()).hexdigest()
