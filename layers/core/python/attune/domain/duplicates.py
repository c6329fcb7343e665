"""Whether a profile has met an event before: positions for the stream's redelivery, a memory for producers' retries.

The stream redelivers records it has delivered; their position per partition key tells. A producer that got no answer
sends the same request again as a new record; hashes of whole records and of single events, kept for 24 hours, tell.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from attune.domain import memory
from attune.domain.events import short_hash
from attune.domain.profiles import FINGERPRINT, Position, later_position

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        seen = memory.recall(profile.seen, order, FINGERPRINT)
        if seen is not None:
            return Familiarity.DUPLICATE if seen == fingerprint else Familiarity.CONFLICT
    return Familiarity.NEW


def remember(profile: Profile, order: bytes, fingerprint: bytes, received_at: int) -> None:
    """Note a message id."""
    profile.seen = memory.remember(profile.seen, order, fingerprint, received_at)


def remember_record(profile: Profile, whole: bytes, received_at: int) -> None:
    """Note a whole record; apart from message ids, so that the ids of a large batch cannot push it out."""
    profile.seen_records = memory.remember(profile.seen_records, whole, b"", received_at)


def knows_record(profile: Profile, whole: bytes) -> bool:
    """Whether this profile has met the whole record before."""
    return memory.recall(profile.seen_records, whole, 0) is not None


def forget_old(profile: Profile, now: int) -> None:
    """Drop what can no longer matter, and the oldest beyond what a profile may carry."""
    profile.seen = memory.forget(profile.seen, now - WINDOW, MAX_SEEN, FINGERPRINT)
    profile.seen_records = memory.forget(profile.seen_records, now - WINDOW, MAX_SEEN_RECORDS, 0)
    for key in [key for key, known in profile.cursors.items() if known.at + POSITION_LIFETIME <= now]:
        del profile.cursors[key]
