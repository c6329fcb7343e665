"""One profile between load and commit: its new state, and everything that must be written or archived with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain import segments
from attune.domain.consent.gate import ALLOWED, Edge, Refused, allowed
from attune.domain.consent.hearing import evidence_of, heard, is_own, is_statement
from attune.domain.consent.policies import PLAIN, UNREADABLE
from attune.domain.events import encode_event
from attune.domain.processing.verdicts import Row, Verdict, clear_properties
from attune.domain.profiles.consent import NO_EVIDENCE, RESTRICTION, Consent, chain
from attune.domain.profiles.profile import Trait, newer
from attune.domain.segments import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune.domain.consent.hearing import Voice
    from attune.domain.consent.policies import Policies
    from attune.domain.events import Event, Record
    from attune.domain.identity.resolution import Claim
    from attune.domain.profiles.changes import Change
    from attune.domain.profiles.consent import Evidence, LedgerEntry
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled


class Absorbed(msgspec.Struct, frozen=True, kw_only=True):
    """A profile that was merged into another: the version it was read at, and where its part of the ledger ends."""

    version: int | None
    profile_id: str
    ledger_length: int
    ledger_head: bytes


class Working(msgspec.Struct):
    """One profile between load and commit. `version` is None for a profile that does not exist yet."""

    profile: Profile
    version: int | None = None
    due_at: int | None = None
    #: references of the pages of its memory, and of those it absorbed, that need not be written again
    stored_pages: set[bytes] = set()
    #: of a profile that was split off: the version of the other one until then
    above: int = 0
    dirty: bool = False
    #: events' content was added, not only consent and the passing of time
    grown: bool = False
    quiet: Quiet = msgspec.field(default_factory=Quiet)
    changes: list[Change] = []
    #: profiles merged into this one
    absorbed: list[Absorbed] = []
    claims: dict[str, Claim] = {}
    ledger: list[LedgerEntry] = []
    #: rows for the lake, with what to seal into each
    rows: list[tuple[Row, bytes]] = []
    policies: Policies = PLAIN
    #: consent by which all of these were found open, at the one instant of the fold; it is replaced, never changed
    open: Mapping[str, Consent] | None = None
    #: edges that were found closed, to be counted
    refused: list[tuple[Edge, Refused]] = []

    @property
    def target_version(self) -> int:
        """The version that the commit will write, or that stands where there is nothing to write.

        It exceeds the versions of all that were absorbed, and of whom it was split off, so that versions of one
        event's rows in the lake compare.
        """
        highest = max([self.version or 0, self.above, *(one.version or 0 for one in self.absorbed)])
        return highest + (1 if self.dirty else 0)

    def row_version(self, verdict: Verdict) -> int:
        """Of a row of this fold: the version that the commit will write; of a conflict one more.

        A worker that has not seen the other content yet, because it remembers an older version or has other records in
        its batch, archives the event as applied under that same version, and never commits it.
        """
        return self.target_version + (verdict is Verdict.CONFLICT)

    def absorb(self, other: Working) -> None:
        """What is to be written of a profile that was merged into this one."""
        self.changes += other.changes
        for key, claim in other.claims.items():
            identity = msgspec.structs.replace(claim.identity, profile_id=self.profile.profile_id)
            self.claims[key] = msgspec.structs.replace(claim, identity=identity)
        self.ledger += other.ledger
        self.rows += other.rows
        self.absorbed += other.absorbed
        self.refused += other.refused
        self.stored_pages |= other.stored_pages
        # also where it was never stored: its id is used now, in the ledger and in the lake, and must not be given away
        self.absorbed.append(
            Absorbed(
                version=other.version,
                profile_id=other.profile.profile_id,
                ledger_length=other.profile.ledger_length,
                ledger_head=other.profile.ledger_head,
            )
        )
        self.quiet = Quiet()
        self.dirty = True

    def reach(self, event: Event, compiled: Compiled) -> None:
        """Let time pass up to the event and not beyond, under the consent that was in force until then."""
        if event.time > self.profile.as_of:
            self.changes += segments.advance(compiled, self.profile, event.time - 1, self.quiet)

    def obey(self, event: Event, compiled: Compiled) -> None:
        """With another consent any membership may be another, from this instant on, and may end at another one."""
        self.profile.as_of = max(self.profile.as_of, event.time)
        self.quiet.whole, self.quiet.until = False, 0
        self.changes += segments.evaluate(compiled, self.profile)

    def hear(
        self, event: Event, record: Record, now: int, speaks: Voice, pseudonym: Callable[[Event, Record], str]
    ) -> bool:
        """Write what the event says of consent into the profile and its ledger; True if it said anything new.

        What only rides along again, event after event, is not entered again.

        `pseudonym`: as `evidence_of` needs it, worked out for what is entered in the ledger only.
        Who may no longer be segmented is no longer scored either, from this word on.
        """
        known = self.profile.consent
        added = heard(known, event, record, speaks, self.policies)
        if not added:
            return False
        for purpose, stands in sorted(added.items()):
            before = known.get(purpose)
            if before is None or is_statement(event) or not _says_the_same(before, stands):
                evidence = evidence_of(event, purpose, pseudonym(event, record), self.policies)
                self._enter_in_ledger(purpose, _word_of(event, purpose, stands, record.source), now, evidence)
        self.profile.consent = dict(sorted((known | added).items()))
        if not allowed(Edge.RECOMMEND, self.policies.in_use(self.profile), at=event.time):
            self.profile.scores = {}
        self.dirty = True
        return True

    def locate(self, event: Event, record: Record, order: bytes) -> bool:
        """Note where an accepted event came from, while that decides about consent; True if it is somewhere else."""
        if not self.policies.permissive:
            return False
        if not is_own((self.profile,), event, record):
            return self.doubt(event, record, order)
        told = self.policies.told_by(event, record.source)
        return bool(told) and self._place(told, event, order)

    def doubt(self, event: Event, record: Record, order: bytes) -> bool:
        """Of a refused event no more than that the person may not be where they were: until they tell, they are asked.

        Else a policy that holds no more where they are would go on permitting.
        """
        if not self.policies.permissive:
            return False
        here = self.policies.places_of(self.profile)
        if self.policies.places_after(self.profile, event, record.source, own=True) == here:
            return False
        return self._place(UNREADABLE, event, order)

    def _place(self, told: str, event: Event, order: bytes) -> bool:
        before = self.profile.place
        place = self.profile.place = newer(before, Trait(told, event.time, order))
        if place is not before:
            self.dirty = True
        return before is None or before.value != place.value

    def inherit_consent(self, now: int) -> None:
        """Enter in the ledger what a profile that was split off begins with."""
        for purpose, said in sorted(self.profile.consent.items()):
            self._enter_in_ledger(purpose, said, now)

    def keep_row(self, event: Event, record: Record, verdict: Verdict, now: int) -> None:
        """Note what became of the event, for the lake; unsealed no more of it than analyses may see."""
        plain, consent = encode_event(event), self.policies.standing(self.profile)
        may_show = consent is self.open or self._asks(consent, now)
        clear = clear_properties(event, len(plain)) if may_show else None
        self.rows.append((self._row(event, record, verdict, now, consent, clear), plain))

    def _asks(self, consent: Mapping[str, Consent], now: int) -> bool:
        """Whether analyses may see an event. That it may be reckoned with too is asked to be counted."""
        may_show, may_reckon = allowed(Edge.LAKE, consent, now), allowed(Edge.SEGMENT, consent, now)
        if may_show is ALLOWED and may_reckon is ALLOWED:
            self.open = consent
            return True
        answers = ((Edge.LAKE, may_show), (Edge.SEGMENT, may_reckon))
        self.refused += [(edge, answer) for edge, answer in answers if isinstance(answer, Refused)]
        return may_show is ALLOWED

    def keep_merge(self, absorbed: Profile, event: Event, record: Record, now: int) -> None:
        """Note who was absorbed, for the lake, with the absorbed profile's data key under the seal.

        So whoever may open this profile's rows may open those, and destroying this profile's key closes both.
        """
        row = self._row(event, record, Verdict.MERGED, now, self.policies.standing(self.profile))
        self.rows.append((msgspec.structs.replace(row, absorbed=absorbed.profile_id), absorbed.data_key))

    def _row(
        self,
        event: Event,
        record: Record,
        verdict: Verdict,
        now: int,
        consent: Mapping[str, Consent],
        properties: dict[str, Any] | None = None,
    ) -> Row:
        return Row(
            message_id=event.message_id,
            source=record.source,
            verdict=verdict,
            fingerprint=event.fingerprint,
            received_at=record.received_at,
            processed_at=now,
            type=event.type,
            event=event.name,
            time=event.time,
            replayed_at=record.replayed_at,
            copy=event.copy,
            properties=properties or {},
            consent={
                purpose: said.granted and not (said.until and said.ended(event.time))
                for purpose, said in consent.items()
                if purpose != RESTRICTION
            },
        )

    def _enter_in_ledger(self, purpose: str, said: Consent, now: int, evidence: Evidence = NO_EVIDENCE) -> None:
        profile = self.profile
        profile.ledger_length += 1
        entry = chain(
            profile.profile_id,
            profile.ledger_length,
            purpose,
            said,
            recorded_at=now,
            previous=profile.ledger_head,
            evidence=evidence,
        )
        profile.ledger_head = bytes.fromhex(entry.digest)
        self.ledger.append(entry)


def _word_of(event: Event, purpose: str, stands: Consent, source: str) -> Consent:
    """What the event itself says, which a later word may outweigh."""
    said = (event.consent or {}).get(purpose)
    if said is None:
        return stands
    return Consent(said, event.time, source, until=stands.until if said else 0)


def _says_the_same(one: Consent, other: Consent) -> bool:
    """Whether a word that rides along says nothing new."""
    if other.granted and one.since != other.since:
        return False
    return all(getattr(one, part) == getattr(other, part) for part in ("granted", "stated", "until", "earlier"))
