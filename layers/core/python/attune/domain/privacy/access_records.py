"""Access records: who read or changed which person through which route and why, and the digest that seals each day.

A day is sealed by a digest over all its records in order; each digest covers the one of the day before.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

#: partitions of a day, so that one busy day is not one busy partition; a later version may have more, never fewer
SLOTS: Final = 8
#: hex digits of a record's id
ID_DIGITS: Final = 16
_BETWEEN: Final = "\x1f"
_PARTITION: Final = re.compile(r"access#([12][0-9]{3}-[0-9]{2}-[0-9]{2})#([0-9])", re.ASCII)


class AccessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One access. Names nobody: `subject` is an identity key, or a thing such as `privacy requests`.

    `who`: which key, such as `server key ab12`, or `preference link`; `route`: as the API lists it, never a path;
    `reason`: the caller's, as `support_case:4711`, "" where none was given; `at` in ms; `record_id`: random hex digits.
    """

    at: int
    record_id: str
    who: str
    route: str
    subject: str
    reason: str = ""


class DayDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The seal of one day (UTC): how many records, the SHA-256 over their lines, the digest of the day before.

    `digest` covers all of it. `previous` is "" of the first day.
    """

    day: str
    count: int
    records: str
    previous: str
    digest: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """How far the digests go, kept apart from them: their first day, the newest one and its digest."""

    first: str
    day: str
    digest: str


def day_of(at: int) -> str:
    """The day of an instant (ms), UTC: `2025-06-15`."""
    return datetime.fromtimestamp(at / 1_000, UTC).date().isoformat()


def day_after(day: str, days: int = 1) -> str:
    """So many days later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def slot_of(record: AccessRecord) -> int:
    """Which partition of its day a record lies in."""
    return int(record.record_id[:2], 16) % SLOTS


def partition_of(record: AccessRecord) -> str:
    """Which partition it lies in: a slot of its day, `access#2025-06-15#3`."""
    return f"access#{day_of(record.at)}#{slot_of(record)}"


def read_partition(key: str) -> str | None:
    """The day of a partition of access records; None for what is none."""
    found = _PARTITION.fullmatch(key)
    if found is None or int(found[2]) >= SLOTS:
        return None
    try:
        return date.fromisoformat(found[1]).isoformat()
    except ValueError:
        return None


def entry_of(record: AccessRecord) -> str:
    """Where it lies there: in order of time."""
    return f"{record.at:013d}#{record.record_id}"


def line_of(entry: str, slot: int, record: AccessRecord) -> str:
    """A record in the list of its day: where it was found, and a hash of what it says."""
    parts = (record.at, record.record_id, record.who, record.route, record.subject, record.reason)
    said = hashlib.sha256(_BETWEEN.join(map(str, parts)).encode()).hexdigest()
    return f"{entry}#{slot} {said}"


def seal_day(day: str, lines: Iterable[str], previous: str) -> tuple[DayDigest, bytes]:
    """The day's digest and the list that it covers, of lines in their order; the same for the same."""
    text = lists(lines)
    seal = DayDigest(day=day, count=text.count(b"\n"), records=hash_of_list(text), previous=previous, digest="")
    return msgspec.structs.replace(seal, digest=digest_of_day(seal)), text


def lists(lines: Iterable[str]) -> bytes:
    """Lines as the list of a day holds them."""
    return b"".join(line.encode() + b"\n" for line in lines)


def hash_of_list(listed: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(listed).hexdigest()


def digest_of_day(seal: DayDigest) -> str:
    """Of what a day's seal says; hex, as its `digest` should be."""
    parts = (seal.day, seal.count, seal.records, seal.previous)
    return hashlib.sha256(_BETWEEN.join(map(str, parts)).encode()).hexdigest()


def encode_digest(seal: DayDigest) -> bytes:
    """JSON, the same for the same."""
    return msgspec.json.encode(seal, order="deterministic")


def decode_digest(data: bytes) -> DayDigest | None:
    """None for what is no digest."""
    try:
        return msgspec.json.decode(data, type=DayDigest)
    except msgspec.MsgspecError:
        return None


DIGESTS: Final = "digests/access/"
LISTS: Final = "digests/records/"


def is_day(text: str) -> bool:
    """Whether it is a day as all of these are written."""
    return read_partition(f"access#{text}#0") is not None


def digest_key(day: str) -> str:
    """Where a day's digest lies in the audit bucket."""
    return f"{DIGESTS}{day}.json"


def list_key(day: str) -> str:
    """Where the list lies that it covers."""
    return f"{LISTS}{day}.txt"
