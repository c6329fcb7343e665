"""From a request's events to entries of the stream: one record for each partition key, so that they arrive together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from attune.domain.events import Event, Origin, Record, Rejected, encode_record, short_hash
from attune.domain.identifiers import ISSUED, Identifier
from attune.ports import Count, Identified

#: bytes of a record that any Kinesis takes, its partition key (32) counted
MAX_RECORD: Final = 1024 * 1024 - 32
#: events of one: half of what a profile remembers (`duplicates.MAX_SEEN`), so that a part of a record, which
#: alone does not move its cursor, is still known when the record comes again
MAX_TOGETHER: Final = 500


def stream_entries(
    pseudonyms: Identified, request: Record, events: Sequence[Event], rejected: Sequence[Rejected] = ()
) -> list[tuple[str, bytes]]:
    """(partition key, data) for `EventStream.put`, in the order of the events.

    `request` says what all records have in common; its key is replaced. The partition key is the identity key of an
    event's strongest identifier: of what nobody vouches for, the strongest that it may name at all
    (`identifiers.ISSUED`), if there is one. Rejected input rides in a record of its own, keyed by its bytes.
    Who says the same twice is noted down twice (`copy`).
    """
    if not request.trusted:
        events = [_without_issued(event) for event in events]
    groups: dict[str, list[Event]] = {}
    for event in _numbered(events, lambda event: (event.message_id, event.fingerprint)):
        groups.setdefault(pseudonyms.key(event.identifiers[0]), []).append(event)
    records = [msgspec.structs.replace(request, key=key, events=tuple(group)) for key, group in groups.items()]
    if rejected:
        key = short_hash(*(one.raw for one in rejected)).hex()
        numbered = _numbered(rejected, lambda one: (one.raw, one.copy))
        records.append(msgspec.structs.replace(request, key=key, rejected=tuple(numbered)))
    return [(record.key, data) for record in records for data in _pieces(record)]


def intake_entries(
    pseudonyms: Identified,
    request: Record,
    made: Sequence[Event],
    events: Sequence[Event],
    rejected: Sequence[Rejected] = (),
) -> list[tuple[str, bytes]]:
    """Of a reading: what we made of it first, such as consent, in records that say so; then the sender's events.

    No sender's event may have an internal type. What an event is known by lies clear in the lake, also where nothing
    may be stored of it: as far as it is made of what was said, it is so under the identity secret.
    """
    internal = msgspec.structs.replace(request, origin=Origin.INTERNAL)
    events = [_traceless(event, pseudonyms) for event in events]
    return stream_entries(pseudonyms, internal, made) + stream_entries(pseudonyms, request, events, rejected)


def count_intake(count: Count, source: str, accepted: int, rejected: Iterable[Rejected]) -> None:
    """How many events an entrance took of a source, and how many it refused, by reason."""
    if accepted:
        count("EventsAccepted", accepted, {"source": source})
    for reason, number in Counter(one.reason for one in rejected).items():
        count("EventsRejected", number, {"source": source, "reason": reason})


def _traceless(event: Event, pseudonyms: Identified) -> Event:
    """By whose fingerprint and derived id nobody can test a guess of what it says; a retry has the same ones."""
    fingerprint = pseudonyms.key(Identifier("fingerprint", event.fingerprint))[: len(event.fingerprint)]
    message_id = event.message_id
    if "message_id_derived" in event.notes:
        message_id = "derived-" + pseudonyms.key(Identifier("message_id", message_id))
    return msgspec.structs.replace(event, fingerprint=fingerprint, message_id=message_id)


def _without_issued(event: Event) -> Event:
    """A page that names a customer's number beside its device is heard by its device."""
    own = tuple(one for one in event.identifiers if one.namespace not in ISSUED)
    if not own or len(own) == len(event.identifiers):
        return event
    return msgspec.structs.replace(event, identifiers=own, notes=(*event.notes, "identifiers_dropped"))


def _numbered[T: (Event, Rejected)](entries: Sequence[T], said: Callable[[T], object]) -> Sequence[T]:
    if len(entries) == 1 or len({said(one) for one in entries}) == len(entries):
        return entries
    before: Counter[object] = Counter()
    numbered = []
    for one in entries:
        copy = before[said(one)]
        before[said(one)] += 1
        numbered.append(msgspec.structs.replace(one, copy=copy) if copy else one)
    return numbered


def _pieces(record: Record) -> Iterator[bytes]:
    """The record encoded, in as many pieces as its size and its events need, in order."""
    data = encode_record(record)
    one = len(record.events) + len(record.rejected) < 2  # noqa: PLR2004 (one cannot be split)
    if one or (len(data) <= MAX_RECORD and len(record.events) <= MAX_TOGETHER):
        yield data
        return
    for part in ("events", "rejected"):
        entries = getattr(record, part)
        if entries:
            half = (len(entries) + 1) // 2
            for piece in (entries[:half], entries[half:]):
                if piece:
                    yield from _pieces(msgspec.structs.replace(record, **{"events": (), "rejected": (), part: piece}))
