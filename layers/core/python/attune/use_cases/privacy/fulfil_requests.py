"""The steps of the privacy machine that know requests: which are under way, what they wait for, when they are over.

A run takes all that are under way, at most `MAX_REQUESTS` at a time, and ends when none is left that it could help.
Only one run works at a time: each holds the turn, and a killed one's turn ends by itself.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from attune.domain.erasure.subjects import encode_subject, subjects_of
from attune.domain.identifiers import DAY
from attune.ports import ConflictError
from attune.ports.privacy import After
from attune.use_cases.privacy.manage_privacy import over
from attune.use_cases.profiles.gather_subjects import absorbed_by, unite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune.domain.erasure.subjects import Subject
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Clock, Count, MergeIndex
    from attune.ports.documents import Documents
    from attune.ports.privacy import PrivacyRequests
    from attune.use_cases.privacy.begin_requests import BeginRequests
    from attune.use_cases.privacy.follow_requests import FollowRequests

#: requests of one round
MAX_REQUESTS: Final = 200
#: looks at an erasure that the stream has not carried yet, after which a round goes on without it; it stays under way
MAX_LOOKS: Final = 10
#: looks at anything else: what does not stand by then, something that was said since may stand against
FEW_LOOKS: Final = 3
#: ms that a run keeps the turn without a sign of life: a round's longest way from one of these steps to the next.
#: Should one take longer, another sweeps beside it, and each replaces only what it has read.
TURN: Final = 3 * 3_600_000
#: times that a request may begin to read before the others go on without it
MAX_ATTEMPTS: Final = 3
#: ms that an erasure waits for the rows of somebody who was unlinked and still has what is to be erased
PATIENCE: Final = 3 * DAY
#: ms before the term at which an open request alarms
SOON: Final = 5 * DAY
#: requests of one look at the index
_PAGE: Final = 100

type Json = dict[str, Any]
type Next = Literal["over", "wait", "read", "sweep", "finish"]


class Round(msgspec.Struct, kw_only=True):
    """What a run knows of its requests, by their ids.

    `requests`: of this round. `read`: those that take the lake, to show it or to find people there; `is_read`: it was.
    `swept`: erasures whose people are gone. `rebuild`: identity keys of those who still have what was theirs;
    `rebuilds`: that comes before any sweep, `anyway` though rows lack; `is_apart`: that was done.
    `left`: what this run could not bring to its end, and leaves.
    """

    next: Next = "over"
    requests: list[str] = []
    read: list[str] = []
    is_read: bool = False
    swept: list[str] = []
    rebuild: list[str] = []
    rebuilds: bool = False
    anyway: bool = False
    is_apart: bool = False
    left: list[str] = []
    looks: int = 0


class FulfilRequests:
    """`begin` until it names another step; `finish` once that is done."""

    def __init__(  # noqa: PLR0913 - one keyword a port
        self,
        *,
        requests: PrivacyRequests,
        begin: BeginRequests,
        follow: FollowRequests,
        documents: Documents,
        remove: Callable[[str], int],
        merges: MergeIndex,
        write_receipt: Callable[[PrivacyRequest], Json],
        clock: Clock,
        count: Count,
    ) -> None:
        """`remove` takes all versions of the `documents` whose keys begin so.

        `write_receipt`, of an erasure: `{receipt, digest, left}`; `left`: how much is still to be removed.
        """
        self._requests = requests
        self._begin = begin
        self._follow = follow
        self._documents = documents
        self._remove = remove
        self._merges = merges
        self._write_receipt = write_receipt
        self._clock = clock
        self._count = count

    def begin(self, run: str, position: Any) -> Json:
        """`Round`, as JSON; `next` says what the round waits for, or what comes now. `position`: the answer before."""
        state = msgspec.convert(position or {}, Round)
        now = self._clock()
        if not self._requests.take_turn(run, now, now + TURN):
            return _told(Round(next="over"))
        wanted = self._under_way(state.requests)
        if not wanted:
            self._watch(now)
            state = Round(requests=self._wanted(state.left), left=state.left)
            wanted = self._under_way(state.requests)
        if not wanted:
            self._requests.end_turn(run)
            return _told(Round(next="over"))
        for request in wanted:
            if not self._follow(request):
                self._begin(request)  # again: who has changed since they were gathered was not erased
        self._decide(state, wanted)
        return _told(state)

    def finish(self, run: str, position: Any) -> Json:
        """`Round` for the next one: with nobody in it, and with what was left."""
        state = msgspec.convert(position, Round)
        now = self._clock()
        if not self._requests.take_turn(run, now, now + TURN):
            return _told(Round(next="over"))
        left = [one.request_id for one in self._under_way(state.requests) if not self._end(one, state)]
        return _told(Round(next="wait", left=[*state.left, *left]))

    def _decide(self, state: Round, wanted: Sequence[PrivacyRequest]) -> None:
        state.looks += 1
        reading = [one.request_id for one in wanted if _reads(one)]
        erasing = [one for one in wanted if one.kind in _ERASING and one.request_id not in reading]
        waiting = [one for one in wanted if not (one.request_id in reading or _has_receipt(one) or self._follow(one))]
        if any(state.looks < (MAX_LOOKS if one.kind in _ERASING else FEW_LOOKS) for one in waiting):
            state.next = "wait"
        elif reading and not state.is_read:
            state.next, state.read, state.is_read = "read", reading, True
            state.looks = 0
        else:
            gone = [one for one in erasing if one not in waiting]
            self._complete(gone)
            self._take_apart(state, gone)

    def _take_apart(self, state: Round, gone: Sequence[PrivacyRequest]) -> None:
        """Sweep for those of whom nobody has anything any more; before it others are folded apart from them.

        That takes the rows of both, which a sweep would cut. Who cannot be folded apart yet keeps the request under
        way; after `PATIENCE` it is done with the rows that there are.
        """
        held = {one.request_id: self._follow.unlinked_from(self._follow.subjects(one).values()) for one in gone}
        pending = {request_id: keys for request_id, keys in held.items() if keys}
        state.rebuilds = bool(pending) and not state.is_apart
        if state.rebuilds:
            now = self._clock()
            late = [one.request_id for one in gone if now - one.started_at >= PATIENCE and one.request_id in pending]
            state.rebuild = sorted({key for one in late or pending for key in pending[one]})
            state.next, state.anyway, state.is_apart = "sweep", bool(late), True
            return
        state.rebuild, state.swept = [], [request_id for request_id in held if request_id not in pending]
        state.next = "sweep" if state.swept else "finish"

    def _complete(self, requests: Sequence[PrivacyRequest]) -> None:
        """Write down of the subjects when they were erased, and who had been merged into them, however long ago."""
        subjects: dict[str, Subject] = {}
        for request in requests:
            gathered = self._follow.subjects(request)
            subjects |= {key: self._follow.to_its_end(one) for key, one in gathered.items()}
        absorbed = self._absorbed_by(subjects)
        for key, subject in subjects.items():
            mine = tuple(one for one, owner in absorbed.items() if owner == key)
            at = self._follow.erased_at(subject)
            mixed = self._follow.mixed(subject, self._merges, at)
            more = msgspec.structs.replace(subject, profile_ids=mine, erased_at=at, mixed=mixed)
            self._documents.put(key, encode_subject(unite(subject, more)))

    def _absorbed_by(self, subjects: Mapping[str, Subject]) -> dict[str, str]:
        """Whoever was merged into them and is in none of them, each with the key of the subject that they are of."""
        owners = {profile_id: key for key, one in subjects.items() for profile_id in one.profile_ids}
        return {one: owners[into] for one, into in absorbed_by(self._merges, owners.keys()).items()}

    def _under_way(self, request_ids: Sequence[str]) -> list[PrivacyRequest]:
        found = map(self._requests.get, request_ids)
        return [one for one in found if one is not None and one.state == "running"]

    def _wanted(self, left: Sequence[str]) -> list[str]:
        """What takes the lake comes when all else is done with: it may take long, or fail."""
        at_once: list[str] = []
        after_it: list[str] = []
        after: After | None = None
        while len(at_once) < MAX_REQUESTS and (page := self._requests.waiting(_PAGE, after, state="running")):
            for one in page:
                if one.request_id not in left:
                    (after_it if _reads(one) else at_once).append(one.request_id)
            after = After(page[-1].due_at, page[-1].request_id)
        return (at_once or after_it)[:MAX_REQUESTS]

    def _watch(self, now: int) -> None:
        """How many are not done with that should be, or soon must be, or cannot be; of none no metric is paid for."""
        still_open = [one for state in _OPEN for one in self._requests.waiting(_PAGE, state=state)]
        overdue = sum(one.due_at <= now for one in still_open)
        soon = sum(one.due_at <= now + SOON or is_stuck(one) for one in still_open)
        for name, number in (("PrivacyRequestsOverdue", overdue), ("PrivacyRequestsDueSoon", soon)):
            if number:
                self._count(name, number, {})

    def _end(self, request: PrivacyRequest, state: Round) -> bool:
        """False where it must be tried again."""
        outcome = self._erased(request, state) if request.kind in _ERASING else self._answered(request)
        if outcome is None:
            return False
        try:
            self._requests.save(over(request, "done", self._clock(), outcome), read_state="running")
        except ConflictError:
            return True  # somebody else has ended it
        self._count("PrivacyRequestsDone", 1, {"kind": request.kind})
        return True

    def _erased(self, request: PrivacyRequest, state: Round) -> Json | None:
        """What became of an erasure; None where it must be tried again."""
        if request.request_id not in state.swept and not _has_receipt(request):
            self._search_anew(request)
            return None
        if not _has_receipt(request) and self._absorbed_by(self._follow.subjects(request)):
            return None  # the index tells of somebody only now: they are swept by the next run
        outcome: Json = request.outcome | self._write_receipt(request)
        if outcome.get("left"):
            return None
        outcome.setdefault("code", self._follow.came_of(request))
        # Before its subjects go: whoever is killed behind that would not know what became of them.
        self._requests.save(msgspec.structs.replace(request, outcome=outcome), read_state="running")
        self._end_others(request)
        self._begin.release(request, self._follow.subjects(request).values())
        self._remove(subjects_of(request.request_id))
        return outcome

    def _answered(self, request: PrivacyRequest) -> Json | None:
        """What became of any other; None where it must be tried again."""
        code = self._follow.nobody(request)
        outcome: Json = request.outcome | ({"code": code} if code else {})
        if request.kind == "access":
            return outcome if outcome.get("exported") else None
        is_so = self._follow(request)
        if request.kind == "rectification" and not is_so:
            return None  # nothing that was said since stands against it: it is late, or somebody must look
        return outcome | {"applied": is_so and not (code and request.kind in _OF_SOMEBODY)}

    def _search_anew(self, request: PrivacyRequest) -> None:
        """Of a shop: whom the next run finds there still is gathered and erased again."""
        if "people" in request.outcome:
            outcome = {name: said for name, said in request.outcome.items() if name != "people"}
            self._requests.save(msgspec.structs.replace(request, outcome=outcome), read_state="running")

    def _end_others(self, request: PrivacyRequest) -> None:
        """What else was asked of who is erased, and waits: it holds their address, and there is nothing it could do."""
        keys = {key for subject in self._follow.subjects(request).values() for key in subject.identity_keys}
        after: After | None = None
        while page := self._requests.waiting(_PAGE, after):
            for one in page:
                if keys & self._begin.named(one).keys():
                    ended = over(one, "refused", self._clock(), {"reason": "erased"})
                    with contextlib.suppress(ConflictError):
                        self._requests.save(ended, read_state="received")
            after = After(page[-1].due_at, page[-1].request_id)


def _told(state: Round) -> Json:
    told: Json = msgspec.to_builtins(state)
    return told


def is_stuck(request: PrivacyRequest) -> bool:
    """Whether what it takes from the lake was begun several times, and never came to its end."""
    return int(request.outcome.get("attempts", 0)) >= MAX_ATTEMPTS


def _has_receipt(request: PrivacyRequest) -> bool:
    """Whether it was swept to the end, and whoever was to end it was killed before it did."""
    return bool(request.outcome.get("receipt"))


def _reads(request: PrivacyRequest) -> bool:
    """Whether the lake must be asked before anything else can happen."""
    return (request.kind == "access" and not request.outcome.get("exported")) or (
        request.kind == "shop_erasure" and "people" not in request.outcome
    )


_ERASING: Final = frozenset({"erasure", "shop_erasure"})
#: of nobody nothing of these is so; a suppression holds for whoever comes
_OF_SOMEBODY: Final = frozenset({"rectification", "restriction"})
_OPEN: Final = ("received", "running")
