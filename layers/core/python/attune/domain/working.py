"""One profile between load and commit: its new state, and everything that must be written or archived with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain import gate
from attune.domain.consent import SEGMENT, Consent, LedgerEntry, chain, permits
from attune.domain.events import encode_event
from attune.domain.segments import Quiet
from attune.domain.verdicts import Row, Verdict, clear_properties

if TYPE_CHECKING:
    from attune.domain.changes import Change
    from attune.domain.events import Event, Record
    from attune.domain.identity import Claim
    from attune.domain.profiles import Profile


@dataclass(slots=True)
class Working:
    """One profile between load and commit. `version` is None for a profile that does not exist yet."""

    profile: Profile
    version: int | None = None
    due_at: int | None = None
    #: references of the pages of its memory, and of those it absorbed, that need not be written again
    stored_pages: set[bytes] = field(default_factory=set)
    #: of a profile that was split off: the version of the other one until then
    above: int = 0
    dirty: bool = False
    #: events' content was added, not only consent and the passing of time
    grown: bool = False
    quiet: Quiet = field(default_factory=Quiet)
    changes: list[Change] = field(default_factory=list)
    #: profiles merged into this one: the version each was read at, and its id
    absorbed: list[tuple[int | None, str]] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    ledger: list[LedgerEntry] = field(default_factory=list)
    #: rows for the lake, with what to seal into each
    rows: list[tuple[Row, bytes]] = field(default_factory=list)

    @property
    def target_version(self) -> int:
        """The version that the commit will write, or that stands where there is nothing to write.

        It exceeds the versions of all that were absorbed, and of whom it was split off, so that versions of one
        event's rows in the lake compare.
        """
        highest = max([self.version or 0, self.above, *(version or 0 for version, _ in self.absorbed)])
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
        self.stored_pages |= other.stored_pages
        # also where it was never stored: its id is used now, in the ledger and in the lake, and must not be given away
        self.absorbed.append((other.version, other.profile.profile_id))
        self.quiet = Quiet()
        self.dirty = True

    def hear(self, event: Event, record: Record, now: int, speaks: gate.Voice) -> bool:
        """Write what the event says of consent into the profile and its ledger; True if it said anything new.

        Who may no longer be segmented is no longer scored either, from this word on.
        """
        known = self.profile.consent
        added = gate.heard(known, event, record, speaks)
        for purpose, said in sorted(added.items()):
            before = known.get(purpose)
            if before is None or (before.granted, before.stated) != (said.granted, said.stated):
                self._enter_in_ledger(purpose, said, now)
        if added:
            self.profile.consent = dict(sorted((known | added).items()))
            if not permits(SEGMENT, (self.profile.consent,)):
                self.profile.scores = {}
            self.dirty = True
        return bool(added)

    def inherit_consent(self, now: int) -> None:
        """Enter in the ledger what a profile that was split off begins with."""
        for purpose, said in sorted(self.profile.consent.items()):
            self._enter_in_ledger(purpose, said, now)

    def keep_row(self, event: Event, record: Record, verdict: Verdict, now: int) -> None:
        """Note what became of the event, for the lake."""
        plain = encode_event(event)
        self.rows.append((self._row(event, record, verdict, now, clear_properties(event, len(plain))), plain))

    def keep_merge(self, absorbed: Profile, event: Event, record: Record, now: int) -> None:
        """Note who was absorbed, for the lake, with the absorbed profile's data key under the seal.

        So whoever may open this profile's rows may open those, and destroying this profile's key closes both.
        """
        row = self._row(event, record, Verdict.MERGED, now)
        self.rows.append((msgspec.structs.replace(row, absorbed=absorbed.profile_id), absorbed.data_key))

    def _row(
        self, event: Event, record: Record, verdict: Verdict, now: int, properties: dict[str, Any] | None = None
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
            consent={purpose: said.granted for purpose, said in self.profile.consent.items()},
        )

    def _enter_in_ledger(self, purpose: str, said: Consent, now: int) -> None:
        profile = self.profile
        profile.ledger_length += 1
        entry = chain(
            profile.profile_id, profile.ledger_length, purpose, said, recorded_at=now, previous=profile.ledger_head
        )
        profile.ledger_head = bytes.fromhex(entry.digest)
        self.ledger.append(entry)
