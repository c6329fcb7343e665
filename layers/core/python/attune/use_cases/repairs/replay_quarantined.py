"""Replay what lies in quarantine: read it anew, put it onto the stream, leave a trace beside it.

Once is enough, and twice is once: message ids follow from what was received, so that the processor recognises a repeat
for 24 hours (of webhooks for 7 days), and what has a trace of a replay is left alone unless asked for. The trace comes
after the stream: a crash between them repeats, and never loses.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from attune.domain.collection.expressions import expression_problem
from attune.domain.collection.quarantine import REPLAYED, Quarantined, Trace
from attune.domain.errors import AttuneError
from attune.ports.quarantine import Listed
from attune.use_cases.management.read_bodies import read_body
from attune.use_cases.repairs.read_quarantined import ReadQuarantined, Reread
from attune.use_cases.repairs.select_quarantined import named_one, page_size, selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attune.domain.definitions.kinds import Definitions
    from attune.ports import Clock, Count, DefinitionReader, EventStream, Identified
    from attune.ports.privacy import PrivacyRequests
    from attune.ports.quarantine import Listed, QuarantineStore

#: inputs that one call looks at
MAX_INPUTS: Final = 100
#: inputs that are read and put onto the stream together, and bytes of them: a shard takes as much in a second; and
#: ids that a call may name
TOGETHER: Final = 20
MOST_BYTES: Final = 1_000_000
#: ms after which a call ends with what it has done; the gateway waits for 30 s
ENOUGH: Final = 12_000
#: an input that has been replayed before and is left alone
BEFORE: Final = "replayed_before"
#: an input that came back while the others of its selection are still replayed: else it would go round and round
CAME_BACK: Final = "came_back"
#: no such input (any more)
GONE: Final = "gone"

_DIGITS: Final = 15

type Json = dict[str, Any]


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `POST /v1/quarantine/replay`: inputs by `ids`, or by reason, source and time, page by page."""

    ids: list[str] | None = None
    reason: str = ""
    source: str = ""
    since: str = ""
    until: str = ""
    patch: str = ""
    dry_run: bool = False
    again: bool = False
    cursor: str = ""
    limit: int = MAX_INPUTS


class Chosen(msgspec.Struct, frozen=True):
    """An input, whether it was replayed before, and its size in bytes."""

    one: Quarantined
    before: bool
    size: int = MOST_BYTES


class Choice(msgspec.Struct):
    """The inputs of a call, since when (ms) inputs are chosen, and behind which the next call goes on."""

    inputs: list[Chosen]
    since: int
    reached: Quarantined | None = None


