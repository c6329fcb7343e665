"""The profiles that a set of records touches: loaded once, changed in memory, one commit for each that remains."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

import msgspec

from attune.domain import duplicates, gate, segments
from attune.domain.consent import STORE
from attune.domain.duplicates import Familiarity
from attune.domain.events import CONSENT, Origin, Rejected, encode_event
from attune.domain.fold import finish, fold_event
from attune.domain.identifiers import WEAK
from attune.domain.identity import Claim, Identity, Match, expired, is_foreign, is_worn, match
from attune.domain.profiles import Link, Profile, merge_profiles
from attune.domain.scores import score_online
from attune.domain.verdicts import Row, Verdict, refused
from attune.domain.working import Working

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune.domain.events import Event, Record
    from attune.domain.identifiers import Identifier
    from attune.domain.models import Model
    from attune.domain.profiles import Position
    from attune.domain.segments import Compiled


class Pseudonyms(Protocol):
    """Keyed hashes under the deployment's identity secret."""

    def key(self, identifier: Identifier) -> str:
        """The identity key, 32 hex digits."""
        ...


class WorkingSet:
    """Applies records one after the other, each event to the profile its partition key leads to.

    `identities` are as read; `roots` leads from every profile id they name to the live one in `working`; `founders`
    holds the free (profile id, generation) for identity keys that may found a profile.
    """

    def __init__(
        self,
        *,
        now: int,
        compiled: Compiled,
        pseudonyms: Pseudonyms,
        new_data_key: Callable[[], bytes],
        identities: dict[str, Identity],
        roots: dict[str, str],
        working: dict[str, Working],
        founders: dict[str, tuple[str, int]],
    ) -> None:
        self.now = now
        self.compiled = compiled
        self.working = working
        #: rows that belong to no profile: what was refused
        self.loose_rows: list[Row] = []
        self.quarantined: list[tuple[Record, Rejected]] = []
        #: (outcome, reason) → how many events
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._pseudonyms = pseudonyms
        self._new_data_key = new_data_key
        self._identities = identities
        self._roots = roots
        self._founders = founders
        self._claimed: dict[str, str] = {}
        #: what an event that names the same people led to, while nobody has been linked since
        self._settled: dict[tuple[tuple[Identifier, ...], bool], Match] = {}

    def apply(self, record: Record, at: Position, whole: bytes, *, final: bool = True) -> None:
        """Apply a record's events in order, unless the stream or its producer has delivered them before.

        `whole` is the hash of the record as it came; `final` is False for a part that others follow.
        """
        known = self._owner(record.key, lapsed=True)
        if known is not None and duplicates.is_behind(self.working[known].profile, record.key, at):
            self.outcomes["redelivered", ""] += len(record.events)
            return
        if known is not None and duplicates.knows_record(self.working[known].profile, whole):
            self.outcomes["duplicate", "record"] += len(record.events)
            return
        for event in record.events:
            self._apply_event(event, record)
        target = self._owner(record.key)
        if final and target is not None and self.working[target].dirty:
            duplicates.advance_cursor(self.working[target].profile, record.key, at)
            if len(record.events) > 1:  # of a single event its own id tells
                duplicates.remember_record(self.working[target].profile, whole, record.received_at)

    def live(self, profile_id: str) -> Working | None:
        """The profile of that id, or the one it has become; None where nothing is stored of it."""
        root = self._roots.get(profile_id)
        return self.working.get(root) if root else None

    def put_aside(self, event: Event, record: Record, reason: str) -> None:
        """Into quarantine, under a stable reason."""
        self.outcomes["quarantined", reason] += 1
        self.quarantined.append((record, Rejected(reason=reason, raw=encode_event(event))))

    def finish(self, models: Mapping[str, Model], read_up_to: int) -> list[Working]:
        """Let time pass to now for every changed profile, and score who has no score; answers those to commit.

        `models`: those that serve, by name. A segment that is entered by a score is announced with it.
        `read_up_to`: when the newest of the records was received.
        """
        changed = [working for working in self.working.values() if working.dirty]
        for working in changed:
            working.changes += score_online(working.profile, models, self.compiled, read_up_to)
            working.changes += finish(working.profile, self.compiled, self.now, read_up_to, working.quiet)
        return changed

    def _apply_event(self, event: Event, record: Record) -> None:
        keyed = [(self._pseudonyms.key(identifier), identifier) for identifier in event.identifiers]
        if event.type.startswith("$") and record.origin is not Origin.INTERNAL:
            self.put_aside(event, record, "reserved_name")
        elif not keyed or keyed[0][0] != record.key:
            self.put_aside(event, record, "wrong_partition")
        elif event.type == CONSENT:
            self._apply_consent(event, record, keyed)
        else:
            self._apply_call(event, record, keyed)

    def _apply_consent(self, event: Event, record: Record, keyed: list[tuple[str, Identifier]]) -> None:
        """Stored whatever was consented to before; for an unknown person it makes a profile that holds consent only."""
        working = self._target(Match(kept=tuple(keyed[:1]), profiles=self._owners(keyed[:1])), event, record)
        order = duplicates.event_hash(record.source, event)
        match duplicates.familiarity([working.profile], order, bytes.fromhex(event.fingerprint)):
            case Familiarity.DUPLICATE:
                self.outcomes["duplicate", "event"] += 1
                return
            case Familiarity.CONFLICT:
                self._keep_conflict(working, event, record)
                return
            case Familiarity.NEW:
                pass
        working.hear(event, record, self.now, gate.voice([working.profile], event, record))
        working.changes += segments.evaluate(self.compiled, working.profile)
        self._note(working, event, record, order)

    def _apply_call(self, event: Event, record: Record, keyed: list[tuple[str, Identifier]]) -> None:
        named = (event.identifiers, record.trusted)
        settled = self._settled.get(named)
        if settled is None:
            own = [(key, identifier) for key, identifier in keyed if record.trusted or not self._is_foreign(key, event)]
            found = match(own or keyed[:1], self._owner, lambda profile_id: self.working[profile_id].profile)
        else:
            own, found = keyed, settled
        touched = [self.working[profile_id].profile for profile_id in found.profiles]
        order = duplicates.event_hash(record.source, event)
        known = duplicates.familiarity(touched, order, bytes.fromhex(event.fingerprint))
        if known is Familiarity.DUPLICATE:
            self.outcomes["duplicate", "event"] += 1
        elif not gate.may_store(STORE, touched, event, record):
            self._refuse(event, record, found)
        elif own[:1] != keyed[:1]:
            self.put_aside(event, record, "unverified_claim")
        elif known is Familiarity.CONFLICT:
            self._keep_conflict(self.working[found.profiles[0]], event, record)
        else:
            if settled is None:
                working = self._target(found, event, record)
                self._settle(named, working, found, own, event)
            else:
                working = self.working[found.profiles[0]]
            self._accept(event, record, working, order, dropped=len(keyed) - len(found.kept))

    def _settle(
        self,
        named: tuple[tuple[Identifier, ...], bool],
        working: Working,
        found: Match,
        own: list[tuple[str, Identifier]],
        event: Event,
    ) -> None:
        """The next event that names the same changes nothing of who is who, unless what it names wears off."""
        if (
            len(found.kept) == len(own) == len(event.identifiers)
            and found.profiles == (working.profile.profile_id,)
            and not any(identifier.namespace in WEAK for identifier in event.identifiers)
        ):
            self._settled[named] = found

    def _accept(self, event: Event, record: Record, working: Working, order: bytes, *, dropped: int) -> None:
        if dropped:
            self.outcomes["identifier_dropped", ""] += dropped
        if working.hear(event, record, self.now, gate.voice([working.profile], event, record)):
            working.quiet.whole = False  # with another consent any membership may be another
        working.changes += fold_event(working.profile, event, order, self.compiled, working.quiet)
        working.grown = True
        self._note(working, event, record, order)

    def _is_foreign(self, key: str, event: Event) -> bool:
        owner = self._owner(key)
        return owner is not None and is_foreign(self.working[owner].profile, key, event.identifiers)

    def _refuse(self, event: Event, record: Record, found: Match) -> None:
        """A refused event links and stores nothing; what it withdraws from a known person still counts."""
        self.outcomes["dropped", "consent"] += 1
        version = max((self.working[profile_id].version or 0 for profile_id in found.profiles), default=0)
        self.loose_rows.append(refused(event, record, "consent", self.now, version))
        for profile_id in found.profiles:
            working = self.working[profile_id]
            refusals = {purpose: granted for purpose, granted in (event.consent or {}).items() if not granted}
            said = msgspec.structs.replace(event, consent=refusals, basis=None)
            if working.hear(said, record, self.now, gate.SILENT):
                working.changes += segments.evaluate(self.compiled, working.profile)

    def _target(self, found: Match, event: Event, record: Record) -> Working:
        """The one profile of all that the event links: founded, extended or merged as need be."""
        if found.profiles:
            working = self.working[found.profiles[0]]
            for other in found.profiles[1:]:
                self._merge(working, other, event, record)
        else:
            working = self._found(found.kept[0][0], event)
        for key, identifier in found.kept:
            self._link(working, key, identifier, record)
        return working

    def _found(self, key: str, event: Event) -> Working:
        profile_id, generation = self._founders[key]
        profile = Profile(
            profile_id=profile_id,
            generation=generation,
            first=key,
            first_seen=event.time,
            data_key=self._new_data_key(),
        )
        working = self.working[profile_id] = Working(profile)
        self._roots[profile_id] = profile_id
        return working

    def _merge(self, into: Working, profile_id: str, event: Event, record: Record) -> None:
        """Both live through time up to the same instant, then one absorbs the other and leaves a tombstone."""
        other = self.working.pop(profile_id)
        self._settled.clear()
        instant = max(into.profile.as_of, other.profile.as_of, event.time)
        for working in (into, other):
            into.changes += segments.advance(self.compiled, working.profile, instant)
        merge_profiles(into.profile, other.profile, self.compiled.capacities)
        into.changes += segments.evaluate(self.compiled, into.profile)
        into.changes += other.changes
        for key, claim in other.claims.items():
            identity = msgspec.structs.replace(claim.identity, profile_id=into.profile.profile_id)
            into.claims[key] = msgspec.structs.replace(claim, identity=identity)
        into.ledger += other.ledger
        into.rows += other.rows
        into.absorbed += other.absorbed
        # also where it was never stored: its id is used now, in the ledger and in the lake, and must not be given away
        into.absorbed.append((other.version, profile_id))
        for known, root in self._roots.items():
            if root == profile_id:
                self._roots[known] = into.profile.profile_id
        into.keep_merge(other.profile, event, record, self.now)
        into.quiet = segments.Quiet()
        into.dirty = True

    def _link(self, working: Working, key: str, identifier: Identifier, record: Record) -> None:
        profile = working.profile
        held = profile.links.get(key)
        if held is None or (record.trusted and not held.verified) or is_worn(identifier, held.at, record.received_at):
            profile.links[key] = Link(
                identifier, record.received_at, record.trusted or (held is not None and held.verified)
            )
            working.dirty = True
            self._settled.clear()
        if key in working.claims:
            return
        read = self._identities.get(key)
        if (
            read is None
            or read.profile_id != profile.profile_id
            or expired(read, self.now)
            or is_worn(identifier, read.at, record.received_at)
        ):
            identity = Identity(
                profile_id=profile.profile_id,
                at=max(record.received_at, read.at if read else 0),
                namespace=identifier.namespace,
                generation=profile.generation,
                verified=record.trusted,
            )
            working.claims[key] = Claim(identity_key=key, read=read, identity=identity)
            self._claimed[key] = profile.profile_id
            working.dirty = True
            self._settled.clear()

    def _note(self, working: Working, event: Event, record: Record, order: bytes) -> None:
        duplicates.remember(working.profile, order, bytes.fromhex(event.fingerprint), record.received_at)
        working.keep_row(event, record, Verdict.APPLIED, self.now)
        working.dirty = True
        self.outcomes["applied", event.type] += 1

    def _keep_conflict(self, working: Working, event: Event, record: Record) -> None:
        """Same id, other content: nobody knows which is meant, so neither is lost and the second is not applied."""
        self.outcomes["conflict", ""] += 1
        working.keep_row(event, record, Verdict.CONFLICT, self.now)

    def _owners(self, keyed: list[tuple[str, Identifier]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(owner for key, _ in keyed if (owner := self._owner(key)) is not None))

    def _owner(self, key: str, *, lapsed: bool = False) -> str | None:
        """The live profile an identity key belongs to, claims of this batch included; `lapsed`: or last belonged to."""
        if key in self._claimed:
            return self._roots[self._claimed[key]]
        identity = self._identities.get(key)
        if identity is None or (expired(identity, self.now) and not lapsed):
            return None
        return self._roots.get(identity.profile_id)
