"""Whom a server's call addresses: named as their source's events name them, where that has a form of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune.domain.events import CONSENT, Event
from attune.use_cases.collection.admit_events import AdmitEvents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.identifiers import Identifier
    from attune.ports import Identified, ProfileReader


class NamePeople:
    """Callable with identifiers as they are written, the caller's source and the definitions: as they are stored."""

    def __init__(self, profiles: ProfileReader, pseudonyms: Identified) -> None:
        self._profiles = profiles
        self._pseudonyms = pseudonyms
        self._admit = AdmitEvents(pseudonyms)

    def __call__(
        self, written: Sequence[Identifier], source_id: str, definitions: Definitions
    ) -> list[tuple[Identifier, ...]]:
        """In their order, whom each may mean, never nobody: as it is written, where somebody is known so; in its form.

        So a person may be named as they write themselves and as a profile's answer shows them. Where these are two
        people, another source having no such form, both are meant.
        """
        formed = [self._formed(one, source_id, definitions) for one in written]
        changed = [one for one, other in zip(written, formed, strict=True) if one != other]
        keys = {one: self._pseudonyms.key(one) for one in (*changed, *formed)} if changed else {}
        known = self._profiles.identities(keys.values(), consistent=True) if keys else {}
        meant: list[tuple[Identifier, ...]] = []
        for one, other in zip(written, formed, strict=True):
            if one == other or keys[one] not in known:
                meant.append((other,))
            else:
                meant.append((one, other) if keys[other] in known else (one,))
        return meant

    def _formed(self, identifier: Identifier, source_id: str, definitions: Definitions) -> Identifier:
        source = definitions.sources.get(source_id)
        if source is None:
            return identifier
        said = Event(type=CONSENT, message_id="", time=0, identifiers=(identifier,))
        formed = self._admit.form(said, source).identifiers
        return formed[0] if formed else identifier
