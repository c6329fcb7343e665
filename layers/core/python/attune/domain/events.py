"""The event as it travels on the stream, and the record that carries it there."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Final

import msgspec

from attune.domain.identifiers import Identifier

#: the calls of the Segment spec
CALLS: Final = frozenset({"track", "identify", "page", "screen", "group", "alias"})
#: its name for a statement of consent
PREFERENCE_UPDATE: Final = "Segment Consent Preference Updated"
#: internal calls: only our own functions put them on the stream
CONSENT: Final = "$consent"
WAKE: Final = "$wake"
SCORE: Final = "$score"
#: puts somebody on a list or takes them off it: `properties` are `{"list": name, "on": true or false}`
LIST: Final = "$list"
UNLINK: Final = "$unlink"
#: corrects what is known of somebody who is there: `traits`, as they should be. Made of requests alone; it is no event
#: of theirs (nothing is counted or linked), and no word of theirs on consent keeps it out
RECTIFY: Final = "$rectify"
#: forgets whoever its identifiers lead to: `properties` are `{"request_id": …, "suppress": true or false}`, and
#: `gathered`, who they were when it was written down by what else they are known (`domain/processing/forgetting.py`)
ERASE: Final = "$erase"
#: takes nothing in of its identifiers from now on, or again: `properties` are `{"request_id": …, "on": true or false}`
SUPPRESS: Final = "$suppress"
#: these name their profile in `properties.profile_id` and are partitioned by it; applying one twice changes nothing
ADDRESSED: Final = frozenset({WAKE, SCORE, UNLINK})


class Origin(StrEnum):
    """Who put a record on the stream."""

    CLIENT = "client"
    WEBHOOK = "webhook"
    FILE = "file"
    INTERNAL = "internal"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One normalised call.

    `identifiers` are strongest first and never empty, but for `$wake` and `$score`, which name their
    profile in `properties`; those of `$unlink` are what leaves the profile that it names. `time`
    is the client's time after clock-skew correction, never later than the record's `received_at`. `consent` maps
    purposes to what the event itself says. `fingerprint` (16 hex digits) covers what a retry does not change.
    """

    type: str
    message_id: str
    time: int
    identifiers: tuple[Identifier, ...] = ()
    name: str = ""
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}
    consent: dict[str, bool] | None = None
    #: what the source vouches for where nobody has said anything (its legal basis), by purpose
    basis: dict[str, bool] | None = None
    #: how what it says of consent was said: `method` (one of `consent.METHODS`), or by purpose where it is another;
    #: `notice` (the version shown)
    evidence: dict[str, str] = {}
    fingerprint: str = ""
    #: what was changed while normalising, e.g. `time_clamped`
    notes: tuple[str, ...] = ()
    #: how often its request had said the same before: the ledger tells one from the other by it
    copy: int = 0


class Rejected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Input that is not an event: why, and its bytes as they came.

    `how` is what reading the bytes again takes beside them, so that a replay out of quarantine means the same:

    | entrance | `how` |
    |---|---|
    | a client's call | `call`: the path's last part; `gpc`; `sent_at`, `context`, `integrations`: said by its batch |
    | a webhook | `headers`: those that its format reads; `item`: true where the bytes are one of several in the body |
    | a file | `file`: its key; `row`: the line; the bytes are the row as a JSON object |
    | the processor | `event`: true, the bytes are an event of ours |
    """

    reason: str
    raw: bytes
    how: dict[str, Any] = {}
    #: as of an event; of a file's row, what stands for its place
    copy: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One Kinesis record: the events of one request that share a partition key, in the order they came."""

    source: str
    origin: Origin
    received_at: int
    key: str
    #: a server key or a verified webhook vouches for it; a public browser key does not
    trusted: bool = False
    #: when it came out of quarantine, ms; 0 for what comes from outside
    replayed_at: int = 0
    events: tuple[Event, ...] = ()
    rejected: tuple[Rejected, ...] = ()


def encode_record(record: Record) -> bytes:
    """JSON, so that a record can be read where it lies."""
    return _encoder.encode(record)


def decode_record(data: bytes) -> Record:
    """Raises `msgspec.MsgspecError` for anything that `encode_record` did not write."""
    return _decoder.decode(data)


def encode_event(event: Event) -> bytes:
    """JSON of one event, as the lake seals it."""
    return _encoder.encode(event)


def set_aside(event: Event, reason: str) -> Rejected:
    """An event of ours that was read and cannot be applied."""
    return Rejected(reason=reason, raw=encode_event(event), how={"event": True})


def decode_event(data: bytes) -> Event:
    """Raises `msgspec.MsgspecError` for anything that `encode_event` did not write."""
    return _event_decoder.decode(data)


def short_hash(*parts: str | bytes) -> bytes:
    """8 bytes that stand for the parts where a collision costs one event in 2^64."""
    return short_hash_begun(*parts).digest()


def short_hash_begun(*parts: str | bytes) -> hashlib.blake2b:
    """`short_hash` that goes on: further parts may be added to a copy of it."""
    hasher = hashlib.blake2b(digest_size=8)
    for part in parts:
        add_part(hasher, part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part)
    return hasher


def add_part(hasher: hashlib.blake2b, part: bytes) -> None:
    """With its length before it, so that no two rows of parts are the same bytes."""
    hasher.update(len(part).to_bytes(4, "big"))
    hasher.update(part)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Record)
_event_decoder: Final = msgspec.json.Decoder(Event)
