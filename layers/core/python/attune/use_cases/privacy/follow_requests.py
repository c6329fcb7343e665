"""Whether what a request has set going has come to its end: the stream has carried it, and the profiles show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune.domain.consent.trait_lifetimes import FOR_GOOD
from attune.domain.erasure.subjects import decode_subject, subjects_of
from attune.domain.identifiers import WEAK
from attune.domain.profiles.consent import RESTRICTION
from attune.domain.profiles.profile import Trait
from attune.domain.profiles.splits import is_pending
from attune.domain.profiles.state import decode_profile
from attune.use_cases.profiles.find_profiles import ends, find, live, markers
from attune.use_cases.profiles.gather_subjects import absorbed_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune.domain.consent.trait_lifetimes import TraitLifetimes
    from attune.domain.erasure.subjects import Subject
    from attune.domain.identifiers import Identifier
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.domain.profiles.profile import Profile
    from attune.ports import MergeIndex, ProfileReader
    from attune.ports.documents import Documents


class FollowRequests:
    """Callable with a request; reads consistently and changes nothing."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        documents: Documents,
        named: Callable[[PrivacyRequest], Mapping[str, Identifier]],
        lifetimes: Callable[[], TraitLifetimes] = lambda: FOR_GOOD,
    ) -> None:
        """`named`: whom a request names, by identity key. `lifetimes`: for how long traits are kept, today."""
        self._profiles = profiles
        self._documents = documents
        self._named = named
        self._lifetimes = lifetimes

    def __call__(self, request: PrivacyRequest) -> bool:
        """Of an erasure: nobody is left of its subjects, and whoever comes under their names is told what is over."""
        named = self._named(request)
        match request.kind:
            case "erasure" | "shop_erasure":
                subjects = self.subjects(request)
                return bool(subjects) and self._is_marked(request, named) and not self._are_there(subjects)
            case "suppression" | "suppression_end":
                keys = {*named, *linked(people(self._profiles, named))}
                known = markers(self._profiles, keys, consistent=True)
                on = request.kind == "suppression"
                return all((key in known and known[key].suppressed_at > 0) == on for key in keys)
            case "restriction" | "restriction_end":
                records = [one.consent.get(RESTRICTION) for one in people(self._profiles, named)]
                ended = request.kind == "restriction_end"
                return all(record.granted == ended if record else ended for record in records)
            case "rectification":
                kept_for = self._lifetimes()
                return all(_is_corrected(one, request, kept_for) for one in people(self._profiles, named))
            case "access":
                return True

    def subjects(self, request: PrivacyRequest) -> dict[str, Subject]:
        """Of an erasure, by their documents' keys."""
        found = {key: self._documents.get(key) for key in self._documents.keys(subjects_of(request.request_id))}
        return {key: decode_subject(data) for key, data in found.items() if data is not None}

    def to_its_end(self, subject: Subject) -> Subject:
        """With the graves that its profiles have ended in: one may have become another before it was erased."""
        graves = ends(self._profiles, subject.profile_ids, consistent=True).values()
        profile_ids = {*subject.profile_ids, *(one.profile_id for one in graves)}
        pages = {*subject.pages, *(page.hex() for one in graves for page in one.pages)}
        return msgspec.structs.replace(subject, profile_ids=tuple(sorted(profile_ids)), pages=tuple(sorted(pages)))

    def came_of(self, request: PrivacyRequest) -> str:
        """`erased`, `already_erased` before this request, or `nobody_known`."""
        ids = {one for subject in self.subjects(request).values() for one in subject.profile_ids}
        graves = [one.erased_at or 0 for one in ends(self._profiles, ids, consistent=True).values()]
        if any(at >= request.started_at for at in graves):
            return "erased"
        return "already_erased" if graves else "nobody_known"

    def nobody(self, request: PrivacyRequest) -> str:
        """`already_erased` or `nobody_known` where nobody is known by what it names; else empty."""
        named = self._named(request)
        if people(self._profiles, named):
            return ""
        known = markers(self._profiles, named, consistent=True)
        return "already_erased" if any(one.erased_at for one in known.values()) else "nobody_known"

    def erased_at(self, subject: Subject) -> int:
        """The latest instant at which somebody of it was erased, ms."""
        known = markers(self._profiles, subject.identity_keys, consistent=True)
        return max((one.erased_at for one in known.values()), default=0)

    def unlinked_from(self, subjects: Iterable[Subject]) -> list[str]:
        """An identity key each of the people who were one with one of these, and still have what was theirs."""
        others = {shared.profile_id for subject in subjects for shared in subject.shared}
        items = {one.profile_id: one for one in live(self._profiles, others, consistent=True).values()}
        people = [decode_profile(item.state) for item in items.values()]
        return sorted(min(one.links) for one in people if is_pending(one))

    def mixed(self, subject: Subject, merges: MergeIndex, erased_at: int) -> dict[str, int]:
        """Under whose ids messages may be made of a subject's words, and until when (ms): `Subject.mixed`.

        Of who was unlinked from them, whoever that is by now, and of all these absorbed: until they were folded apart.
        Where nobody noted when that was, up to the erasure.
        """
        found: dict[str, int] = {}
        others = live(self._profiles, {one.profile_id for one in subject.shared}, consistent=True)
        for shared in subject.shared:
            if shared.profile_id in others:
                profile = decode_profile(others[shared.profile_id].state)
                split = profile.splits.get(shared.pair)
                until = (split.folded_at if split else 0) or erased_at
                for one in (profile.profile_id, shared.profile_id, *absorbed_by(merges, [profile.profile_id])):
                    found[one] = max(found.get(one, 0), until)
        return found

    def _is_marked(self, request: PrivacyRequest, named: Mapping[str, Identifier]) -> bool:
        known = markers(self._profiles, named, consistent=True)
        return all(key in known and known[key].erased_at >= request.started_at for key in named)

    def _are_there(self, subjects: Mapping[str, Subject]) -> bool:
        return any(live(self._profiles, one.profile_ids, consistent=True) for one in subjects.values())


def people(profiles: ProfileReader, named: Mapping[str, Identifier]) -> list[Profile]:
    """Who is known by these names."""
    items = {one.profile_id: one for one in find(profiles, named, consistent=True).values()}
    return [decode_profile(item.state) for item in items.values()]


def linked(profiles: Iterable[Profile]) -> dict[str, Identifier]:
    """By identity key what these people are known by, but for what is carried by things."""
    links = {key: link.identifier for one in profiles for key, link in one.links.items()}
    return {key: identifier for key, identifier in links.items() if identifier.namespace not in WEAK}


def _is_corrected(profile: Profile, request: PrivacyRequest, kept_for: TraitLifetimes) -> bool:
    """A trait that somebody has said later is theirs to say; one whose time is up since is not there any more."""
    for name, value in request.traits.items():
        end = kept_for.end(name, Trait(value, request.started_at, b""))
        known = profile.traits.get(name)
        if (known is None or known.time < request.started_at) and (end is None or profile.as_of < end):
            return False
    return True
