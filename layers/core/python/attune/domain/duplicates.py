"""Whether a profile has met an event before: positions for the stream's redelivery, a memory for producers' retries.

The stream redelivers records it has delivered; their position per partition key tells. A producer that got no answer
sends the same request again as a new record; hashes of whole records and of single events, kept for 24 hours, tell.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from attune.domain.events import short_hash
from attune.domain.profiles import Position, Seen, later_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune.domain.events import Event, Record
    from attune.domain.profiles import Profile

#: how long a producer may repeat itself unnoticed, by the time of receipt
WINDOW: Final = 24 * 3_600_000
MAX_SEEN: Final = 1_000
MAX_SEEN_RECORDS: Final = 200
#: the longest retention of a Kinesis stream that the deployment uses, and a day: older positions cannot come back
POSITION_LIFETIME: Final = 8 * 24 * 3_600_000
SEQUENCE_BYTES: Final = 24


class Familiarity(Enum):
    """What is known of a message id: nothing, the same content, or another content."""

    NEW = auto()
    DUPLICATE = auto()
    CONFLICT = auto()


def position(epoch: int, sequence_number: str, now: int) -> Position:
    """A Kinesis sequence number is up to 56 decimal digits: more than a DynamoDB number holds, so fixed-width bytes."""
    return Position(epoch, int(sequence_number).to_bytes(SEQUENCE_BYTES, "big"), now)


def is_behind(profile: Profile, partition_key: str, at: Position) -> bool:
    """The record at `at` has been applied to this profile before."""
    known = profile.cursors.get(partition_key)
    return known is not None and (known.epoch, known.sequence) >= (at.epoch, at.sequence)


def advance_cursor(profile: Profile, partition_key: str, at: Position) -> None:
    """Everything up to `at` has been applied for this partition key."""
    profile.cursors[partition_key] = later_position(profile.cursors.get(partition_key), at)


def event_hash(source: str, event: Event) -> bytes:
    """8 bytes that stand for a message id of a source."""
    return short_hash(source, event.message_id)


def record_hash(record: Record) -> bytes:
    """8 bytes that stand for all events of a record; the times of sending and receipt are not part of it."""
    return short_hash(
        b"record", record.source, *(part for e in record.events for part in (e.message_id, e.fingerprint))
    )


def familiarity(profiles: Iterable[Profile], order: bytes, fingerprint: bytes) -> Familiarity:
    """What any of the profiles an event touches knows of its message id."""
    for profile in profiles:
        seen = profile.seen.get(order)
        if seen is not None:
            return Familiarity.DUPLICATE if seen.fingerprint == fingerprint else Familiarity.CONFLICT
    return Familiarity.NEW


def remember(profile: Profile, order: bytes, fingerprint: bytes, received_at: int) -> None:
    """Note a message id."""
    profile.seen[order] = Seen(fingerprint, received_at)


def remember_record(profile: Profile, whole: bytes, received_at: int) -> None:
    """Note a whole record; apart from message ids, so that the ids of a large batch cannot push it out."""
    profile.seen_records[whole] = received_at


def forget_old(profile: Profile, now: int) -> None:
    """Drop what can no longer matter, and the oldest beyond what a profile may carry."""
    for order in _outdated({order: seen.at for order, seen in profile.seen.items()}, MAX_SEEN, now):
        del profile.seen[order]
    for whole in _outdated(profile.seen_records, MAX_SEEN_RECORDS, now):
        del profile.seen_records[whole]
    for key in [key for key, known in profile.cursors.items() if known.at + POSITION_LIFETIME <= now]:
        del profile.cursors[key]


def _outdated(received_at: Mapping[bytes, int], capacity: int, now: int) -> list[bytes]:
    """What is older than the window, and the oldest beyond the capacity."""
    expired = [key for key, at in received_at.items() if at + WINDOW <= now]
    if len(received_at) - len(expired) <= capacity:
        return expired
    return sorted(received_at, key=lambda key: (received_at[key], key))[:-capacity]
