"""What is held of somebody in our own tables, by part: their profile, and all that is kept by its id or their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.campaigns.deliveries import still_kept
from attune.domain.consent.holds import heard_with
from attune.domain.definitions.kinds import purposes_of
from attune.domain.past.folding_apart import surely_own
from attune.domain.privacy.catalog_kept import kept_in_words
from attune.domain.segments import computed_values
from attune.ports.privacy import After
from attune.use_cases.exports.open_cases import Step
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from attune.domain.privacy.requests import PrivacyRequest
    from attune.domain.profiles.profile import Profile, Trait
    from attune.ports import Holds
    from attune.ports.deliveries import DeliveryStore
    from attune.ports.ledger import AccessRecords, ConsentChains
    from attune.ports.privacy import PrivacyRequests
    from attune.use_cases.exports.open_cases import Case, OpenCases, Part

#: requests of one look at the index
_PAGE: Final = 500
#: what a profile counts with, in its own words
_WORKINGS: Final = ("windows", "samples", "sessions", "timers", "activity")

type Json = dict[str, Any]


class GatherParts:
    """Each part at one go: what there is of one person in tables is read in minutes, however much it is."""

    def __init__(
        self,
        *,
        holds: Holds,
        deliveries: DeliveryStore,
        consents: ConsentChains,
        accesses: AccessRecords,
        requests: PrivacyRequests,
        open_case: OpenCases,
    ) -> None:
        self._holds = holds
        self._deliveries = deliveries
        self._consents = consents
        self._accesses = accesses
        self._requests = requests
        self._open_case = open_case

    def parts(self) -> dict[str, Part]:
        """By name."""
        return {
            "asked_for": _at_once(_asked_for),
            "profiles": self._profiles,
            "messages": _at_once(self._messages),
            "consent_history": _at_once(self._consent_history),
            "holds": _at_once(self._held),
            "suppressions": _at_once(_suppressions),
            "who_looked": _at_once(self._who_looked),
            "requests": _at_once(self._asked),
            "purposes": _at_once(_purposes),
            "recipients": _at_once(_recipients),
            "sources": _at_once(_sources),
        }

    def _profiles(self, case: Case, _: str) -> Iterator[Step]:
        """All that is stored, whatever it may be used for; what is only worked out is told as far as it may be used.

        Of who was unlinked, and is not folded apart yet, what is surely theirs.
        """
        for profile in case.profiles():
            own, left_out = surely_own(profile)
            heard = heard_with(own.consent, self._holds.held(own.links))
            gated = msgspec.structs.replace(own, consent=heard)
            computed = {} if own is not profile else computed_values(case.compiled, gated, case.at)
            told = case.compiled.policies.traits.held(own.traits, case.at)
            yield Step(_profile(own, told, computed))
            yield from (Step(left_out="not_told_apart") for _ in range(left_out))

    def _messages(self, case: Case) -> Iterator[Json]:
        sent = [one for profile_id in case.subject.profile_ids for one in self._deliveries.of_profile(profile_id)]
        for one in reversed(still_kept(sent, case.definitions, case.at)):
            yield {
                "at": iso(one.created_at),
                "campaign": one.campaign,
                "channel": one.channel,
                "state": str(one.state),
                "reason": one.reason,
                "message": one.body,
            }

    def _consent_history(self, case: Case) -> Iterator[Json]:
        """Not of a life before, which was erased."""
        for profile_id in case.theirs:
            yield from map(plain, self._consents.chain(profile_id))

    def _held(self, case: Case) -> Iterator[Json]:
        for purpose, since in sorted(self._holds.held(case.subject.identity_keys).items()):
            if since > case.born:
                yield {"purpose": purpose, "since": iso(since)}

    def _who_looked(self, case: Case) -> Iterator[Json]:
        """Key by key, so that not all lie in memory."""
        for key in case.subject.identity_keys:
            for one in self._accesses.of_subjects([key]):
                if one.at > case.born:
                    yield {"at": iso(one.at), "who": one.who, "route": one.route, "reason": one.reason}

    def _asked(self, case: Case) -> Iterator[Json]:
        """Other requests that are not over; of what is over nobody knows whose it was."""
        keys = set(case.subject.identity_keys)
        for one in _open_requests(self._requests):
            if one.request_id != case.request.request_id and self._open_case.named(one) & keys:
                yield {"request_id": one.request_id, "kind": one.kind, "at": iso(one.received_at), "state": one.state}


def _at_once(gather: Callable[[Case], Iterator[Json]]) -> Part:
    return lambda case, _: (Step(entry) for entry in gather(case))


def _open_requests(requests: PrivacyRequests) -> Iterator[PrivacyRequest]:
    for state in ("received", "running"):
        after: After | None = None
        while page := requests.waiting(_PAGE, after, state=state):
            yield from page
            after = After(page[-1].due_at, page[-1].request_id)


def _asked_for(case: Case) -> Iterator[Json]:
    for one in case.request.identifiers:
        yield {"namespace": one.namespace, "value": one.value}
    for order in case.request.orders:
        yield {"namespace": "order", "value": order}


def _suppressions(case: Case) -> Iterator[Json]:
    """One of each instant: which identifiers it is about stands in the request."""
    for since in sorted({one.suppressed_at for one in case.marked.values() if one.suppressed_at}):
        yield {"since": iso(since)}


def _purposes(case: Case) -> Iterator[Json]:
    for one in purposes_of(case.definitions).values():
        yield {"purpose": one.id, "name": one.name, "description": one.description, "kept": kept_in_words(one)}


def _recipients(case: Case) -> Iterator[Json]:
    for one in case.definitions.channels.values():
        yield {"channel": one.id, "name": one.name, "purpose": one.purpose}


def _sources(case: Case) -> Iterator[Json]:
    for one in case.definitions.sources.values():
        yield {"source": one.id, "name": one.name, "type": one.type}


def _profile(profile: Profile, told: Mapping[str, Trait], computed: Json) -> Json:
    """`told`: traits whose time is not up. Of traits those told, then those computed, as a profile has them."""
    stays = ((*name.partition("\x1f")[::2], stay) for name, stay in sorted(profile.memberships.items()))
    return {
        "profile_id": profile.profile_id,
        "events": profile.events,
        "first_seen": iso(profile.first_seen),
        "last_seen": iso(profile.last_seen),
        "place": profile.place.value if profile.place else None,
        "identifiers": _identifiers(profile),
        "traits": _traits(told, computed),
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
            {"cart": name, "changed_at": iso(cart.changed_at), "products": cart.products, "details": cart.details}
            for name, cart in sorted(profile.carts.items())
        ],
        "workings": {
            name: msgspec.to_builtins(value, str_keys=True) for name in _WORKINGS if (value := getattr(profile, name))
        },
    }


def _identifiers(profile: Profile) -> list[Json]:
    return [
        {
            "namespace": link.identifier.namespace,
            "value": link.identifier.value,
            "since": iso(link.at),
            "verified": link.verified,
        }
        for link in sorted(profile.links.values(), key=lambda one: one.at)
    ]


def _traits(told: Mapping[str, Trait], computed: Json) -> list[Json]:
    said = [
        {"trait": name, "value": trait.value, "since": iso(trait.time)}
        for name, trait in sorted(told.items())
        if trait.value is not None
    ]
    return said + [{"trait": name, "value": value, "computed": True} for name, value in computed.items()]


def plain(value: msgspec.Struct) -> Json:
    """By field; times as people read them."""
    shown: Json = msgspec.to_builtins(value)
    return {name: iso(one) if name.endswith("_at") and isinstance(one, int) else one for name, one in shown.items()}
