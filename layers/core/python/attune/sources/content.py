"""What every source does with an event's content: whom it names, and what a retry repeats of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from attune.domain.events import Event, add_part, short_hash, short_hash_begun
from attune.domain.identifiers import Identifier, by_strength, normalise_identifier
from attune.sources.payloads import UnreadableError, parse_time, read_json

#: an event that claims more would not fit into one transaction
MAX_IDENTIFIERS: Final = 16
MAX_MESSAGE_ID: Final = 100
YEAR_2000: Final = 946_684_800_000


def read_identifiers(
    claims: Iterable[tuple[object, object]],
) -> tuple[tuple[Identifier, ...], tuple[str, ...]]:
    """The claims (namespace, value) that identify somebody, strongest first, and notes.

    Beyond 16 the weakest are left out, which the note `identifiers_dropped` says.
    """
    read = [normalise_identifier(namespace, value) for namespace, value in claims if value is not None]
    found = by_strength([identifier for identifier in read if identifier is not None])
    notes = ("identifiers_dropped",) if len(found) > MAX_IDENTIFIERS else ()
    return found[:MAX_IDENTIFIERS], notes


def with_message_id(event: Event, source_id: str, *, said_at: int = 0) -> Event:
    """The event with a message id derived from its source, fingerprint and what it says of consent, if it brought none.

    So a retry has it again, and whoever says something else of consent in the same words does not repeat himself.
    `said_at` (ms): of what is said anew each time that it comes; 0 for all else.
    """
    if event.message_id:
        return event
    said = (_encoder.encode((event.consent, said_at)),) if event.consent else ()
    derived = "derived-" + short_hash("message", source_id, event.fingerprint, *said).hex()
    return msgspec.structs.replace(event, message_id=derived, notes=(*event.notes, "message_id_derived"))


def fingerprinted(event: Event, timestamp: object) -> Event:
    """The event with its fingerprint, 16 hex digits.

    It covers type, identifiers, name, properties, traits and the sender's own `timestamp` as it was written: what
    a retry repeats. The times of sending and receipt and the context change with every try.
    """
    repeated = fingerprint(event.type, event.identifiers, event.name, event.properties, event.traits, timestamp)
    return msgspec.structs.replace(event, fingerprint=repeated)


def fingerprint(*repeated: object) -> str:
    """Of what a retry repeats, in the order of `fingerprinted`, for who makes an event with it at once."""
    hasher = _content.copy()
    add_part(hasher, _encoder.encode(repeated))
    return hasher.hexdigest()


def known_time(stamp: object, received_at: int) -> int | None:
    """When a sender whose clock is right says it was, at most `received_at`; None for what is no sensible time."""
    time = parse_time(stamp)
    return None if time is None or time < YEAR_2000 else min(time, received_at)


def read_object(raw: bytes) -> dict[str, Any]:
    """The object that well-formed JSON holds; `UnreadableError` as of `read_json`, or `invalid_event` for no object."""
    value = read_json(raw)
    if not isinstance(value, dict):
        raise UnreadableError("invalid_event")
    return value


def as_object(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_content: Final = short_hash_begun("content")
