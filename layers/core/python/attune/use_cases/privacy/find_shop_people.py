"""Everybody of whom a source has told us: the lake names the source of every event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.identifiers import WEAK, by_strength
from attune.domain.profiles.state import decode_profile
from attune.use_cases.past.open_events import next_people
from attune.use_cases.profiles.find_profiles import live

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune.domain.identifiers import Identifier
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Identified, ProfileReader
    from attune.ports.rebuilding import History
    from attune.use_cases.privacy.begin_requests import BeginRequests

#: people whose rows are looked at together; at most as many are one subject
PAGE: Final = 100


class Found(msgspec.Struct, kw_only=True):
    """How far a search has come: where everybody's rows lie, where the next page begins, and whom it has found."""

    place: str = ""
    after: int = 0
    parts: int = 0
    people: int = 0
    done: bool = False


class FindShopPeople:
    """Callable page by page; whom it finds, it begins to erase, one subject a page."""

    def __init__(
        self, *, profiles: ProfileReader, history: History, begin: BeginRequests, pseudonyms: Identified
    ) -> None:
        self._profiles = profiles
        self._history = history
        self._begin = begin
        self._pseudonyms = pseudonyms

    def __call__(self, request: PrivacyRequest, position: Any) -> Found:
        """One page further than the answer before, `position`; `LakeSlowError`. Repeated it finds the same people."""
        found = msgspec.convert(position or {}, Found)
        if not found.place:
            found.place = self._history.lay_out()
        people = next_people(self._history, found.place, found.after, PAGE)
        theirs = [person.root for person in people if any(row.source == request.source for row in person.rows)]
        named = self._named(theirs)
        if named:
            self._begin.erase(request, named, found.parts)
            found.parts += 1
            found.people += len(named)
        found.after = people[-1].end if people else found.after
        found.done = not people
        if found.done and not found.parts:
            self._begin.erase(request, [])  # so that it ends as every erasure does
        return found

    def _named(self, roots: Collection[str]) -> list[dict[str, Identifier]]:
        """Each by their strongest name; who has been forgotten meanwhile has none."""
        items = {item.profile_id: item for item in live(self._profiles, roots, consistent=True).values()}
        named = []
        for item in items.values():
            links = [link.identifier for link in decode_profile(item.state).links.values()]
            own = by_strength(one for one in links if one.namespace not in WEAK) or by_strength(links)
            named += [{self._pseudonyms.key(own[0]): own[0]}] if own else []
        return named
