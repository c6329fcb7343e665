"""Take a client's calls: who sends, what each call says, all of it onto the stream or none of it."""

from __future__ import annotations

from collections import Counter

import msgspec

from attune.domain.api_keys import SERVER
from attune.domain.definitions import Definitions, Source
from attune.domain.errors import AttuneError
from attune.domain.events import Event, Origin, Record, Rejected
from attune.ports import Count, DefinitionReader, EventStream, Identified, Key, Keys
from attune.sources.payloads import inflate
from attune.sources.segment import normalise
from attune.sources.segment_requests import MAX_BATCH, MAX_EVENT, open_request
from attune.use_cases.recognise_keys import recognise
from attune.use_cases.write_records import stream_entries


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came. `call`: the path's last part, `batch` or a call's name; `body`: before inflation.

    `token`: the key that the headers hold, None where they hold none and the body may; `origin`: the browser's.
    """

    call: str
    body: bytes
    encoding: str = ""
    token: str | None = None
    origin: str | None = None


class CollectEvents:
    """Callable with a submission and the time of receipt; returns when every event of it is stored."""

    def __init__(
        self,
        *,
        keys: Keys,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        stream: EventStream,
        count: Count,
    ) -> None:
        self._keys = keys
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._stream = stream
        self._count = count

    def __call__(self, submission: Submission, now: int) -> None:
        """What cannot be an event rides along with its reason and goes to quarantine.

        Raises `StreamUnavailableError`, or `AttuneError`: `unknown_write_key` (401), `origin_not_allowed` (403),
        `too_large` (413), `unsupported_encoding` (415), `invalid_gzip`, `invalid_json`, `invalid_batch` (400).
        """
        definitions = self._definitions.current()
        key = None if submission.token is None else self._recognise(submission.token, definitions)
        limit = MAX_BATCH if submission.call == "batch" else MAX_EVENT
        envelope = open_request(inflate(submission.body, submission.encoding, limit), submission.call)
        key = key or self._recognise(envelope.write_key, definitions)
        source = definitions.sources[key.source]
        _check_origin(source, submission.origin)
        events: list[Event] = []
        rejected: list[Rejected] = []
        for raw in envelope.items:
            match normalise(raw, envelope, source, now):
                case Event() as event:
                    events.append(event)
                case Rejected() as refused:
                    rejected.append(refused)
        # A server key or a browser's: only the former's word counts for who somebody is.
        trusted = key.type == SERVER
        request = Record(source=source.id, origin=Origin.CLIENT, received_at=now, key="", trusted=trusted)
        self._stream.put(stream_entries(self._pseudonyms, request, events, rejected))
        self._count_intake(source, events, rejected)

    def _recognise(self, token: object, definitions: Definitions) -> Key:
        known = recognise(token if isinstance(token, str) else None, self._keys, definitions)
        if known is None:
            raise AttuneError("unknown_write_key", "the write key is missing or not known", status=401)
        return known

    def _count_intake(self, source: Source, events: list[Event], rejected: list[Rejected]) -> None:
        if events:
            self._count("EventsAccepted", len(events), {"source": source.id})
        for reason, number in Counter(one.reason for one in rejected).items():
            self._count("EventsRejected", number, {"source": source.id, "reason": reason})


def _check_origin(source: Source, origin: str | None) -> None:
    """A source that lists origins takes no browser's call from elsewhere; servers send no `Origin`."""
    if source.origins and origin is not None and origin.lower() not in source.origins:
        raise AttuneError("origin_not_allowed", "this source does not accept calls from this origin", status=403)
