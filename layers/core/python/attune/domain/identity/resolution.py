"""Who an event is about: which profile it applies to, what it links, and when two profiles turn out to be one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.identifiers import DAY, RANDOM, WEAK, WEAK_LIFETIME, Identifier, limit, rank
from attune.domain.profiles.splits import are_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune.domain.profiles.profile import Profile


#: two people may not have two of these that are vouched for; as they are, or as pseudonyms
_ADDRESSES: Final = ("email", "email_hash")


class Identity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who an identity key belongs to. `at`: when it was claimed (weak ones expire by it).

    `erased_at`: when whoever it belonged to was erased last, ms, 0 for never: what was received or happened by then
    is refused. `suppressed_at`: since when nothing that names it is taken in, 0 where it is; `released_at`: when it was
    taken in again last, so that an older word changes nothing. They outlive the claim. One that is there only for their
    sake has no `profile_id`.
    """

    profile_id: str
    at: int
    namespace: str = ""
    generation: int = 0
    verified: bool = False
    erased_at: int = 0
    suppressed_at: int = 0
    released_at: int = 0

    @property
    def is_marked(self) -> bool:
        """Whether an erasure or a suppression has left its mark: then it does not lapse."""
        return bool(self.erased_at or self.suppressed_at or self.released_at)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Binds an identity key to a profile, on condition that it is still bound as it was read (None: to nobody)."""

    identity_key: str
    read: Identity | None
    identity: Identity


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The identifiers that were kept, with their keys, and the profiles they lead to, strongest first (none: found)."""

    kept: tuple[tuple[str, Identifier], ...]
    profiles: tuple[str, ...]


def expired(identity: Identity, now: int) -> bool:
    """A weak identifier binds for 30 days."""
    return identity.namespace in WEAK and identity.at + WEAK_LIFETIME <= now


def is_worn(identifier: Identifier, at: int, now: int) -> bool:
    """A weak identifier in use is renewed daily, so that it lapses 30 days after its last use, not its first."""
    return identifier.namespace in WEAK and at + DAY <= now


def match(
    identifiers: Sequence[tuple[str, Identifier]],
    owner_of: Callable[[str], str | None],
    profile_of: Callable[[str], Profile],
) -> Match:
    """Flat matching as Segment Unify does it: no profile found: found one; one: add to it; several: merge them.

    Where that would break a limit, join people who verifiably differ or who were unlinked, the weakest identifier is
    dropped from the event and the rest tried again; the strongest is never dropped, so an event always applies where
    its partition key leads.
    """
    kept = list(identifiers)
    while True:
        owners = {owner: None for key, _ in kept if (owner := owner_of(key)) is not None}
        found = [profile_of(owner) for owner in owners]
        if len(kept) == 1 or _holds_all(found, kept) or may_join(found, [identifier for _, identifier in kept]):
            return Match(kept=tuple(kept), profiles=_by_strength(found))
        kept.pop()


def _holds_all(profiles: Sequence[Profile], keyed: Sequence[tuple[str, Identifier]]) -> bool:
    """Nothing is new: one profile holds every identifier already, and all it holds it was allowed to."""
    return len(profiles) == 1 and all(key in profiles[0].links for key, _ in keyed)


def is_foreign(profile: Profile, key: str, named: Sequence[Identifier]) -> bool:
    """Whether `key` is one that a trusted source vouched for, while none of the devices named is the profile's.

    A public key proves nothing of who somebody is: with it, by claiming a customer's number and an e-mail address of
    one's own, one could have the customer's cart sent to oneself. Tokens of devices and carts are themselves the
    secret.
    """
    link = profile.links.get(key)
    if link is None or not link.verified or link.identifier.namespace in RANDOM:
        return False
    return profile.devices().isdisjoint(i.value for i in named if i.namespace == "anonymous_id")


def may_join(profiles: Sequence[Profile], identifiers: Sequence[Identifier]) -> bool:
    """Whether one profile may hold all of these together."""
    if are_apart(profiles):
        return False
    together = {link.identifier for profile in profiles for link in profile.links.values()} | set(identifiers)
    counts = Counter(identifier.namespace for identifier in together)
    if any(count > limit(namespace) for namespace, count in counts.items() if namespace not in WEAK):
        return False
    return not _verified_emails_differ(profiles)


def _verified_emails_differ(profiles: Sequence[Profile]) -> bool:
    """Merge protection: two people with verified e-mail addresses and none in common stay two."""
    return any(_verified_differ(profiles, namespace) for namespace in _ADDRESSES)


def _verified_differ(profiles: Sequence[Profile], namespace: str) -> bool:
    verified = [
        {
            link.identifier.value
            for link in profile.links.values()
            if link.verified and link.identifier.namespace == namespace
        }
        for profile in profiles
    ]
    known = [values for values in verified if values]
    return any(one.isdisjoint(other) for index, one in enumerate(known) for other in known[index + 1 :])


def _by_strength(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The survivor of a merge first: who holds the strongest identifier, then who was seen first."""

    def strength(profile: Profile) -> tuple[int, int, str]:
        best = min((rank(link.identifier) for link in profile.links.values()), default=len(WEAK) + 99)
        return (best, profile.first_seen, profile.profile_id)

    if len(profiles) == 1:
        return (profiles[0].profile_id,)
    return tuple(profile.profile_id for profile in sorted(profiles, key=strength))
