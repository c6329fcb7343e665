"""Everything that is held of one person, gathered from every store: for them to read, and for a machine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.folding_apart import whose
from attune.domain.mentions import Mentions
from attune.domain.profile_state import decode_profile
from attune.domain.purposes import purposes_of
from attune.domain.working import Working
from attune.ports.privacy import After
from attune.ports.quarantine import Wanted
from attune.use_cases.find_profiles import find, live, markers
from attune.use_cases.gather_subjects import GatherSubjects
from attune.use_cases.name_subjects import NameSubjects
from attune.use_cases.open_events import open_events
from attune.use_cases.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from attune.domain.definitions import Definitions
    from attune.domain.erasure import Subject
    from attune.domain.privacy_requests import PrivacyRequest
    from attune.domain.profiles import Profile
    from attune.domain.quarantine import Quarantined
    from attune.domain.rebuilding import Told
    from attune.ports import Clock, DefinitionReader, Holds, Identified, ProfileItem, ProfileReader, Seal
    from attune.ports.deliveries import DeliveryStore
    from attune.ports.ledger import AccessRecords, ConsentChains
    from attune.ports.privacy import PrivacyRequests
    from attune.ports.quarantine import QuarantineStore
    from attune.ports.rebuilding import History

#: deliveries of one profile that are shown
MAX_DELIVERIES: Final = 1_000
#: characters of a refused input that are shown
MAX_INPUT: Final = 10_000
_PAGE: Final = 500
#: refused inputs that are read at a time
SIDE_BY_SIDE: Final = 16

type Json = dict[str, Any]


class ExportProfiles:
    """Callable with a request; reads and changes nothing. Events are those that the compacted lake holds."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        profiles: ProfileReader,
        holds: Holds,
        deliveries: DeliveryStore,
        consents: ConsentChains,
        accesses: AccessRecords,
        quarantine: QuarantineStore,
        requests: PrivacyRequests,
        history: History,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        seal: Seal,
        clock: Clock,
    ) -> None:
        self._profiles = profiles
        self._holds = holds
        self._deliveries = deliveries
        self._consents = consents
        self._accesses = accesses
        self._quarantine = quarantine
        self._requests = requests
        self._history = history
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._seal = seal
        self._clock = clock
        self._name = NameSubjects(pseudonyms)
        self._gather = GatherSubjects(profiles, pseudonyms)

    def __call__(self, request: PrivacyRequest) -> Json:
        """By part, each a list of entries, the oldest first; `LakeSlowError`."""
        definitions = self._definitions.current()
        named = self._name(request, definitions)
        subject = self._gather(request, named)
        keys = {self._pseudonyms.key(one) for one in named}
        items = {one.profile_id: one for one in find(self._profiles, keys, consistent=True).values()}
        people = {root: decode_profile(item.state) for root, item in items.items()}
        theirs = live(self._profiles, subject.profile_ids, consistent=True)  # not a life before, which was erased
        known = markers(self._profiles, subject.identity_keys, consistent=True)
        born = max((one.erased_at for one in known.values()), default=0)
        return {
            "request_id": request.request_id,
            "made_at": iso(self._clock()),
            "asked_for": [{"namespace": one.namespace, "value": one.value} for one in request.identifiers],
            "profiles": [_profile(one) for one in people.values()],
            "events": [_event(one) for one in sorted(self._told(people, items), key=lambda one: one.event.time)],
            "messages": list(self._messages(subject)),
            "consent_history": [_plain(one) for root in sorted(theirs) for one in self._consents.chain(root)],
            "holds": [
                {"purpose": purpose, "since": iso(since)}
                for purpose, since in sorted(self._holds.held(subject.identity_keys).items())
                if since > born
            ],
            "who_looked": [
                {"at": iso(one.at), "who": one.who, "route": one.route, "reason": one.reason}
                for one in self._accesses.of_subjects(subject.identity_keys)
                if one.at > born
            ],
            "refused_input": list(self._refused(_vouched_for(request, people.values()))),
            "requests": list(self._asked(request, subject, definitions)),
            "purposes": [
                {"purpose": one.id, "name": one.name, "description": one.description}
                for one in purposes_of(definitions).values()
            ],
            "recipients": [
                {"channel": one.id, "name": one.name, "purpose": one.purpose} for one in definitions.channels.values()
            ],
            "sources": [{"source": one.id, "name": one.name, "type": one.type} for one in definitions.sources.values()],
        }

    def _told(self, people: dict[str, Profile], items: dict[str, ProfileItem]) -> Iterator[Told]:
        loaded = {root: Working(one, items[root].version) for root, one in people.items()}
        events = open_events(self._profiles, self._seal, loaded, self._history.rows) if loaded else {}
        for root, found in events.items():
            yield from whose(people[root].splits, found, self._pseudonyms.key)

    def _messages(self, subject: Subject) -> Iterator[Json]:
        sent = (one for root in subject.profile_ids for one in self._deliveries.of_profile(root, MAX_DELIVERIES))
        for one in sorted(sent, key=lambda one: one.created_at):
            yield {
                "at": iso(one.created_at),
                "campaign": one.campaign,
                "channel": one.channel,
                "state": str(one.state),
                "reason": one.reason,
                "message": one.body,
            }

    def _refused(self, values: Iterable[str]) -> Iterator[Json]:
        """What could not be taken in and names them; it may name others beside them."""
        mentions = Mentions(values)
        after: Quarantined | None = None
        while True:
            page = self._quarantine.listed(Wanted(), after, _PAGE)
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                read = list(pool.map(self._quarantine.read, [listed.one for listed in page.found]))
            for listed, kept in zip(page.found, read, strict=True):
                if kept is not None and mentions(kept[0]):
                    yield {
                        "at": iso(listed.one.received_at),
                        "source": listed.one.source,
                        "reason": listed.one.reason,
                        "input": kept[0].decode("utf-8", "replace")[:MAX_INPUT],
                    }
            if page.reached is None:
                return
            after = page.reached

    def _asked(self, this: PrivacyRequest, subject: Subject, definitions: Definitions) -> Iterator[Json]:
        """Other requests that are not over; of what is over nobody knows whose it was."""
        keys = set(subject.identity_keys)
        for one in _open_requests(self._requests):
            named = {self._pseudonyms.key(name) for name in self._name(one, definitions)}
            if one.request_id != this.request_id and named & keys:
                yield {"request_id": one.request_id, "kind": one.kind, "at": iso(one.received_at), "state": one.state}


