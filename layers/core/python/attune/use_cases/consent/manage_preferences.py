"""What a person may decide about themselves, under a signed link: to see it, to change it, to be mailed no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.consent.choices import change, standing
from attune.domain.consent.policies import policies_of
from attune.domain.consent.preference_links import PreferenceLink, read_link
from attune.domain.definitions.kinds import purposes_of
from attune.domain.errors import AttuneError
from attune.domain.events import CONSENT, Event, Origin, Record, short_hash
from attune.domain.identity.markers import UNMARKED
from attune.domain.identity.resolution import expired
from attune.domain.profiles.state import decode_profile
from attune.sources.consent_signals import GPC, ConsentSignals
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.profiles.find_profiles import current, markers
from attune.use_cases.profiles.manage_profiles import HOLD_LIFETIME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from attune.domain.consent.choices import Standing
    from attune.domain.profiles.profile import Profile
    from attune.ports import Clock, DefinitionReader, EventStream, Holds, Identified, ProfileReader

#: what one click on "unsubscribe" in a mail program withdraws (RFC 8058)
MAIL: Final = "email"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever a link leads to."""

    link: PreferenceLink
    profile: Profile
    #: nothing is taken in of them, but what they refuse
    suppressed: bool


class ManagePreferences:
    """`secret` answers the deployment's identity secret, which signs links; every other change is an event or a hold.

    Showing changes nothing, whoever asks and however often: programs look behind links in mails before people do.
    """

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        holds: Holds,
        definitions: DefinitionReader,
        stream: EventStream,
        pseudonyms: Identified,
        secret: Callable[[], bytes],
        in_flight: Callable[[Collection[str]], bool],
        clock: Clock,
    ) -> None:
        """`in_flight`: `AwaitDeliveries`."""
        self._profiles = profiles
        self._holds = holds
        self._definitions = definitions
        self._stream = stream
        self._pseudonyms = pseudonyms
        self._secret = secret
        self._in_flight = in_flight
        self._clock = clock

    def open(self, token: str) -> PreferenceLink:
        """The link, proven; 403 `invalid_link`, 410 `link_expired`."""
        return read_link(self._secret(), token, self._clock())

    def heeds_gpc(self) -> bool:
        """Whether Global Privacy Control withdraws anything: purposes may be defined so that it speaks of none."""
        return bool(ConsentSignals(purposes_of(self._definitions.current())).of_signal(GPC))

    def show(self, link: PreferenceLink) -> Standing | None:
        """How it stands; None where nothing is held of whom the link is for."""
        person = self._behind(link)
        return None if person is None else self._standing(person)

    def save(self, link: PreferenceLink, answer: Mapping[str, bool], seen: str) -> Standing | None:
        """How it stands after an answer, by purpose, to what was `seen`; purposes left out stay as they are.

        400 `unknown_purpose`; 409 `choices_changed` where something was to be allowed in answer to what is not so any
        more: what was refused is refused all the same.
        """
        person = self._behind(link)
        if person is None:
            return None
        stands = self._standing(person)
        if not answer.keys() <= {one.purpose for one in stands.choices}:
            raise AttuneError("unknown_purpose", "the form names a purpose that is none")
        changed = change(stands, answer, seen)
        said = dict.fromkeys(changed.granted, True) | dict.fromkeys(changed.withdrawn, False)
        in_flight = self._state(person, said, {one.purpose: one.notice for one in stands.choices})
        if changed.outdated:
            raise AttuneError("choices_changed", "the choices have changed since the page was opened", status=409)
        return _answered(stands, answer, in_flight=in_flight)

    def unsubscribe(self, link: PreferenceLink) -> Standing | None:
        """What a mail program's one click says."""
        person = self._behind(link)
        if person is None:
            return None
        in_flight = self._state(person, {MAIL: False}, {})
        return _answered(self._standing(person), {MAIL: False}, in_flight=in_flight)

    def _behind(self, link: PreferenceLink) -> Person | None:
        """None also of whoever came later under an identifier whose holder was erased: the link was not theirs."""
        key = link.identity_key
        identity = self._profiles.identities([key], consistent=True).get(key)
        if identity is None or not identity.profile_id or expired(identity, self._clock()):
            return None
        item = current(self._profiles, identity.profile_id, consistent=True)
        profile = decode_profile(item.state) if item is not None and item.state else None
        if profile is None or key not in profile.links:
            return None
        against = markers(self._profiles, [key], consistent=True).get(key, UNMARKED)
        if against.erased_at >= link.made_at:
            return None
        return Person(link=link, profile=profile, suppressed=against.suppressed_at > 0)

    def _standing(self, person: Person) -> Standing:
        policies = policies_of(self._definitions.current())
        held = self._holds.held(person.profile.links)
        known = policies.standing(person.profile)
        return standing(policies, known, held, self._clock(), suppressed=person.suppressed)

    def _state(self, person: Person, consent: dict[str, bool], notices: Mapping[str, str]) -> bool:
        """First what is withdrawn is held, then all goes onto the stream: if that is away, the withdrawal stands.

        One statement for each version of a notice that was shown. A message that is leaving is waited for; answers
        whether one may still be.
        """
        now = self._clock()
        withdrawn = {purpose: now for purpose, granted in consent.items() if not granted}
        if withdrawn:
            self._holds.place(person.link.identity_key, withdrawn, now // 1_000 + HOLD_LIFETIME)
        said: dict[str, dict[str, bool]] = {}
        for purpose, granted in consent.items():
            said.setdefault(notices.get(purpose, ""), {})[purpose] = granted
        events = [_statement(person, part, notice, now) for notice, part in sorted(said.items())]
        if events:
            request = Record(source=person.link.source, origin=Origin.INTERNAL, received_at=now, key="", trusted=True)
            self._stream.put(stream_entries(self._pseudonyms, request, events))
        return bool(withdrawn) and self._in_flight([person.link.identity_key])


def _answered(stands: Standing, answer: Mapping[str, bool], *, in_flight: bool) -> Standing:
    """As it will stand when the stream has carried the answer."""
    choices = tuple(
        msgspec.structs.replace(one, allowed=answer[one.purpose], decided=True) if one.purpose in answer else one
        for one in stands.choices
    )
    return msgspec.structs.replace(stands, choices=choices, in_flight=in_flight)


def _statement(person: Person, consent: dict[str, bool], notice: str, now: int) -> Event:
    key = person.link.identity_key
    stated = msgspec.json.encode(sorted(consent.items()))
    content = short_hash("preferences", person.link.source, key, stated, str(now)).hex()
    return Event(
        type=CONSENT,
        message_id=f"preferences_{content}",
        time=now,
        identifiers=(person.profile.links[key].identifier,),
        consent=consent,
        evidence={"method": "preference_page"} | ({"notice": notice} if notice else {}),
        fingerprint=content,
    )
