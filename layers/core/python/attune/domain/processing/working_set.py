"""The profiles that a set of records touches: loaded once, changed in memory, one commit for each that remains."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.consent import gate
from attune.domain.consent.hearing import SILENT, is_statement, voice
from attune.domain.events import CONSENT, RECTIFY, Origin, Rejected, set_aside
from attune.domain.identifiers import ISSUED
from attune.domain.identity.resolution import Match
from attune.domain.learning.scores import score_online
from attune.domain.processing.fold import finish, fold_event
from attune.domain.processing.verdicts import UNIDENTIFIED, Row, Verdict, bare_row, erased_id, unidentified_row
from attune.domain.profiles import duplicates
from attune.domain.profiles.duplicates import Familiarity
from attune.domain.profiles.splits import is_pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune.domain.events import Event, Record
    from attune.domain.identifiers import Identifier
    from attune.domain.learning.models import Model
    from attune.domain.processing.people import Keyed, People
    from attune.domain.processing.working import Working
    from attune.domain.profiles.profile import Position
    from attune.domain.segments import Compiled

#: decided without a write, so nothing but a consistent read can vouch for them
UNWRITTEN: Final = frozenset({"dropped", "duplicate", "redelivered", "conflict", "quarantined", "identifier_dropped"})
#: as far as nobody has read the stream, no entry's grace is over
NOTHING_READ: Final = -1


class WorkingSet:
    """Applies records one after the other, each event to the profile its partition key leads to.

    `key_of`: the identity key of an identifier, 32 hex digits.
    """

    def __init__(self, *, now: int, compiled: Compiled, key_of: Callable[[Identifier], str], people: People) -> None:
        self.now = now
        self.compiled = compiled
        self.people = people
        self.working = people.working
        #: rows that belong to no profile: what was refused, repeated or put aside
        self.loose_rows: list[Row] = []
        self.quarantined: list[tuple[Record, Rejected]] = []
        #: edges that were found closed to nobody's profile, to be counted
        self.refused: list[tuple[gate.Edge, gate.Refused]] = []
        #: (outcome, reason) → how many events
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._key_of = key_of

    def apply(self, record: Record, at: Position, whole: bytes, *, final: bool = True) -> None:
        """Apply a record's events in order, unless the stream or its producer has delivered them before.

        `whole` is the hash of the record as it came; `final` is False for a part that others follow.
        """
        known = self.people.owner(record.key, lapsed=True)
        if known is not None and duplicates.is_behind(known.profile, record.key, at):
            self.outcomes["redelivered", ""] += len(record.events)
            return
        if known is not None and duplicates.knows_record(known.profile, whole):
            self.outcomes["duplicate", "record"] += len(record.events)
            self.loose_rows += [bare_row(event, record, Verdict.DUPLICATE, "", self.now, 0) for event in record.events]
            known.dirty = True
            duplicates.advance_cursor(known.profile, record.key, at)
            return
        repeated = self.outcomes["duplicate", "event"]
        for event in record.events:
            self._apply_event(event, record)
        target = self.people.owner(record.key)
        if target is not None and (not record.events or self.outcomes["duplicate", "event"] > repeated):
            # the memory that told it forgets within a day; the stream may deliver this record again after a week
            target.dirty = True
        if final and target is not None and target.dirty:
            duplicates.advance_cursor(target.profile, record.key, at)
            if len(record.events) > 1:  # of a single event its own id tells
                duplicates.remember_record(target.profile, whole, self.now)

    @property
    def rests_on_reading(self) -> bool:
        """Whether no condition of a write would tell that what was read is old."""
        return self.people.reborn or any(outcome in UNWRITTEN for outcome, _ in self.outcomes)

    def keyed(self, event: Event) -> Keyed:
        """What an event names, strongest first, with its keys."""
        return [(self._key_of(identifier), identifier) for identifier in event.identifiers]

    def put_aside(self, event: Event, record: Record, reason: str, version: int = 0) -> None:
        """Into quarantine, under a stable reason. `version`: the highest that is stored of whom it touches."""
        self.outcomes["quarantined", reason] += 1
        self.loose_rows.append(bare_row(event, record, Verdict.QUARANTINED, reason, self.now, version))
        self.quarantined.append((record, set_aside(event, reason)))

    def unlink(self, working: Working, event: Event, record: Record) -> bool:
        """Split the event's identifiers off; False, and nothing changed, unless all of them are the profile's."""
        keys = [self._key_of(identifier) for identifier in event.identifiers]
        parted = self.people.part(working, keys)
        if parted is None:
            return False
        parted.inherit_consent(self.now)
        working.keep_row(event, record, Verdict.APPLIED, self.now)
        return True

    def finish(self, models: Mapping[str, Model], read_up_to: int) -> list[Working]:
        """Let time pass to now for every changed profile, and score who has no score; answers those to commit.

        `models`: those that serve, by name. A segment that is entered by a score is announced with it.
        `read_up_to`: when the newest of the records was received. Of who was unlinked and is not folded apart yet
        nobody knows what they did: they are not scored, and whom they are is told later.
        """
        changed = [working for working in self.working.values() if working.dirty]
        for working in changed:
            pending = is_pending(working.profile)
            if not pending:
                working.changes += score_online(working.profile, models, self.compiled, read_up_to)
            told_up_to = NOTHING_READ if pending else read_up_to
            working.changes += finish(working.profile, self.compiled, self.now, told_up_to, working.quiet)
        return changed

    def _apply_event(self, event: Event, record: Record) -> None:
        keyed = self.keyed(event)
        if reason := self.people.refusal(keyed, event, record):
            self._turn_away(event, record, keyed, reason)
        elif event.type.startswith("$") and record.origin is not Origin.INTERNAL:
            self.put_aside(event, record, "reserved_name")
        elif not keyed or keyed[0][0] != record.key:
            self.put_aside(event, record, "wrong_partition")
        elif event.type == CONSENT:
            self._apply_consent(event, record, keyed)
        elif event.type == RECTIFY:
            self._rectify(event, record)
        else:
            self._apply_call(event, record, keyed)

    def _turn_away(self, event: Event, record: Record, keyed: Keyed, reason: str) -> None:
        """Nothing is kept of an event that names somebody who was erased, nor by which id its sender knows it.

        What it withdraws from others whom it names, or from who asked not to be taken in, still counts; what these
        have done already is a duplicate.
        """
        touched = self._living(event, record, keyed)
        order, profiles = duplicates.event_hash(record.source, event), [one.profile for one in touched]
        if duplicates.familiarity(profiles, order, bytes.fromhex(event.fingerprint)) is Familiarity.DUPLICATE:
            self._note_duplicate(event, record)
            return
        self.outcomes["dropped", reason] += 1
        self.note_refusal(gate.Edge.STORE, gate.Refused("", gate.Refusal(reason)))
        version = max((self.people.version_behind(key) for key, _ in keyed), default=0)
        row = bare_row(event, record, Verdict.DROPPED, reason, self.now, version)
        self.loose_rows.append(self._unnamed(row, event, record))
        self._hear_refusals(touched, event, record)

    def _living(self, event: Event, record: Record, keyed: Keyed) -> list[Working]:
        """Who is there of those of whom an event may say anything."""
        is_ours = not event.type.startswith("$") or record.origin is Origin.INTERNAL
        if not is_ours or not keyed or keyed[0][0] != record.key:
            return []
        found, _ = self.people.match(keyed[:1] if event.type == CONSENT else keyed, event, record)
        return [self.working[profile_id] for profile_id in found.profiles]

    def _unnamed(self, row: Row, event: Event, record: Record) -> Row:
        """Without id and fingerprint: they may be made of what the event says, so that a guess could be tested."""
        return msgspec.structs.replace(row, message_id=self._pseudonym(event, record), fingerprint="")

    def _pseudonym(self, event: Event, record: Record) -> str:
        """Stands for a message id that must not be kept."""
        return erased_id(self._key_of, record.source, event.message_id, event.fingerprint)

    def _apply_consent(self, event: Event, record: Record, keyed: Keyed) -> None:
        """Stored whatever was consented to before; for an unknown person it makes a profile that holds consent only."""
        known, (_, may_claim) = self.people.owner(record.key), self.people.match(keyed[:1], event, record)
        if known is None and not may_claim:
            self.put_aside(event, record, "unverified_claim")
            return
        profiles = () if known is None else (known.profile.profile_id,)
        working = self.people.target(Match(kept=tuple(keyed[:1]), profiles=profiles), event, record)
        order = duplicates.event_hash(record.source, event)
        if not self._is_new(working, event, record, order):
            return
        working.reach(event, self.compiled)
        speaks = voice([working.profile], event, record) if may_claim else SILENT
        if working.hear(event, record, self.now, speaks, self._pseudonym):
            working.obey(event, self.compiled)
        self._note(working, event, record, order)

    def _rectify(self, event: Event, record: Record) -> None:
        """Of who is there, whatever they consented to: what is held must be right (GDPR Art. 16). It links nothing."""
        working, order = self.people.owner(record.key, lapsed=True), duplicates.event_hash(record.source, event)
        if working is None:
            self.outcomes["dropped", "unknown_profile"] += 1
        elif self._is_new(working, event, record, order):
            working.changes += fold_event(working.profile, event, order, self.compiled, working.quiet)
            working.grown = True
            self._note(working, event, record, order)

    def _is_new(self, working: Working, event: Event, record: Record, order: bytes) -> bool:
        """Whether the profile has not met it; what it has met leaves its row."""
        known = duplicates.familiarity([working.profile], order, bytes.fromhex(event.fingerprint))
        if known is Familiarity.DUPLICATE:
            self._note_duplicate(event, record)
        elif known is Familiarity.CONFLICT:
            self._keep_conflict(working, event, record)
        return known is Familiarity.NEW

    def _apply_call(self, event: Event, record: Record, keyed: Keyed) -> None:
        found, may_claim = self.people.match(keyed, event, record)
        touched = [self.working[profile_id].profile for profile_id in found.profiles]
        order = duplicates.event_hash(record.source, event)
        known = duplicates.familiarity(touched, order, bytes.fromhex(event.fingerprint))
        if known is Familiarity.DUPLICATE:
            self._note_duplicate(event, record)
        elif (answer := gate.may_store(touched, event, record, self.compiled.policies)) is not gate.ALLOWED:
            self._refuse(event, record, found, answer)
            self._hear_refusals(self._named(found, event, record), event, record)
        elif not may_claim:
            self._hear_refusals(self._named(found, event, record), event, record)
            self.put_aside(event, record, "unverified_claim", self._version_of(found))
        elif known is Familiarity.CONFLICT:
            self._keep_conflict(self.working[found.profiles[0]], event, record)
        else:
            working = self.people.settle(found, event, record)
            self._accept(event, record, working, order, dropped=len(keyed) - len(found.kept))

    def _accept(self, event: Event, record: Record, working: Working, order: bytes, *, dropped: int) -> None:
        if dropped:
            self.outcomes["identifier_dropped", ""] += dropped
        working.reach(event, self.compiled)
        said = working.hear(event, record, self.now, voice([working.profile], event, record), self._pseudonym)
        if working.locate(event, record, order) or said:
            working.quiet.whole = False  # with another consent any membership may be another
        working.changes += fold_event(working.profile, event, order, self.compiled, working.quiet)
        working.grown = True
        self._note(working, event, record, order)

    def note_refusal(self, edge: gate.Edge, answer: gate.Allowed | gate.Refused) -> None:
        """An edge was found closed, to be counted."""
        if isinstance(answer, gate.Refused):
            self.refused.append((edge, answer))

    def _refuse(self, event: Event, record: Record, found: Match, answer: gate.Allowed | gate.Refused) -> None:
        """A refused event links and stores nothing; what it withdraws from a known person still counts."""
        self.note_refusal(gate.Edge.STORE, answer)
        if self.compiled.policies.keeps_unidentified:
            self.outcomes["dropped", UNIDENTIFIED] += 1
            pseudonym = self._pseudonym(event, record)
            self.loose_rows.append(unidentified_row(event, record, pseudonym, self.now, self._key_of))
        else:
            self.outcomes["dropped", "consent"] += 1
            version = self._version_of(found)
            self.loose_rows.append(bare_row(event, record, Verdict.DROPPED, "consent", self.now, version))
        for profile_id in found.profiles:
            working = self.working[profile_id]
            working.reach(event, self.compiled)
            if working.doubt(event, record, duplicates.event_hash(record.source, event)):
                working.obey(event, self.compiled)

    def _hear_refusals(self, touched: Iterable[Working], event: Event, record: Record) -> None:
        """Whatever else becomes of an event: anybody may refuse for whom they can name, and nobody grant."""
        refusals = {purpose: granted for purpose, granted in (event.consent or {}).items() if not granted}
        if not refusals:
            return
        said = msgspec.structs.replace(event, consent=refusals, basis=None)
        for working in touched:
            working.reach(event, self.compiled)
            if working.hear(said, record, self.now, SILENT, self._pseudonym):
                working.obey(event, self.compiled)

    def _named(self, found: Match, event: Event, record: Record) -> list[Working]:
        """Whom an event is about, and whose the strongest identifier is that it may not claim.

        What somebody states whom nobody knows makes a profile that holds this and nothing else, as `$consent` does.
        """
        named = [self.working[profile_id] for profile_id in found.profiles]
        owner = self.people.owner(record.key)
        refuses = is_statement(event) and False in (event.consent or {}).values()
        if owner is None and not named and refuses and (record.trusted or found.kept[0][1].namespace not in ISSUED):
            owner = self.people.target(Match(kept=found.kept[:1], profiles=()), event, record)
        return named if owner is None or owner in named else [*named, owner]

    def _version_of(self, found: Match) -> int:
        return max((self.working[profile_id].version or 0 for profile_id in found.profiles), default=0)

    def _note_duplicate(self, event: Event, record: Record) -> None:
        self.outcomes["duplicate", "event"] += 1
        self.loose_rows.append(bare_row(event, record, Verdict.DUPLICATE, "", self.now, 0))

    def _note(self, working: Working, event: Event, record: Record, order: bytes) -> None:
        longer = duplicates.is_kept_longer(event, record)
        duplicates.remember(working.profile, order, bytes.fromhex(event.fingerprint), self.now, longer=longer)
        working.keep_row(event, record, Verdict.APPLIED, self.now)
        working.dirty = True
        self.outcomes["applied", event.type] += 1

    def _keep_conflict(self, working: Working, event: Event, record: Record) -> None:
        """Same id, other content: nobody knows which is meant, so neither is lost and the second is not applied."""
        self._hear_refusals([working], event, record)
        self.outcomes["conflict", ""] += 1
        working.keep_row(event, record, Verdict.CONFLICT, self.now)
