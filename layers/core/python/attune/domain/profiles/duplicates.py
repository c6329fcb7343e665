"""Whether a profile has met an event before: positions for the stream's redelivery, a memory for producers' retries.

The stream redelivers records it has delivered; their position per partition key tells. A producer that got no answer
sends the same request again as a new record; hashes of whole records and of single events, kept for 24 hours, tell.
Who sends webhooks tries again for days, and operators ask for them again by hand: their ids are kept for 7 days, apart,
so that neither what a browser sends pushes them out nor they that. So are those of consent statements, which they make.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from attune.domain.events import CONSENT, Origin, short_hash
from attune.domain.profiles import memory
from attune.domain.profiles.profile import FINGERPRINT, Position, later_position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attune.domain.events import Event, Record
    from attune.domain.profiles.profile import Profile

#: how long a producer may repeat itself unnoticed, from when an event was applied: it may have waited on the stream, or
#: in the failures bucket, for longer than that
WINDOW: Final = 24 * 3_600_000
MAX_SEEN: Final = 1_000
MAX_SEEN_RECORDS: Final = 50
#: the same of webhooks
WEBHOOK_WINDOW: Final = 7 * WINDOW
MAX_WEBHOOKS: Final = 1_000
#: of each of both, ids that lie in the profile's own item; when there are more, all of them go out as a page
MAX_LOOSE: Final = 32
_ENTRY: Final = memory.entry_size(FINGERPRINT)
#: what a page of webhooks begins with; one of other ids has no mark
_WEBHOOKS: Final = b"w"
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
    known = [
        seen
        for profile in profiles
        for remembered in (profile.seen, profile.webhooks, *profile.pages.values())
        if (seen := memory.recall(remembered, order, FINGERPRINT)) is not None
    ]
    if not known:
        return Familiarity.NEW
    return Familiarity.DUPLICATE if fingerprint in known else Familiarity.CONFLICT


def remember(profile: Profile, order: bytes, fingerprint: bytes, applied_at: int, *, longer: bool = False) -> None:
    """Note a message id; `longer`: for as long as webhooks are."""
    if longer:
        profile.webhooks = memory.remember(profile.webhooks, order, fingerprint, applied_at)
    else:
        profile.seen = memory.remember(profile.seen, order, fingerprint, applied_at)


def is_kept_longer(event: Event, record: Record) -> bool:
    """Whether it is a webhook's, or a statement of consent."""
    return record.origin is Origin.WEBHOOK or event.type == CONSENT


def remember_record(profile: Profile, whole: bytes, applied_at: int) -> None:
    """Note a whole record; apart from message ids, so that the ids of a large batch cannot push it out."""
    profile.seen_records = memory.remember(profile.seen_records, whole, b"", applied_at)


def knows_record(profile: Profile, whole: bytes) -> bool:
    """Whether this profile has met the whole record before."""
    return memory.recall(profile.seen_records, whole, 0) is not None


def forget_old(profile: Profile, now: int) -> None:
    """Drop what can no longer matter, and the oldest beyond what a profile may carry."""
    profile.seen = _turn(profile, memory.forget(profile.seen, now - WINDOW, MAX_SEEN, FINGERPRINT), b"")
    if profile.webhooks:
        kept = memory.forget(profile.webhooks, now - WEBHOOK_WINDOW, MAX_WEBHOOKS, FINGERPRINT)
        profile.webhooks = _turn(profile, kept, _WEBHOOKS)
    if profile.pages:
        _forget_pages(profile, b"", len(profile.seen), now - WINDOW, MAX_SEEN)
        _forget_pages(profile, _WEBHOOKS, len(profile.webhooks), now - WEBHOOK_WINDOW, MAX_WEBHOOKS)
    profile.seen_records = memory.forget(profile.seen_records, now - WINDOW, MAX_SEEN_RECORDS, 0)
    for key in [key for key, known in profile.cursors.items() if known.at + POSITION_LIFETIME <= now]:
        del profile.cursors[key]


def expires_at(page: bytes) -> int:
    """When nobody asks for a page any more, with an hour to spare for clocks that differ; seconds since the epoch."""
    window = WEBHOOK_WINDOW if _is_marked(page, _WEBHOOKS) else WINDOW
    return (memory.newest(page, FINGERPRINT) + window) // 1_000 + 3_600


def _turn(profile: Profile, loose: bytes, mark: bytes) -> bytes:
    """What is left of the newest ids, once there were enough of them for a page."""
    if len(loose) <= MAX_LOOSE * _ENTRY:
        return loose
    page = mark + loose
    profile.pages[memory.reference(page)] = page
    return b""


def _forget_pages(profile: Profile, mark: bytes, loose: int, before: int, most: int) -> None:
    """A page goes as a whole: once all of it is old, or once the newer ones hold as much as is remembered."""
    pages = [(reference, page) for reference, page in profile.pages.items() if _is_marked(page, mark)]
    held = sum(len(page) - len(mark) for _, page in pages) + loose
    for reference, page in pages:
        held -= len(page) - len(mark)
        if held < most * _ENTRY and not memory.is_over(page, before, FINGERPRINT):
            return
        del profile.pages[reference]


def _is_marked(page: bytes, mark: bytes) -> bool:
    return len(page) % _ENTRY == len(mark)
