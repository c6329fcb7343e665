"""What one customer consents to and why, and which edges that opens or closes, as the gate would answer now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attune.domain.consent.gate import Edge, Refusal, Refused, allowed, is_closed, reason_against
from attune.domain.consent.policies import POLICY
from attune.domain.errors import AttuneError
from attune.domain.profiles.state import decode_profile
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.find_profiles import find, markers
from attune.use_cases.profiles.manage_profiles import read_address
from attune.use_cases.profiles.name_people import NamePeople

if TYPE_CHECKING:
    from attune.domain.consent.gate import Allowed
    from attune.domain.profiles.consent import Consent, LedgerEntry
    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, DefinitionReader, Holds, Identified, Key, ProfileReader
    from attune.ports.ledger import ConsentChains

#: edges that need nothing but their own purpose; the others are asked channel by channel
_OWN: Final = (Edge.STORE, Edge.LAKE, Edge.SEGMENT, Edge.TRAIN, Edge.RECOMMEND)
_BY_CHANNEL: Final = (Edge.DECIDE, Edge.SEND)

type Json = dict[str, Any]


class ExplainConsent:
    """Reads consistently and changes nothing."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        holds: Holds,
        definitions: DefinitionReader,
        chains: ConsentChains,
        pseudonyms: Identified,
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._chains = chains
        self._pseudonyms = pseudonyms
        self._name = NamePeople(profiles, pseudonyms)
        self._clock = clock

    def __call__(self, address: str, caller: Key) -> Json:
        """`{profile_id, country, restricted, suppressed, purposes, edges, channels}` of `namespace:value`.

        404 `unknown_profile`; 400 `invalid_identifier`. The address is read as the caller's source names people.
        """
        profile = self._profile(address, caller)
        definitions, compiled = self._definitions()
        policies, now = compiled.policies, self._clock()
        stands, held = policies.standing(profile), self._holds.held(profile.links)
        suppressed_at = self._suppressed_at(profile)
        in_use = policies.in_use(profile)
        own = {edge: allowed(edge, in_use, at=now, held=held) for edge in _OWN}
        if suppressed_at:
            own[Edge.STORE] = Refused("", Refusal.SUPPRESSED)
        chain = self._chains.chain(profile.profile_id)
        ledger = {entry.purpose: entry for entry in chain if _tells_of(stands.get(entry.purpose), entry)}
        return {
            "profile_id": profile.profile_id,
            "country": policies.country_of(profile, now) or None,
            "restricted": is_closed(in_use, held),
            "suppressed": iso(suppressed_at) or None,
            "purposes": {
                name: _purpose(stands.get(name), held.get(name), ledger.get(name), now) for name in policies.purposes
            },
            "edges": {str(edge): _answer(answer) for edge, answer in own.items()},
            "channels": {
                channel.id: {
                    str(edge): _answer(allowed(edge, in_use, at=now, held=held, purpose=channel.purpose))
                    for edge in _BY_CHANNEL
                }
                for channel in definitions.channels.values()
            },
        }

    def _suppressed_at(self, profile: Profile) -> int:
        """Since when (ms) nothing is taken in that names them by any identifier, or by one of them; 0 where all is."""
        known = markers(self._profiles, profile.links, consistent=True)
        return max((one.suppressed_at for one in known.values()), default=0)

    def _profile(self, address: str, caller: Key) -> Profile:
        [meant] = self._name([read_address(address)], caller.source, self._definitions()[0])
        key = self._pseudonyms.key(meant[0])
        item = find(self._profiles, [key], consistent=True).get(key)
        if item is None or not item.state:
            raise AttuneError("unknown_profile", "no profile has this identifier", status=404)
        return decode_profile(item.state)


def _purpose(record: Consent | None, held_since: int | None, entry: LedgerEntry | None, now: int) -> Json:
    """`granted`, and `why` not or why so; the record that counts; what the ledger says of how it was said."""
    against = reason_against(record, held_since, now)
    return {
        "granted": against is None,
        "why": _grounds(record) if against is None and record is not None else str(against),
        "record": None
        if record is None
        else {
            "granted": record.granted,
            "at": iso(record.at) or None,
            "source": record.source,
            "stated": record.stated,
        },
        "held": None if held_since is None else iso(held_since),
        "expires_at": iso(record.until) if record is not None and record.until else None,
        "method": (entry.method or None) if entry else None,
        "notice": (entry.notice or None) if entry else None,
    }


def _tells_of(record: Consent | None, entry: LedgerEntry) -> bool:
    """Whether the entry is of the word that counts, or of one that said it again."""
    if record is None or entry.granted is not record.granted:
        return False
    return entry.effective_at == record.at or (record.again > 0 and entry.effective_at == record.again)


def _grounds(record: Consent) -> str:
    """`said` by the person, the `basis` of a source, or a `policy` where they said nothing."""
    if record.source.startswith(POLICY):
        return "policy"
    return "said" if record.at else "basis"


def _answer(answer: Allowed | Refused) -> Json:
    if isinstance(answer, Refused):
        return {"allowed": False, "purpose": answer.purpose or None, "reason": str(answer.reason)}
    return {"allowed": True, "purpose": None, "reason": None}
