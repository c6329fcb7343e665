"""What a request sets going: holds that act at once, then an event of ours on the stream, which does the rest.

Everything here may be repeated: the events of a request are the same whenever they are made, and say when it began.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.definitions.kinds import purposes_of
from attune.domain.erasure.subjects import decode_subject, encode_subject, subject_key
from attune.domain.events import CONSENT, ERASE, RECTIFY, SUPPRESS, Event, Origin, Record, short_hash
from attune.domain.identifiers import by_strength
from attune.domain.identity.markers import OURS
from attune.domain.processing.forgetting import digest_of
from attune.domain.profiles.consent import RESTRICTION
from attune.use_cases.collection.write_records import stream_entries
from attune.use_cases.privacy.follow_requests import linked, people
from attune.use_cases.profiles.find_profiles import find, markers
from attune.use_cases.profiles.gather_subjects import GatherSubjects, unite
from attune.use_cases.profiles.manage_profiles import HOLD_LIFETIME
from attune.use_cases.profiles.name_subjects import NameSubjects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from attune.domain.erasure.subjects import Subject
    from attune.domain.identifiers import Identifier
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import DefinitionReader, EventStream, Holds, Identified, ProfileReader
    from attune.ports.documents import Documents

    #: by identity key
    type Named = dict[str, Identifier]

#: identifiers of one event: what they mark is written in one transaction
TOGETHER: Final = 40


class BeginRequests:
    """Callable with a request in state `running`."""

    def __init__(
        self,
        *,
        profiles: ProfileReader,
        holds: Holds,
        stream: EventStream,
        documents: Documents,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        in_flight: Callable[[Collection[str]], bool] = lambda _: False,
    ) -> None:
        """`documents`: where the subjects of erasures lie until they are over. `in_flight`: `AwaitDeliveries`.

        Without it nobody is waited for: where nobody is answered either.
        """
        self._profiles = profiles
        self._holds = holds
        self._stream = stream
        self._documents = documents
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._name = NameSubjects(pseudonyms)
        self._gather = GatherSubjects(profiles, pseudonyms)
        self._in_flight = in_flight

    def __call__(self, request: PrivacyRequest) -> bool:
        """Whether a message may still be leaving for whom it holds, after waiting for that.

        Holds first: should the stream be out of reach, the hold stands, and this is done again.
        """
        named = self.named(request)
        match request.kind:
            case "erasure":
                return self.erase(request, [named])
            case "suppression" | "suppression_end":
                self._suppress(request, named)
            case "restriction" | "restriction_end":
                return self._restrict(request, named)
            case "rectification":
                known = self._known(named)
                self._put(request, [_event(request, RECTIFY, (one,), traits=request.traits) for one in known])
            case "access" | "shop_erasure":
                pass  # these begin with what the lake says
        return False

    def named(self, request: PrivacyRequest) -> dict[str, Identifier]:
        """Whom it names, in every form, by identity key."""
        return {self._pseudonyms.key(one): one for one in self._name(request, self._definitions.current())}

    def erase(self, request: PrivacyRequest, people: Sequence[Named], part: int = 0) -> bool:
        """Forget each of these people, by what they are named. `part`: of the request's subjects. Answers as a call.

        By what they can be recognised is written down first: once the event is applied, nobody knows it any more, and
        who goes by these names then is somebody new.
        """
        still_there = [one for one in people if not self._is_over(request, one)]
        if people and not still_there:
            return False
        named = {key: identifier for one in still_there for key, identifier in one.items()}
        in_flight = self._hold(named, purposes_of(self._definitions.current()), request.started_at)
        gathered = self._digests(named)
        subject = self._gather(request, named.values())
        key = subject_key(request.request_id, part)
        known = self._documents.get(key)
        self._documents.put(key, encode_subject(unite(decode_subject(known), subject) if known else subject))
        properties = {"request_id": request.request_id, "suppress": request.suppress, "gathered": gathered}
        self._put(request, [_event(request, ERASE, one.values(), properties=properties) for one in still_there])
        return in_flight

    def release(self, request: PrivacyRequest, subjects: Iterable[Subject]) -> None:
        """Of an erasure that is done: what was held up to it is held no more, or it would hold whoever comes back.

        Not before every sender is over that could have found the person there: rows are waited for longer than that.
        Only under keys that were marked since it began; another's hold under a key that moved on is none of ours.
        """
        keys = {key for subject in subjects for key in subject.identity_keys}
        marked = markers(self._profiles, keys, consistent=True)
        over = [key for key, known in marked.items() if known.erased_at >= request.started_at]
        self._holds.lift(over, request.started_at)

    def _digests(self, named: Named) -> dict[str, str]:
        """Who they are, read before all else: who is somebody else once it comes to it, is gathered and erased anew."""
        return {one.profile_id: digest_of(one) for one in people(self._profiles, named)}

    def _is_over(self, request: PrivacyRequest, named: Named) -> bool:
        """Whether an erasure of these names was applied since the request began."""
        known = markers(self._profiles, named, consistent=True)
        return all(key in known and known[key].erased_at >= request.started_at for key in named)

    def _suppress(self, request: PrivacyRequest, named: Named) -> None:
        """By everything that is linked: else who goes on under another name of theirs is taken in."""
        identifiers = list((named | linked(people(self._profiles, named))).values())
        properties = {"request_id": request.request_id, "on": request.kind == "suppression"}
        parts = itertools.batched(identifiers, TOGETHER, strict=False)
        self._put(request, [_event(request, SUPPRESS, by_strength(part), properties=properties) for part in parts])

    def _restrict(self, request: PrivacyRequest, named: Named) -> bool:
        """Who is not known has nothing that could be used; the hold is there for whoever is known in a moment."""
        ends = request.kind == "restriction_end"
        in_flight = not ends and self._hold(named, [RESTRICTION], request.started_at)
        said: dict[str, Any] = {"consent": {RESTRICTION: ends}, "evidence": {"method": "request"}}
        self._put(request, [_event(request, CONSENT, (one,), **said) for one in self._known(named)])
        return in_flight

    def _known(self, named: Named) -> list[Identifier]:
        """The strongest name of everybody who is known: an event that named two people would make them one."""
        found = find(self._profiles, named, consistent=True)
        by_root: dict[str, Identifier] = {}
        for key, identifier in named.items():
            if key in found:
                by_root.setdefault(found[key].profile_id, identifier)
        return list(by_root.values())

    def _hold(self, named: Named, purposes: Iterable[str], since: int) -> bool:
        """Whether a message may still be leaving; asked before any event makes these names lead to nobody."""
        held = dict.fromkeys(purposes, since)
        for key in named:
            self._holds.place(key, held, since // 1_000 + HOLD_LIFETIME)
        return self._in_flight(named)

    def _put(self, request: PrivacyRequest, events: Sequence[Event]) -> None:
        """Received when the request began: repeated later it must not reach a life that began since."""
        record = Record(
            source=OURS,
            origin=Origin.INTERNAL,
            received_at=request.started_at,
            key="",
            trusted=True,
        )
        if events:
            self._stream.put(stream_entries(self._pseudonyms, record, events))


def _event(request: PrivacyRequest, kind: str, identifiers: Iterable[Identifier], **said: Any) -> Event:
    """Its id follows from the request and whom it names, under no key: neither tells of anybody."""
    named = tuple(identifiers)
    content = short_hash("request", request.request_id, kind, msgspec.json.encode(named)).hex()
    return Event(
        type=kind,
        message_id=f"request_{content}",
        time=request.started_at,
        identifiers=named,
        fingerprint=content,
        **said,
    )
