"""Who is who while a set of records is applied: whose an identifier is, and when two profiles turn out to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain import segments
from attune.domain.identifiers import ISSUED, WEAK
from attune.domain.identity.markers import UNMARKED, Grave, marker
from attune.domain.identity.resolution import Claim, Identity, Match, expired, is_foreign, is_worn, match
from attune.domain.identity.unlinking import split_off
from attune.domain.processing.working import Working
from attune.domain.profiles.merging import merge_profiles
from attune.domain.profiles.profile import Link, Profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.events import Event, Record
    from attune.domain.identifiers import Identifier
    from attune.domain.segments import Compiled

#: identifiers, strongest first, with their keys
type Keyed = list[tuple[str, Identifier]]


class People:
    """The profiles of a working set, by everything that leads to them.

    `identities` are as read; `roots` leads from every profile id they name to the live one in `working`, `graves` to
    what is left of one that was erased; `founders` holds the free (profile id, generation) for identity keys that may
    found a profile.
    """

    def __init__(
        self,
        *,
        now: int,
        compiled: Compiled,
        new_data_key: Callable[[], bytes],
        identities: dict[str, Identity],
        roots: dict[str, str],
        working: dict[str, Working],
        founders: dict[str, tuple[str, int]],
        graves: dict[str, Grave] | None = None,
    ) -> None:
        for one in working.values():
            one.policies = compiled.policies
        self.working = working
        self._now = now
        self._compiled = compiled
        self._new_data_key = new_data_key
        self._identities = identities
        self._roots = roots
        self._founders = founders
        self._graves = graves or {}
        self._stored_graves = {grave.profile_id for grave in self._graves.values()}
        #: what stands against keys, where anything does
        self._marked = {
            key: marker(identity, self._graves.get(identity.profile_id))
            for key, identity in identities.items()
            if identity.erased_at or identity.suppressed_at or identity.profile_id in self._graves
        }
        #: somebody was linked who led to a grave: what was read of it must have been the latest
        self.reborn = False
        self._claimed: dict[str, str] = {}
        #: what an event that names the same people led to, while nobody has been linked since
        self._settled: dict[tuple[tuple[Identifier, ...], bool], Match] = {}

    def owner(self, key: str, *, lapsed: bool = False) -> Working | None:
        """Whose an identity key is, claims of this batch included; `lapsed`: or last was."""
        profile_id = self._owner(key, lapsed=lapsed)
        return None if profile_id is None else self.working[profile_id]

    def live(self, profile_id: str) -> Working | None:
        """The profile of that id, or the one it has become; None where nothing is stored of it."""
        root = self._roots.get(profile_id)
        return self.working.get(root) if root else None

    def identity(self, key: str) -> Identity | None:
        """As read."""
        return self._identities.get(key)

    def grave(self, key: str) -> Grave | None:
        """What is left of whom an identity key led to, as it will be."""
        identity = self._identities.get(key)
        return None if identity is None else self._graves.get(identity.profile_id)

    def version_behind(self, key: str) -> int:
        """The version that is stored of whom an identity key leads or led to; 0 where nothing is."""
        owner, grave = self.owner(key, lapsed=True), self.grave(key)
        return (owner.version or 0) if owner is not None else (grave.version if grave is not None else 0)

    def refusal(self, keyed: Keyed, event: Event, record: Record) -> str:
        """Why an event must not be taken in, for anybody it names: `suppressed`, `erased`, or nothing."""
        if not self._marked:
            return ""
        known = [(key, self._marked[key]) for key, _ in keyed if key in self._marked]
        return max((one.refuses(event, record, lives=self.owner(key) is not None) for key, one in known), default="")

    def bury(self, working: Working, at: int) -> Grave:
        """Nothing is left of the profile but that it was there."""
        profile = working.profile
        grave = Grave(
            profile_id=profile.profile_id,
            version=(working.version or 0) + 1,
            erased_at=at,
            ledger_length=profile.ledger_length,
            ledger_head=profile.ledger_head,
            pages=() if profile.splits else tuple(profile.pages),
        )
        del self.working[profile.profile_id]
        for known in [known for known, root in self._roots.items() if root == profile.profile_id]:
            del self._roots[known]
            self._graves[known] = grave
        return grave

    def replace_grave(self, grave: Grave, **changes: int) -> Grave:
        """The grave as it will be, one version on; what was dug in this working set has that version already."""
        stored = grave.profile_id in self._stored_graves
        self._stored_graves.discard(grave.profile_id)
        changed = msgspec.structs.replace(grave, version=grave.version + stored, **changes)
        for known in [known for known, one in self._graves.items() if one.profile_id == grave.profile_id]:
            self._graves[known] = changed
        return changed

    def match(self, keyed: Keyed, event: Event, record: Record) -> tuple[Match, bool]:
        """Whom a call is about, and whether it may name the strongest of them at all."""
        settled = self._settled.get((event.identifiers, record.trusted))
        if settled is not None:
            return settled, True
        own = [one for one in keyed if record.trusted or not self._is_foreign(*one, event)]
        found = match(own or keyed[:1], self._owner, lambda profile_id: self.working[profile_id].profile)
        return found, own[:1] == keyed[:1]

    def settle(self, found: Match, event: Event, record: Record) -> Working:
        """`target`; the next call that names the same changes nothing of who is who, unless what it names wears off."""
        named = (event.identifiers, record.trusted)
        if self._settled.get(named) is found:
            return self.working[found.profiles[0]]
        working = self.target(found, event, record)
        if (
            len(found.kept) == len(event.identifiers)
            and found.profiles == (working.profile.profile_id,)
            and not any(identifier.namespace in WEAK for identifier in event.identifiers)
        ):
            self._settled[named] = found
        return working

    def target(self, found: Match, event: Event, record: Record) -> Working:
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

    def part(self, working: Working, keys: Sequence[str]) -> Working | None:
        """Found a profile of these identifiers, strongest first; None unless they are its own, and not all it has."""
        held = working.profile.links
        its_own = all(key in held and self.owner(key) is working for key in keys)
        if not its_own or not 0 < len(set(keys)) < len(held):
            return None
        working.dirty = True
        profile_id, generation = self._founders[keys[0]]
        new = split_off(
            working.profile,
            keys,
            profile_id=profile_id,
            generation=generation,
            version=working.target_version,
            at=self._now,
            data_key=self._new_data_key(),
        )
        parted = self.working[profile_id] = Working(
            new,
            above=working.version or 0,
            stored_pages=set(working.stored_pages),
            dirty=True,
            policies=self._compiled.policies,
        )
        self._roots[profile_id] = profile_id
        for key in keys:
            read = self._identities[key]
            identity = msgspec.structs.replace(read, profile_id=profile_id, generation=generation)
            parted.claims[key] = Claim(identity_key=key, read=read, identity=identity)
            self._claimed[key] = profile_id
        self._settled.clear()
        return parted

    def _is_foreign(self, key: str, identifier: Identifier, event: Event) -> bool:
        owner = self.owner(key)
        if owner is None:
            return identifier.namespace in ISSUED
        return is_foreign(owner.profile, key, event.identifiers)

    def _found(self, key: str, event: Event) -> Working:
        profile_id, generation = self._founders[key]
        profile = Profile(
            profile_id=profile_id,
            generation=generation,
            first=key,
            first_seen=event.time,
            data_key=self._new_data_key(),
        )
        working = self.working[profile_id] = Working(profile, policies=self._compiled.policies)
        self._roots[profile_id] = profile_id
        return working

    def _merge(self, into: Working, profile_id: str, event: Event, record: Record) -> None:
        """Both live through time up to the same instant, then one absorbs the other and leaves a tombstone."""
        other = self.working.pop(profile_id)
        self._settled.clear()
        instant = max(into.profile.as_of, other.profile.as_of, event.time - 1)
        for working in (into, other):
            into.changes += segments.advance(self._compiled, working.profile, instant)
        merge_profiles(into.profile, other.profile, self._compiled.capacities)
        into.changes += segments.evaluate(self._compiled, into.profile)
        into.absorb(other)
        for known, root in self._roots.items():
            if root == profile_id:
                self._roots[known] = into.profile.profile_id
        into.keep_merge(other.profile, event, record, self._now)

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
            or held is None  # bound to this profile, and yet not known to it: it may have moved since it was read
            or read.profile_id != profile.profile_id
            or expired(read, self._now)
            or is_worn(identifier, read.at, record.received_at)
        ):
            identity = Identity(
                profile_id=profile.profile_id,
                at=max(record.received_at, read.at if read else 0),
                namespace=identifier.namespace,
                generation=profile.generation,
                verified=record.trusted,
                **self._marks(key),
            )
            self.reborn = self.reborn or self.grave(key) is not None
            working.claims[key] = Claim(identity_key=key, read=read, identity=identity)
            self._claimed[key] = profile.profile_id
            working.dirty = True
            self._settled.clear()

    def _marks(self, key: str) -> dict[str, int]:
        """What a claim must keep of whom the key led to before."""
        read, grave = self._identities.get(key), self.grave(key)
        if read is None or not (grave or read.is_marked):
            return {}
        known = self._marked.get(key, UNMARKED)
        return {
            "erased_at": known.erased_at,
            "suppressed_at": known.suppressed_at,
            "released_at": max(read.released_at, grave.released_at if grave else 0),
        }

    def _owner(self, key: str, *, lapsed: bool = False) -> str | None:
        if key in self._claimed:
            return self._roots[self._claimed[key]]
        identity = self._identities.get(key)
        if identity is None or (expired(identity, self._now) and not lapsed):
            return None
        return self._roots.get(identity.profile_id)
