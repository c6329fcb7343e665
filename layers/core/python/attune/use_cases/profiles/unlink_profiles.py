"""Unlinking over HTTP, for the admin: some identifiers of a profile are somebody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.events import UNLINK, Event, Origin, Record, encode_record, short_hash
from attune.domain.identifiers import by_strength
from attune.domain.identity.resolution import expired
from attune.domain.profiles.splits import are_apart
from attune.domain.profiles.state import decode_profile
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.recognise_keys import require_admin
from attune.use_cases.profiles.find_profiles import live
from attune.use_cases.profiles.manage_profiles import read_address

if TYPE_CHECKING:
    from attune.domain.identifiers import Identifier
    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, EventStream, Identified, ProfileReader
    from attune.use_cases.management.record_access import Recorded

#: identifiers that may leave at once: with the profiles and the ledger they are written in one transaction
MAX_LEAVING: Final = 50
#: characters of a reason
MAX_REASON: Final = 500

type Json = dict[str, Any]


class Unlinking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body: `namespace:value` of what leaves, and why anybody believes so, which the lake keeps sealed."""

    identifiers: list[str]
    reason: str


class UnlinkProfiles:
    """Callable. Changes nothing itself: it puts a `$unlink` onto the stream. `admin_key` answers the admin's key."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        stream: EventStream,
        pseudonyms: Identified,
        admin_key: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._stream = stream
        self._pseudonyms = pseudonyms
        self._admin_key = admin_key
        self._clock = clock

    def authorise(self, token: str | None) -> None:
        """401 `unknown_admin_key` unless `token` is the admin key."""
        require_admin(token, self._admin_key())

    def __call__(self, address: str, body: bytes, recorded: Recorded) -> Json:
        """`{accepted, message_id, profile_id, unlinked}`; `unlinked`: it was carried out before, nothing is sent.

        404 `unknown_profile`; 400 `invalid_identifier`, `invalid_body`; 409 `not_linked`, `nothing_left`. `recorded`:
        told of everybody who is named, first.
        """
        addressed = self._pseudonyms.key(read_address(address))
        said = _checked(read_body(body, Unlinking))
        leaving = by_strength(read_address(one) for one in said.identifiers)
        keys = [self._pseudonyms.key(one) for one in leaving]
        recorded([addressed, *keys])
        owners = self._owners({addressed, *keys})
        profile = owners.get(addressed)
        if profile is None:
            raise AttuneError("unknown_profile", "no profile has this identifier", status=404)
        event = self._event(profile, leaving, keys, said.reason)
        unlinked = self._is_done(profile, [owners.get(key) for key in keys])
        if not unlinked:
            _check(profile, keys, owners)
            record = Record(
                source=_SOURCE,
                origin=Origin.INTERNAL,
                received_at=event.time,
                key=profile.profile_id,
                trusted=True,
                events=(event,),
            )
            self._stream.put([(profile.profile_id, encode_record(record))])
        return {
            "accepted": True,
            "message_id": event.message_id,
            "profile_id": profile.profile_id,
            "unlinked": unlinked,
        }

    def _owners(self, keys: set[str]) -> dict[str, Profile]:
        """Whose each identity key is now, as process_events will find it."""
        identities = self._profiles.identities(keys, consistent=True)
        now = self._clock()
        bound = {key: identity.profile_id for key, identity in identities.items() if not expired(identity, now)}
        items = live(self._profiles, set(bound.values()), consistent=True)
        decoded = {item.profile_id: decode_profile(item.state) for item in items.values() if item.state}
        roots = {key: items[profile_id].profile_id for key, profile_id in bound.items() if profile_id in items}
        return {key: decoded[root] for key, root in roots.items() if root in decoded}

    def _is_done(self, profile: Profile, others: list[Profile | None]) -> bool:
        return all(other is not None and are_apart([profile, other]) for other in others)

    def _event(self, profile: Profile, leaving: tuple[Identifier, ...], keys: list[str], reason: str) -> Event:
        """Its id follows from who leaves whom, so that a caller who sends the same again says it once."""
        content = short_hash("unlink", profile.profile_id, *keys).hex()
        return Event(
            type=UNLINK,
            message_id=f"unlink_{content}",
            time=self._clock(),
            identifiers=leaving,
            properties={"profile_id": profile.profile_id, "reason": reason},
            fingerprint=content,
        )


def _checked(said: Unlinking) -> Unlinking:
    if not 0 < len(said.identifiers) <= MAX_LEAVING:
        raise AttuneError("invalid_body", f"$.identifiers: name 1 to {MAX_LEAVING} that leave the profile")
    if not 0 < len(said.reason.strip()) <= MAX_REASON:
        raise AttuneError("invalid_body", f"$.reason: say why, in up to {MAX_REASON} characters")
    return said


def _check(profile: Profile, keys: list[str], owners: dict[str, Profile]) -> None:
    foreign = sum(key not in profile.links or owners.get(key) is not profile for key in keys)
    if foreign:
        raise AttuneError("not_linked", f"not of this profile: {foreign} of the identifiers named", status=409)
    if profile.links.keys() <= set(keys):
        raise AttuneError("nothing_left", "all identifiers of the profile are named: one must stay", status=409)


#: our own functions' word, as of models and timers
_SOURCE: Final = "attune"
