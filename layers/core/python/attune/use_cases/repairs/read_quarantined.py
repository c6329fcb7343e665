"""What lies in quarantine, read anew: by today's definitions and code, by the same readers as at the entrances.

What was vouched for then is vouched for now, and nothing else: a patch changes what an input says, never who said it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from attune.domain.collection.quarantine import INVALID_RECORD, REPLAYED, STREAM, Came, Quarantined
from attune.domain.events import (
    ADDRESSED,
    Event,
    Origin,
    Record,
    Rejected,
    decode_event,
    decode_record,
    encode_record,
    short_hash,
)
from attune.sources.consent_signals import ConsentSignals, KnownSignals
from attune.sources.file_rows import read_file_row
from attune.sources.formats import FORMATS
from attune.sources.patches import patched
from attune.sources.payloads import UnreadableError, read_json
from attune.sources.segment import normalise
from attune.sources.segment_requests import MAX_BATCH, MAX_EVENT, reopen
from attune.sources.webhooks import Call, Reading
from attune.use_cases.collection.admit_events import AdmitEvents
from attune.use_cases.collection.admit_readings import admit_reading, kept_with
from attune.use_cases.collection.write_records import intake_entries, stream_entries

if TYPE_CHECKING:
    from attune.domain.definitions.kinds import Definitions
    from attune.domain.definitions.sources import Source
    from attune.domain.privacy.requests import PrivacyRequest
    from attune.ports import Identified

_FILE: Final = "file"
_DERIVED: Final = "message_id_derived"


class Reread(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of an input. `outcome`: `replayed` if it can go onto the stream, else the reason why it cannot.

    `entries` are for `EventStream.put`: what was read, and those parts of it that could not be, which lie in quarantine
    by themselves from then on. `events` are what was read, `made` among them; `requests` go where theirs are kept.
    """

    outcome: str
    events: tuple[Event, ...] = ()
    entries: tuple[tuple[str, bytes], ...] = ()
    requests: tuple[PrivacyRequest, ...] = ()


