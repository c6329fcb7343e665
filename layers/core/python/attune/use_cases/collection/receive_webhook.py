"""Take a webhook: the source that its path names, proof that it is from there, what it says onto the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.errors import AttuneError
from attune.domain.events import Origin, Record
from attune.sources.consent_signals import KnownSignals
from attune.sources.formats import FORMATS
from attune.sources.payloads import KB, too_large
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.collection.admit_readings import admit_reading, kept_with, webhook_how
from attune.use_cases.collection.count_doubts import count_doubts
from attune.use_cases.collection.write_records import count_intake, intake_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune.domain.definitions.sources import Source
    from attune.domain.events import Rejected
    from attune.ports import Count, DefinitionReader, EventStream, Identified, Secrets
    from attune.ports.privacy import PrivacyRequests
    from attune.sources.webhooks import Acknowledgement, Call, Reading
    from attune.use_cases.collection.admit_readings import Admitted

#: bytes: what a record of the stream can carry even if it must go to quarantine whole
MAX_WEBHOOK: Final = 500 * KB


class ReceiveWebhook:
    """Callable with a source's name, a call and the time of receipt; returns when what it says is stored."""

    def __init__(
        self,
        *,
        definitions: DefinitionReader,
        secrets: Secrets,
        pseudonyms: Identified,
        stream: EventStream,
        requests: PrivacyRequests,
        count: Count,
    ) -> None:
        """`secrets`: the live webhook secrets by source; `requests`: where what people ask about their data is kept."""
        self._definitions = definitions
        self._secrets = secrets
        self._pseudonyms = pseudonyms
        self._admit = AdmitEvents(pseudonyms, count)
        self._stream = stream
        self._requests = requests
        self._count = count
        self._signals = KnownSignals()

    def __call__(self, name: str, call: Call, now: int) -> Acknowledgement | None:
        """How the sender hears of it, if otherwise than others.

        What is proven and cannot be an event goes to quarantine with its reason.

        Raises `StreamUnavailableError`, or `AttuneError`: `unknown_source` (404), `invalid_signature` (401),
        `too_large` (413).
        """
        definitions = self._definitions.current()
        source = definitions.sources.get(name)
        if source is None or source.type not in FORMATS:
            raise AttuneError("unknown_source", "no source of this name receives webhooks", status=404)
        if len(call.body) > MAX_WEBHOOK:
            raise too_large(MAX_WEBHOOK)
        sender = FORMATS[source.type]
        if not sender.proves(call, source, self._secrets.live(source.id), now):
            raise AttuneError("invalid_signature", "the signature does not match this source and body", status=401)
        said = sender.read(call, self._signals(definitions).told_to(source), now)
        for request in said.requests:
            self._requests.keep(request)
        admitted = admit_reading(self._admit, said, call.body, source, definitions)
        how = webhook_how(call, sender)
        self._store(source, said, admitted, [kept_with(one, how) for one in admitted.rejected], now)
        return sender.accepted

    def _store(self, source: Source, said: Reading, admitted: Admitted, rejected: Sequence[Rejected], now: int) -> None:
        request = Record(source=source.id, origin=Origin.WEBHOOK, received_at=now, key="", trusted=True)
        entries = intake_entries(self._pseudonyms, request, admitted.made, admitted.events, rejected)
        if entries:
            self._stream.put(entries)
        count_intake(self._count, source.id, len(admitted.events) + len(admitted.made), rejected)
        count_doubts(self._count, source.id, admitted.made)
        if said.requests:
            self._count("PrivacyRequestsReceived", len(said.requests), {"source": source.id})