class ReplayQuarantined:
    """Callable with a request's body and who asks. `requests`: where what people ask about their data is kept."""

    def __init__(
        self,
        *,
        store: QuarantineStore,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        stream: EventStream,
        requests: PrivacyRequests,
        clock: Clock,
        count: Count,
    ) -> None:
        self._store = store
        self._definitions = definitions
        self._read = ReadQuarantined(pseudonyms)
        self._stream = stream
        self._requests = requests
        self._clock = clock
        self._count = count

    def __call__(self, body: bytes, by: str) -> Json:
        """`{dry_run, replayed, skipped, left, items, cursor}`; of a dry run what would be.

        `left` counts by reason what stays; `items` are ids with their outcomes, and, where one alone is named in a dry
        run, with the `events` that it would be. Raises `StreamUnavailableError`, or `AttuneError`: `invalid_body`,
        `invalid_patch`, `invalid_time`, `invalid_cursor` (400).
        """
        asked = read_body(body or b"{}", Asked)
        if problem := asked.patch and expression_problem(asked.patch):
            raise AttuneError("invalid_patch", f"$.patch: {problem}")
        started = self._clock()
        choice = self._choose(asked, started)
        items: list[Json] = []
        for part in _parts(choice.inputs):
            if items and asked.ids is None and self._clock() - started > ENOUGH:
                choice.reached = choice.inputs[len(items) - 1].one
                break
            items += self._replay(part, asked, by, choice.since)
        tally = Counter(str(item["outcome"]) for item in items)
        replayed, skipped = tally.pop(REPLAYED, 0), tally.pop(BEFORE, 0)
        told: Json = {"dry_run": asked.dry_run, "replayed": replayed, "skipped": skipped, "left": dict(tally)}
        return told | {"items": items, "cursor": f"{choice.since}.{choice.reached.id}" if choice.reached else None}

    def _choose(self, asked: Asked, now: int) -> Choice:
        if asked.ids is None:
            since, cursor = _begun(asked.cursor, now)
            wanted, after = selection(asked.reason, asked.source, asked.since, asked.until, cursor)
            page = self._store.listed(wanted, after, page_size(asked.limit, MAX_INPUTS))
            found = [Chosen(listed.one, _was_replayed(listed), listed.size) for listed in page.found]
            return Choice(found, since, page.reached)
        if asked.reason or asked.source or asked.since or asked.until or asked.cursor:
            raise AttuneError("invalid_body", "$.ids: they are taken alone, or reason, source and time are")
        if not 0 < len(asked.ids) <= TOGETHER:
            raise AttuneError("invalid_body", f"$.ids: 1 to {TOGETHER}")
        ones = [named_one(name) for name in dict.fromkeys(asked.ids)]
        return Choice([Chosen(one, not asked.again and self._has_trace(one)) for one in ones], now)

    def _has_trace(self, one: Quarantined) -> bool:
        return any(trace.outcome == REPLAYED for trace in self._store.traces(one))

    def _replay(self, part: Sequence[Chosen], asked: Asked, by: str, since: int) -> list[Json]:
        """All that can be read goes out in one call, then each has its trace."""
        definitions = self._definitions.current()
        reread = [(chosen.one, self._reread(chosen, asked, since, definitions)) for chosen in part]
        if not asked.dry_run:
            self._send([read for _, read in reread])
            for one, read in reread:
                self._note(one, read, asked.patch, by)
        with_events = asked.dry_run and asked.ids is not None and len(asked.ids) == 1
        return [
            {"id": one.id, "outcome": read.outcome}
            | ({"events": msgspec.to_builtins(read.events)} if with_events else {})
            for one, read in reread
        ]

    def _reread(self, chosen: Chosen, asked: Asked, since: int, definitions: Definitions) -> Reread:
        if chosen.before and not asked.again:
            return Reread(outcome=BEFORE)
        kept = self._store.read(chosen.one)
        if kept is None:
            return Reread(outcome=GONE)
        if kept[1].replayed_at >= since:
            return Reread(outcome=CAME_BACK)
        return self._read(chosen.one, *kept, definitions, asked.patch, self._clock())

    def _send(self, reread: Sequence[Reread]) -> None:
        for request in (request for read in reread for request in read.requests):
            self._requests.keep(request)
        if entries := [entry for read in reread for entry in read.entries]:
            self._stream.put(entries)

    def _note(self, one: Quarantined, read: Reread, patch: str, by: str) -> None:
        if read.outcome in (BEFORE, GONE, CAME_BACK):
            return
        ids = tuple(event.message_id for event in read.events) if read.outcome == REPLAYED else ()
        trace = Trace(at=self._clock(), by=by, outcome=read.outcome, patch=patch, message_ids=ids)
        self._store.leave_trace(one, trace)
        if read.outcome == REPLAYED:
            self._count("InputsReplayed", 1, {"source": one.source})
        else:
            self._count("InputsLeft", 1, {"source": one.source, "reason": read.outcome})


def _parts(inputs: Sequence[Chosen]) -> Iterator[list[Chosen]]:
    """What is replayed together, in order."""
    part: list[Chosen] = []
    for chosen in inputs:
        if part and (len(part) == TOGETHER or sum(one.size for one in part) + chosen.size > MOST_BYTES):
            yield part
            part = []
        part.append(chosen)
    if part:
        yield part


def _begun(cursor: str, now: int) -> tuple[int, str]:
    """When (ms) the first call of a selection came, and the id in its cursor."""
    begun, _, after = cursor.partition(".")
    if not cursor:
        return now, ""
    if not (begun.isdecimal() and len(begun) <= _DIGITS):
        raise AttuneError("invalid_cursor", "the cursor is not one that this API has answered")
    return int(begun), after


def _was_replayed(listed: Listed) -> bool:
    return any(outcome == REPLAYED for _, outcome in listed.tried)