class ReadQuarantined:
    """Callable with an input, its bytes and how it came, the definitions, a patch or "", and the time, ms."""

    def __init__(self, pseudonyms: Identified) -> None:
        self._pseudonyms = pseudonyms
        self._admit = AdmitEvents(pseudonyms)
        self._signals = KnownSignals()

    def __call__(
        self, one: Quarantined, raw: bytes, came: Came, definitions: Definitions, patch: str, now: int
    ) -> Reread:
        """Never raises for what an input may be."""
        try:
            if one.reason == INVALID_RECORD and one.source == STREAM:
                return _record(raw, patch, now)
            if came.how.get("event"):
                return self._event(one, raw, came, patch, now)
            return self._input(one, raw, came, definitions, patch, now)
        except UnreadableError as unreadable:
            return Reread(outcome=unreadable.reason)

    def _event(self, one: Quarantined, raw: bytes, came: Came, patch: str, now: int) -> Reread:
        """An event of ours: as it is, since it was read and admitted once."""
        if patch:
            raise UnreadableError("unpatchable")
        try:
            event = decode_event(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise UnreadableError("invalid_event") from None
        record = _request(one, came.origin or Origin.CLIENT, came, now)
        if record.origin is Origin.INTERNAL and event.type in ADDRESSED:
            key = str(event.properties.get("profile_id", ""))
            whole = msgspec.structs.replace(record, key=key, events=(event,))
            return Reread(outcome=REPLAYED, events=(event,), entries=((key, encode_record(whole)),))
        if not event.identifiers:
            raise UnreadableError("no_identifier")
        entries = stream_entries(self._pseudonyms, record, [event])
        return Reread(outcome=REPLAYED, events=(event,), entries=tuple(entries))

    def _input(
        self, one: Quarantined, raw: bytes, came: Came, definitions: Definitions, patch: str, now: int
    ) -> Reread:
        source = definitions.sources.get(one.source)
        if source is None:
            raise UnreadableError("unknown_source")
        origin = came.origin or _likely(source)
        document = raw
        if patch:
            document = patched(raw, patch)
            if len(document) > (MAX_EVENT if origin is Origin.CLIENT else MAX_BATCH):
                raise UnreadableError("too_large")
        signals = self._signals(definitions)
        said = _read(source, origin, document, raw, came, one.received_at, signals)
        if origin is not Origin.FILE:  # rows have ids of their place and bytes
            said = _as_one(said, source, raw, came)
        made, events, rejected = admit_reading(self._admit, said, document, source, definitions)
        record = _request(one, origin, came, now)
        alone = not events and bool(rejected)
        # What is wholly unreadable stays where it is; parts of it lie by themselves from now on, as from an entrance.
        parts = [] if alone else [kept_with(part, came.how) for part in rejected]
        entries = intake_entries(self._pseudonyms, record, made, events, parts)
        return Reread(
            outcome=rejected[0].reason if alone else REPLAYED,
            events=(*made, *events),
            entries=tuple(entries),
            requests=said.requests,
        )


def _record(raw: bytes, patch: str, now: int) -> Reread:
    """Bytes from the stream: a record after all, if this code can read what an older one could not."""
    if patch:
        raise UnreadableError("unpatchable")
    try:
        record = decode_record(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise UnreadableError(INVALID_RECORD) from None
    entry = (record.key, encode_record(msgspec.structs.replace(record, replayed_at=now)))
    return Reread(outcome=REPLAYED, events=record.events, entries=(entry,))


def _read(
    source: Source,
    origin: Origin,
    raw: bytes,
    came_as: bytes,
    came: Came,
    received_at: int,
    signals: ConsentSignals,
) -> Reading:
    """As the entrance reads it. `came_as`: the bytes without a patch."""
    item = came.how.get("item") is True
    match origin:
        case Origin.WEBHOOK:
            if source.type not in FORMATS:
                raise UnreadableError("unknown_source")
            call = Call(headers=came.how.get("headers", {}), body=raw, item=item)
            return FORMATS[source.type].read(call, signals.told_to(source), received_at)
        case Origin.FILE:
            if source.mapping is None:
                raise UnreadableError("unknown_source")
            file, row = str(came.how.get("file", "")), int(came.how.get("row", 0))
            return read_file_row(read_json(raw), came_as, source, received_at, file=file, row=row, item=item)
        case _:
            match normalise(raw, reopen(raw, came.how), source, received_at, signals):
                case Event() as event:
                    return Reading(events=(event,))
                case Rejected() as refused:
                    return Reading(rejected=(refused,))


def _as_one(said: Reading, source: Source, raw: bytes, came: Came) -> Reading:
    """What brings no message id gets one of the bytes as they came, and of what was said of consent beside them.

    So they count once, whether they are patched or not, and whatever definition reads them.
    """
    beside = (came.how.get("gpc"), came.how.get("context", {}).get("consent"))
    parts = (source.id, raw, *((msgspec.json.encode(beside, order="sorted"),) if any(beside) else ()))
    return msgspec.structs.replace(said, events=tuple(_named(event, parts, n) for n, event in enumerate(said.events)))


def _named(event: Event, parts: tuple[str | bytes, ...], number: int) -> Event:
    if _DERIVED not in event.notes:
        return event
    derived = "derived-" + short_hash("patched", *parts, str(number)).hex()
    return msgspec.structs.replace(event, message_id=derived)


def _request(one: Quarantined, origin: Origin, came: Came, now: int) -> Record:
    """What the records of a replay have in common: received when it was, vouched for as it was."""
    return Record(
        source=one.source,
        origin=origin,
        received_at=one.received_at,
        key="",
        trusted=came.trusted,
        replayed_at=now,
    )


def _likely(source: Source) -> Origin:
    """The entrance of what was kept before that was noted."""
    if source.type in FORMATS:
        return Origin.WEBHOOK
    return Origin.FILE if source.type == _FILE else Origin.CLIENT
