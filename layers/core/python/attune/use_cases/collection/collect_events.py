"""Take a client's calls: who sends, what each call says, all of it onto the stream or none of it."""

from __future__ import annotations

import msgspec

from attune.domain.collection.api_keys import SERVER
from attune.domain.definitions.kinds import Definitions
from attune.domain.definitions.sources import Source
from attune.domain.events import Event, Origin, Record, Rejected
from attune.ports import Count, DefinitionReader, EventStream, Identified, Key, Keys
from attune.ports.limits import Allowances
from attune.sources.consent_signals import KnownSignals
from attune.sources.payloads import inflate
from attune.sources.segment import normalise
from attune.sources.segment_requests import most_bytes, open_request
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.collection.admit_readings import kept_with
from attune.use_cases.collection.count_doubts import count_doubts
from attune.use_cases.collection.limit_rates import LimitRates
from attune.use_cases.collection.write_records import count_intake, intake_entries
from attune.use_cases.management.recognise_keys import require_write_key


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came. `call`: `batch`, `import` or a call's name; `body`: before inflation.

    `token`: the key that the headers hold, None where they hold none and the body may; `origin`: the browser's;
    `retries`: how often the client says that it has sent this before; `gpc`: whether it is a browser's that asks by
    Global Privacy Control not to be sold or shared.
    """

    call: str
    body: bytes
    encoding: str = ""
    token: str | None = None
    origin: str | None = None
    retries: int = 0
    gpc: bool = False


class CollectEvents:
    """Callable with a submission and the time of receipt; returns when every event of it is stored."""

    def __init__(
        self,
        *,
        keys: Keys,
        definitions: DefinitionReader,
        pseudonyms: Identified,
        stream: EventStream,
        allowances: Allowances,
        count: Count,
    ) -> None:
        self._keys = keys
        self._definitions = definitions
        self._pseudonyms = pseudonyms
        self._admit = AdmitEvents(pseudonyms, count)
        self._stream = stream
        self._signals = KnownSignals()
        self._limit = LimitRates(allowances, count)
        self._count = count

    def __call__(self, submission: Submission, now: int) -> None:
        """What cannot be an event rides along with its reason and goes to quarantine.

        Raises `StreamUnavailableError`, or `AttuneError`: `unknown_write_key` (401), `origin_not_allowed` (403),
        `rate_limited` (429), `too_large` (413), `unsupported_encoding` (415), `invalid_gzip`, `invalid_json`,
        `invalid_batch` (400).
        """
        definitions = self._definitions.current()
        # A key in the headers is judged before the body is opened.
        known = None if submission.token is None else self._let_in(submission.token, submission, definitions, now)
        body = inflate(submission.body, submission.encoding, most_bytes(submission.call))
        envelope = open_request(body, submission.call)
        if submission.gpc:
            envelope = msgspec.structs.replace(envelope, gpc=True)
        key, source = known or self._let_in(envelope.write_key, submission, definitions, now)
        signals = self._signals(definitions)
        events: list[Event] = []
        made: list[Event] = []
        rejected: list[Rejected] = []
        for raw in envelope.items:
            read = normalise(raw, envelope, source, now, signals)
            admitted = self._admit(read, raw, source, definitions) if isinstance(read, Event) else read
            if isinstance(admitted, Event):
                events.append(admitted)
                continue
            rejected.append(kept_with(admitted, envelope.how()))
            if isinstance(read, Event):
                made += self._admit.words(read, source)
        # A server key or a browser's: only the former's word counts for who somebody is.
        trusted = key.type == SERVER
        request = Record(source=source.id, origin=Origin.CLIENT, received_at=now, key="", trusted=trusted)
        self._stream.put(intake_entries(self._pseudonyms, request, made, events, rejected))
        count_intake(self._count, source.id, len(events) + len(made), rejected)
        count_doubts(self._count, source.id, events)
        if submission.retries:
            self._count("RequestsRetried", 1, {})

    def _let_in(self, token: object, submission: Submission, definitions: Definitions, now: int) -> tuple[Key, Source]:
        key, source = require_write_key(token, submission.origin, self._keys, definitions)
        self._limit(source, now)
        return key, source
