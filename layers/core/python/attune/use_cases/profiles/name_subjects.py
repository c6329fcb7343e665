"""Every form in which a person named in a request may be known: as it is written, and as sources form it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.errors import AttuneError
from attune.domain.events import CONSENT, RECTIFY, Event
from attune.domain.identifiers import Identifier, by_strength, normalise_identifier
from attune.use_cases.collection.admit_events import AdmitEvents

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Identified

#: traits that are addresses too: where these are hashed, so is the trait
_ADDRESSES: Final = ("email", "phone")
#: orders by which a guest is looked for
MAX_ORDERS: Final = 100


class NameSubjects:
    """Callable with a request and the definitions: whom it names, in every form, strongest first.

    Without a source a request is about somebody of any source, so every source's form counts. Who names a guest's
    orders and nobody is found by the orders.
    """

    def __init__(self, pseudonyms: Identified) -> None:
        self._admit = AdmitEvents(pseudonyms)

    def __call__(self, request: PrivacyRequest, definitions: Definitions) -> tuple[Identifier, ...]:
        """Empty where the request is about all of a shop."""
        sources = _sources(request.source, definitions)
        return by_strength(one for named in _named(request) for one in (named, *self._forms(named, sources)))

    def check(self, identifiers: Sequence[Identifier], source: str, definitions: Definitions) -> None:
        """400 `ambiguous_subject` for a telephone number that is one of two people, by whose country code it lacks."""
        for one in identifiers:
            national = one.namespace == "phone" and not one.value.startswith("+")
            if national and len(self._forms(one, _sources(source, definitions)) - {one}) > 1:
                raise AttuneError(
                    "ambiguous_subject",
                    "a telephone number without its country code is another one by each source: write it with `+`, or "
                    "name the source",
                )

    def traits(
        self, traits: dict[str, Any], identifiers: Sequence[Identifier], source: str, definitions: Definitions
    ) -> dict[str, Any]:
        """A correction in the form in which its sources' words are kept: else what one hashes would lie there plainly.

        400 `ambiguous_traits` where sources keep it in several forms and none is named.
        """
        said = [normalise_identifier(name, traits[name]) for name in _ADDRESSES if traits.get(name) is not None]
        named = by_strength((*identifiers, *(one for one in said if one is not None)))
        event = Event(type=RECTIFY, message_id="", time=0, identifiers=named, traits=traits)
        formed = [self._admit.form(event, one).traits for one in _sources(source, definitions)] or [traits]
        if len({msgspec.json.encode(one, order="deterministic") for one in formed}) > 1:
            raise AttuneError(
                "ambiguous_traits",
                "$.traits: sources keep one of these in different forms (hashed, say): name the source whose words are "
                "corrected",
            )
        return formed[0]

    def _forms(self, identifier: Identifier, sources: Iterable[Source]) -> set[Identifier]:
        said = Event(type=CONSENT, message_id="", time=0, identifiers=(identifier,))
        return {one for source in sources for one in self._admit.form(said, source).identifiers}


def _named(request: PrivacyRequest) -> tuple[Identifier, ...]:
    orders = request.orders[:MAX_ORDERS]
    return request.identifiers or tuple(Identifier("shopify_order_id", order) for order in orders)


def _sources(source: str, definitions: Definitions) -> list[Source]:
    if not source:
        return list(definitions.sources.values())
    return [definitions.sources[source]] if source in definitions.sources else []
