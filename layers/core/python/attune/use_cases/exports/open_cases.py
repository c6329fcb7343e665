"""Whom an access request is about: who they are to us just now, and by what all that is kept of them is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from attune.domain.erasure.mentions import Mentions
from attune.domain.processing.working import Working
from attune.domain.profiles.state import decode_profile
from attune.use_cases.definitions.compile_definitions import CompileDefinitions
from attune.use_cases.profiles.find_profiles import find, live, markers
from attune.use_cases.profiles.gather_subjects import GatherSubjects
from attune.use_cases.profiles.name_subjects import NameSubjects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from attune.domain.definitions.kinds import Definitions
    from attune.domain.erasure.subjects import Subject
    from attune.domain.identity.markers import Marker
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.domain.profiles.profile import Profile
    from attune.domain.segments import Compiled
    from attune.ports import DefinitionReader, Identified, ProfileReader

type Json = dict[str, Any]


class Step(NamedTuple):
    """What a part of an export has found: an entry, or none. `place`: behind it the part can be gone on with later.

    `left_out`: a code, if there is something here that cannot be shown.
    """

    entry: Json | None = None
    place: str = ""
    left_out: str = ""


#: one part, from a place on
type Part = Callable[["Case", str], Iterable[Step]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request with everything that finding what is held takes.

    `people`: live profiles by id. `theirs`: what has become of all their profiles that is alive. `marked`: what stands
    against their identifiers; `born`: when the life before this one ended (ms), 0 for none. `mentions`: whether bytes
    name them. `at` (ms): as of when.
    """

    request: PrivacyRequest
    definitions: Definitions
    compiled: Compiled
    subject: Subject
    people: dict[str, Working]
    theirs: tuple[str, ...]
    marked: dict[str, Marker]
    born: int
    mentions: Mentions
    at: int

    def profiles(self) -> Iterator[Profile]:
        """Those of `people`."""
        return (one.profile for one in self.people.values())


class OpenCases:
    """Callable; reads consistently and writes nothing."""

    def __init__(self, profiles: ProfileReader, definitions: DefinitionReader, pseudonyms: Identified) -> None:
        self._profiles = profiles
        self._definitions = CompileDefinitions(definitions)
        self._pseudonyms = pseudonyms
        self._name = NameSubjects(pseudonyms)
        self._gather = GatherSubjects(profiles, pseudonyms)

    def __call__(self, request: PrivacyRequest, at: int) -> Case:
        """As they are now; `at` (ms) is as of when time is told."""
        definitions, compiled = self._definitions()
        named = self._name(request, definitions)
        subject = self._gather(request, named)
        keys = {self._pseudonyms.key(one) for one in named}
        items = {one.profile_id: one for one in find(self._profiles, keys, consistent=True).values()}
        people = {root: Working(decode_profile(item.state), item.version) for root, item in items.items()}
        marked = markers(self._profiles, subject.identity_keys, consistent=True)
        return Case(
            request=request,
            definitions=definitions,
            compiled=compiled,
            subject=subject,
            people=people,
            theirs=tuple(sorted(live(self._profiles, subject.profile_ids, consistent=True))),
            marked=marked,
            born=max((one.erased_at for one in marked.values()), default=0),
            mentions=_mentions(request, subject, (one.profile for one in people.values())),
            at=at,
        )

    def named(self, request: PrivacyRequest) -> set[str]:
        """Identity keys of whom a request names."""
        return {self._pseudonyms.key(one) for one in self._name(request, self._definitions()[0])}


def _mentions(request: PrivacyRequest, subject: Subject, people: Iterable[Profile]) -> Mentions:
    """What the officer has named, and what a trusted source has: a browser may call itself by any word there is.

    And our own ids of them, by which records of ours name them; nobody else can write those.
    """
    named = {one.value for one in request.identifiers}
    vouched = {link.identifier.value for one in people for link in one.links.values() if link.verified}
    return Mentions((*named, *vouched, *subject.profile_ids, *subject.identity_keys), request.orders)
