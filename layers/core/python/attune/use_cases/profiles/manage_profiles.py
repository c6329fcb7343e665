"""One customer over HTTP, for server keys: what the profile says now, and what the person consents to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from attune.domain.campaigns.deliveries import still_kept
from attune.domain.consent.gate import Edge, allowed
from attune.domain.consent.holds import heard_with
from attune.domain.errors import AttuneError
from attune.domain.events import CONSENT, Event, Origin, Record, short_hash
from attune.domain.identifiers import Identifier, by_strength, normalise_identifier
from attune.domain.privacy.masking import NO_MASK, Mask
from attune.domain.profiles.consent import RESTRICTION, is_restricted
from attune.domain.profiles.state import decode_profile
from attune.domain.segments import members, traits_at
from attune.sources.payloads import parse_time
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.management.recognise_keys import require_server_key, sees_all
from attune.use_cases.management.show_times import iso
from attune.use_cases.profiles.find_profiles import find, live
from attune.use_cases.profiles.name_people import NamePeople

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from attune.domain.campaigns.deliveries import Delivery
    from attune.domain.consent.policies import Policies
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.profiles.consent import Consent
    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, DefinitionReader, EventStream, Holds, Identified, Key, Keys, ProfileReader
    from attune.ports.deliveries import DeliveryStore

#: how many deliveries an answer shows, the newest
MAX_DELIVERIES: Final = 50
#: seconds; a hold outlives the stream's longest retention, and the event it stands in for
HOLD_LIFETIME: Final = 14 * 86_400
#: ms that a caller's clock may be ahead of ours
CLOCK_SKEW: Final = 300_000
#: 2000-01-01; an earlier time is a mistake (seconds taken for milliseconds, an unset clock)
_EARLIEST: Final = 946_684_800_000

type Json = dict[str, Any]


class ConsentEvidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the person said so, and which version of the notice they were shown; for the ledger."""

    method: Literal["api", "banner", "form", "preference_page", "statement"] = "api"
    notice: str = ""


class ConsentChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a consent change: purposes granted (true) or withdrawn (false), since when (ISO 8601)."""

    consent: dict[str, bool]
    effective_at: str | None = None
    evidence: ConsentEvidence | None = None


_PLAIN_EVIDENCE: Final = ConsentEvidence()


class ManageProfiles:
    """Reads consistently; changes nothing itself but the hold, which acts until the event has arrived."""

    def __init__(  # noqa: PLR0913 (constructor arguments are the injection)
        self,
        *,
        profiles: ProfileReader,
        deliveries: DeliveryStore,
        holds: Holds,
        definitions: DefinitionReader,
        keys: Keys,
        stream: EventStream,
        pseudonyms: Identified,
        in_flight: Callable[[Collection[str]], bool],
        clock: Clock,
    ) -> None:
        """`in_flight`: `AwaitDeliveries`."""
        self._profiles = profiles
        self._deliveries = deliveries
        self._holds = holds
        self._definitions = CompileDefinitions(definitions)
        self._keys = keys
        self._stream = stream
        self._pseudonyms = pseudonyms
        self._name = NamePeople(profiles, pseudonyms)
        self._in_flight = in_flight
        self._clock = clock

    def authorise(self, token: str | None) -> Key:
        """The caller's server key; 401 `unknown_server_key`, or 403 `server_key_required` for a browser's."""
        return require_server_key(token, self._keys, self._definitions()[0])

    def read(self, address: str, caller: Key | None = None) -> Json:
        """The profile behind `namespace:value` as it is now, merges followed; 404 `unknown_profile`.

        The address is read as the source of the caller's key names people. A masked key sees no addresses.
        """
        key = self._pseudonyms.key(self._addressed(address, caller)[0])
        item = find(self._profiles, [key], consistent=True).get(key)
        if item is None or not item.state:
            raise AttuneError("unknown_profile", "no profile has this identifier", status=404)
        profile = decode_profile(item.state)
        (definitions, compiled), now = self._definitions(), self._clock()
        identifiers = by_strength(link.identifier for link in profile.links.values())
        mask = NO_MASK if sees_all(caller) else Mask(definitions, identifiers)
        profile.consent = heard_with(profile.consent, self._holds.held(profile.links))
        consent, traits = compiled.policies.in_use(profile), traits_at(compiled, profile, now)
        return {
            "profile_id": profile.profile_id,
            "traits": {mask.name(name): mask.value(name, value) for name, value in traits.items()},
            "identifiers": [{"namespace": one.namespace, "value": mask.identifier(one)} for one in identifiers],
            "segments": members(compiled, profile, now) if allowed(Edge.SEGMENT, consent, at=now) else [],
            "lists": sorted(name for name, listed in profile.lists.items() if listed.value),
            "consent": {
                purpose: _said(record, now) for purpose, record in sorted(consent.items()) if purpose != RESTRICTION
            },
            "scores": _scores(profile) if allowed(Edge.RECOMMEND, consent, at=now) else {},
            "deliveries": [_shown(delivery) for delivery in self._sent(profile, definitions, now)],
        } | ({"restricted": True} if is_restricted(consent) else {})

    def set_consent(self, address: str, body: bytes, key: Key) -> Json:
        """`{accepted, message_id}`. What is withdrawn is held at once; the rest follows by the stream.

        A message that is leaving is waited for; `in_flight` is there and true if that took too long.
        Where the address may mean two, as two sources spell it, it is said of both.
        """
        meant = self._addressed(address, key)
        change = read_body(body, ConsentChange)
        now = self._clock()
        effective = _effective(change, now, self._definitions()[1].policies)
        withdrawn = {purpose: effective for purpose, granted in change.consent.items() if not granted}
        keys = [self._pseudonyms.key(identifier) for identifier in meant]
        for identity_key in keys if withdrawn else ():
            # Before the event: if the stream is out of reach, the withdrawal stands and the caller sends it again.
            self._holds.place(identity_key, withdrawn, now // 1_000 + HOLD_LIFETIME)
        events = [
            _consent_event(identifier, identity_key, change, effective, key.source)
            for identifier, identity_key in zip(meant, keys, strict=True)
        ]
        request = Record(source=key.source, origin=Origin.INTERNAL, received_at=now, key="", trusted=True)
        self._stream.put(stream_entries(self._pseudonyms, request, events))
        answer = {"accepted": True, "message_id": events[0].message_id}
        return answer | ({"in_flight": True} if withdrawn and self._in_flight(keys) else {})

    def _addressed(self, address: str, caller: Key | None) -> tuple[Identifier, ...]:
        written = read_address(address)
        if caller is None:
            return (written,)
        [meant] = self._name([written], caller.source, self._definitions()[0])
        return meant

    def _sent(self, profile: Profile, definitions: Definitions, now: int) -> list[Delivery]:
        """The newest deliveries, also those to profiles that were merged into this one.

        A profile's id follows from the identifier that founded it, so those merged are looked for among the
        ids that follow from this profile's identifiers, in their first generation where they were unlinked since.
        Whoever was merged into a life before this one leads elsewhere: it was erased.
        """
        ids = [profile.profile_id]
        if profile.merges or profile.splits:
            identities = self._profiles.identities(profile.links, consistent=False)
            founded = {
                self._pseudonyms.profile_id(key, generation)
                for key, known in identities.items()
                for generation in (0, known.generation)
            }
            found = live(self._profiles, founded - set(ids), consistent=False)
            ids += sorted(one for one, item in found.items() if item.profile_id == profile.profile_id)
        sent = [one for profile_id in ids for one in self._deliveries.of_profile(profile_id)]
        return still_kept(sent, definitions, now)[:MAX_DELIVERIES]


def read_address(address: str) -> Identifier:
    """`namespace:value`, split at the first colon; 400 `invalid_identifier` for what identifies nobody."""
    namespace, colon, value = address.partition(":")
    identifier = normalise_identifier(namespace, value) if colon else None
    if identifier is None:
        raise AttuneError("invalid_identifier", "a profile is addressed as namespace:value, percent-encoded")
    return identifier


def _effective(change: ConsentChange, now: int, policies: Policies) -> int:
    """When the change counts from, never later than now.

    400 `unknown_purpose`, `unknown_notice`, `invalid_body`, `invalid_time`.
    """
    if not change.consent:
        raise AttuneError("invalid_body", "$.consent: names no purpose")
    unknown = sorted(set(change.consent) - policies.purposes.keys())
    if unknown:
        known = ", ".join(policies.purposes)
        raise AttuneError("unknown_purpose", f"not a purpose: {', '.join(unknown)}; known are {known}")
    shown = (change.evidence or _PLAIN_EVIDENCE).notice
    strange = sorted(name for name in change.consent if shown and shown not in policies.notices.get(name, ()))
    if strange:
        raise AttuneError("unknown_notice", f"no version of the notice of {', '.join(strange)}")
    return read_effective(change.effective_at, now)


def read_effective(text: str | None, now: int) -> int:
    """Since when a change counts, never later than now, which it is where nothing is said; 400 `invalid_time`."""
    if text is None:
        return now
    effective = parse_time(text)
    if effective is None or not _EARLIEST <= effective <= now + CLOCK_SKEW:
        raise AttuneError("invalid_time", "effective_at must be a time in ISO 8601, and not in the future")
    return min(effective, now)


def _consent_event(
    identifier: Identifier, identity_key: str, change: ConsentChange, effective: int, source: str
) -> Event:
    """Its id follows from what it says, so that a caller who sends the same change again says it once."""
    stated = msgspec.json.encode(sorted(change.consent.items()))
    evidence = change.evidence or _PLAIN_EVIDENCE
    content = short_hash("consent", source, identity_key, stated, str(effective)).hex()
    return Event(
        type=CONSENT,
        message_id=f"consent_{content}",
        time=effective,
        identifiers=(identifier,),
        consent=change.consent,
        evidence={"method": evidence.method} | ({"notice": evidence.notice} if evidence.notice else {}),
        fingerprint=content,
    )


def _said(record: Consent, now: int) -> Json:
    """Whether the purpose is granted now; what has an end tells it, also when it is over."""
    said = {"granted": record.granted and not record.ended(now), "at": iso(record.at) or None, "source": record.source}
    return said | ({"until": iso(record.until)} if record.until else {})


def _scores(profile: Profile) -> Json:
    return {
        model: {"value": score.value}
        | ({} if score.percentile is None else {"percentile": score.percentile})
        | {"version": score.version, "at": iso(score.at)}
        for model, score in sorted(profile.scores.items())
    }


def _shown(delivery: Delivery) -> Json:
    return {
        "delivery_id": delivery.delivery_id,
        "campaign": delivery.campaign,
        "state": str(delivery.state),
        "reason": delivery.reason,
        "created_at": iso(delivery.created_at),
    }
