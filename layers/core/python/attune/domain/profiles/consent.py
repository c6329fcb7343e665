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

#: an end that nothing has
NEVER: Final = 1 << 62
#: withdrawals of one purpose that are kept apart, beside the newest
MAX_EARLIER: Final = 16


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
    #: of a grant: when it was last said again for its own sake, if it was; a withdrawal must be later to end it. Of a
    #: withdrawal that a merge kept: when the last one had ended on the other side; a grant must be later to end it
    again: int = 0
    #: withdrawals that ended before this one began, oldest first: from when to when (ms)
    earlier: tuple[tuple[int, int], ...] = ()

    def ended(self, at: int) -> bool:
        """Whether it is a grant that has expired by then."""
        return 0 < self.until <= at

    def withdrawals(self) -> tuple[tuple[int, int], ...]:
        """From when to when it was withdrawn, oldest first; the last one may be under way (`NEVER`)."""
        if not self.granted:
            return (*self.earlier, (self.since or self.at, NEVER))
        return (*self.earlier, (self.since, self.at)) if self.since else self.earlier

    def withdrawn(self, at: int) -> bool:
        """Whether a withdrawal was in force then, as far as is known by now."""
        return any(begin <= at < end for begin, end in self.withdrawals())


def in_force(known: Mapping[str, Consent], at: int) -> dict[str, Consent]:
    """What held at an earlier instant: a grant counts from when it was given, until then the withdrawal it ended."""
    held = {}
    for purpose, record in known.items():
        if not record.granted:
            held[purpose] = record
        elif (record.since or record.earlier) and record.withdrawn(at):
            begin = max(begin for begin, _ in record.withdrawals() if begin <= at)
            held[purpose] = Consent(False, begin, record.source)
        elif record.at <= at:
            held[purpose] = record
    return held


def outlasts(record: Consent, withdrawn_at: int) -> bool:
    """Whether a grant still stands in the face of a withdrawal of that time."""
    return record.granted and record.stated and max(record.at, record.again) > withdrawn_at


def withdraw(before: Consent, at: int, source: str) -> Consent:
    """After the word of a withdrawal, which may come late: it holds until the next grant that was stated, if one was.

    Of a grant that was said again only the first and the last time are known: it counts from the last one on.
    """
    stated = (before.at, before.again) if before.granted and before.stated else ()
    grants = sorted(grant for grant in (*(end for _, end in before.earlier), *stated) if grant > at)
    if grants:
        kept = msgspec.structs.replace(before, at=grants[0], again=0) if grants[0] == before.again else before
        return _with(kept, (*before.withdrawals(), (at, grants[0])))
    if before.granted:
        kept = Consent(False, at, source)
    elif at > before.at:
        kept = Consent(False, at, source, again=before.again if before.again > at else 0)
    else:
        kept = before
    return _with(kept, (*before.withdrawals(), (at, NEVER)))


def grant(before: Consent, said: Consent, expired: int) -> Consent:
    """A grant in place of what was known, which keeps in mind the withdrawals that it ends or that went before.

    `expired`: when what was known had ended by itself, from when on it was as if withdrawn; 0 where it had not.
    """
    ended = [(begin, min(end, said.at)) for begin, end in before.withdrawals() if begin < said.at]
    return _with(said, (*ended, (expired, said.at)) if expired else ended)


def _with(record: Consent, withdrawals: Iterable[tuple[int, int]]) -> Consent:
    """The record with these as its withdrawals: those that meet are one, of very many the oldest are as if one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(withdrawals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    ends = record.at if record.granted else NEVER
    since = found.pop()[0] if found and found[-1][1] == ends else 0
    if len(found) > MAX_EARLIER:
        found[: -MAX_EARLIER + 1] = [(found[0][0], found[-MAX_EARLIER][1])]
    return msgspec.structs.replace(record, since=since, earlier=tuple(found))


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
    """What a merge of two people keeps for a purpose: a withdrawal on either side, else the newer grant.

    Of two grants of one instant the one that expires sooner. Whatever had been withdrawn on either side was withdrawn.
    """
    if one is None or other is None:
        return one or other
    if one.granted != other.granted:
        kept, gone = (other, one) if one.granted else (one, other)
    else:
        kept, gone = sorted((one, other), key=_rank, reverse=True)
    later = [record.again for record in (one, other) if record.granted is kept.granted]
    if not kept.granted:  # what ended on the other side must not begin again with an older grant
        later += [end for _, end in gone.withdrawals() if end != NEVER]
    kept = msgspec.structs.replace(kept, again=max(later) if max(later) > kept.at else 0)
    return _with(kept, (*kept.withdrawals(), *gone.withdrawals()))


def _rank(record: Consent) -> tuple[bool, int, str, int]:
    """A statement goes before what rode along, then what was said later; at one instant what is over sooner."""
    return (record.stated, record.at, record.source, -record.until if record.until else -NEVER)


def merge_consent(one: Mapping[str, Consent], other: Mapping[str, Consent]) -> dict[str, Consent]:
    """Purpose by purpose, the stricter record of the two."""
    merged = {purpose: stricter(one.get(purpose), other.get(purpose)) for purpose in one.keys() | other.keys()}
    return {purpose: record for purpose, record in sorted(merged.items()) if record is not None}


def permits(purpose: str, consent: Mapping[str, Consent], *, at: int = NEVER) -> bool:
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
