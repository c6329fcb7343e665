"""The data catalog over HTTP, for the admin: which fields may be held of a person, and what becomes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune.domain.campaigns.deliveries import KEPT
from attune.domain.definitions.kinds import purposes_of
from attune.domain.identifiers import DAY
from attune.domain.privacy.catalog import catalog
from attune.domain.profiles.consent import STORE
from attune.sources.given_fields import given_fields
from attune.use_cases.management.show_times import iso

if TYPE_CHECKING:
    from attune.domain.definitions.purposes import Purpose
    from attune.ports import Clock, DefinitionReader

type Json = dict[str, Any]


class ShowCatalog:
    """Callable; reads definitions and nobody's data."""

    def __init__(self, *, definitions: DefinitionReader, clock: Clock) -> None:
        self._definitions = definitions
        self._clock = clock

    def __call__(self) -> Json:
        """`{made_at, purposes, sources, fields}`; fields as `catalog.Field`."""
        definitions = self._definitions.current()
        given = {source.id: given_fields(source) for source in definitions.sources.values()}
        return {
            "made_at": iso(self._clock()),
            "purposes": [
                {"purpose": one.id, "name": one.name, "description": one.description, "retention": _retention(one)}
                for one in purposes_of(definitions).values()
            ],
            "sources": [
                {"source": one.id, "type": one.type, "name": one.name, "country": one.country or None}
                for one in sorted(definitions.sources.values(), key=lambda one: one.id)
            ],
            "fields": [msgspec.to_builtins(one) for one in catalog(definitions, given)],
        }


def _retention(purpose: Purpose) -> Json:
    """Durations. `events`: of what storing needs only; null where rows stay until the person is erased."""
    said = purpose.retention
    rows = {"events": said.events} if purpose.id == STORE else {}
    return {"traits": said.traits, "messages": said.messages or f"{KEPT // DAY}d"} | rows