def _vouched_for(request: PrivacyRequest, people: Iterable[Profile]) -> set[str]:
    """What the officer has named, and what a trusted source has: a browser may call itself by any word there is."""
    named = {one.value for one in request.identifiers}
    return named | {link.identifier.value for one in people for link in one.links.values() if link.verified}


def _open_requests(requests: PrivacyRequests) -> Iterator[PrivacyRequest]:

    for state in ("received", "running"):
        after: After | None = None
        while page := requests.waiting(_PAGE, after, state=state):
            yield from page
            after = After(page[-1].due_at, page[-1].request_id)


def _profile(profile: Profile) -> Json:
    stays = ((*name.partition("\x1f")[::2], stay) for name, stay in sorted(profile.memberships.items()))
    return {
        "profile_id": profile.profile_id,
        "events": profile.events,
        "first_seen": iso(profile.first_seen),
        "last_seen": iso(profile.last_seen),
        "place": profile.place.value if profile.place else None,
        "identifiers": [
            {
                "namespace": link.identifier.namespace,
                "value": link.identifier.value,
                "since": iso(link.at),
                "verified": link.verified,
            }
            for link in sorted(profile.links.values(), key=lambda one: one.at)
        ],
        "traits": [
            {"trait": name, "value": trait.value, "since": iso(trait.time)}
            for name, trait in sorted(profile.traits.items())
            if trait.value is not None
        ],
        "consent": [
            {"purpose": purpose, "granted": one.granted, "since": iso(one.at), "source": one.source}
            for purpose, one in sorted(profile.consent.items())
        ],
        "segments": [
            {"segment": segment, "of": key, "from": iso(stay.entered_at), "until": iso(stay.left_at or 0)}
            for segment, key, stay in stays
        ],
        "lists": sorted(name for name, listed in profile.lists.items() if listed.value),
        "scores": [
            {"model": model, "value": score.value, "version": score.version, "at": iso(score.at)}
            for model, score in sorted(profile.scores.items())
        ],
        "carts": [
            {"cart": cart_id, "changed_at": iso(cart.changed_at), "products": cart.products, "details": cart.details}
            for cart_id, cart in sorted(profile.carts.items())
        ],
    }


def _event(told: Told) -> Json:
    event = told.event
    shown = _plain(event)
    for field in ("time", "fingerprint", "notes", "copy", "basis"):
        shown.pop(field, None)
    shown["identifiers"] = [{"namespace": one.namespace, "value": one.value} for one in event.identifiers]
    return {"at": iso(event.time)} | shown


def _plain(value: msgspec.Struct) -> Json:
    plain: Json = msgspec.to_builtins(value)
    return {name: iso(one) if name.endswith("_at") and isinstance(one, int) else one for name, one in plain.items()}
