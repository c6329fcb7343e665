"""What a profile remembers of messages, packed into bytes: a thousand values would outweigh all else that it holds.

A memory is a run of entries: a hash (8 bytes), what was noted of it (of one length), the second at which it was
noted (4 bytes, big-endian). They lie in the order in which they were noted.

Of a busy profile most of the memory lies in pages: items of their own that never change, known by the hash of what they
hold. A commit writes the newest entries and one reference a page, not a thousand entries again and again. A page may
begin with a mark, which says what it is a page of: fewer bytes than an entry has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

HASH: Final = 8
#: bytes of a page's hash: among a billion pages two are alike once in 10^11 deployments
REFERENCE: Final = 12
_STAMP: Final = 4


def entry_size(size: int) -> int:
    """Bytes of an entry whose note has `size` bytes."""
    return HASH + size + _STAMP


def remember(memory: bytes, order: bytes, note: bytes, at: int) -> bytes:
    """With one entry more; seconds are rounded up, so that nothing is forgotten too soon."""
    return b"".join((memory, order, note, (-(-at // 1_000)).to_bytes(_STAMP, "big")))


def recall(memory: bytes, order: bytes, size: int) -> bytes | None:
    """What was noted with that hash; `size`: bytes of a note."""
    entry = entry_size(size)
    mark = len(memory) % entry
    found = memory.find(order, mark)
    while found >= 0 and (found - mark) % entry:
        found = memory.find(order, found + 1)
    return None if found < 0 else memory[found + HASH : found + HASH + size]


def forget(memory: bytes, before: int, capacity: int, size: int) -> bytes:
    """Without the oldest beyond the capacity, and those before them that were noted up to `before` (ms)."""
    entry = entry_size(size)
    start = max(0, len(memory) - capacity * entry)
    while start < len(memory) and _second(memory[start : start + entry]) * 1_000 <= before:
        start += entry
    return memory[start:] if start else memory


def unite(one: bytes, other: bytes, size: int) -> bytes:
    """Both, in order of time; of two entries with one hash the later, whoever absorbs whom."""
    both = sorted([*entries(one, size), *entries(other, size)], key=_age)
    newest = {entry[:HASH]: entry for entry in both}
    ordered: list[bytes] = sorted(newest.values(), key=_age)
    return b"".join(ordered)


def unite_pages(one: Mapping[bytes, bytes], other: Mapping[bytes, bytes], size: int) -> dict[bytes, bytes]:
    """Both, oldest first, whoever absorbs whom."""
    pages = {**one, **other}
    return dict(sorted(pages.items(), key=lambda page: (newest(page[1], size), page[0])))


def newest(memory: bytes, size: int) -> int:
    """When the last of its entries was noted (ms)."""
    return 1_000 * max((_second(entry) for entry in entries(memory, size)), default=0)


def is_over(memory: bytes, before: int, size: int) -> bool:
    """Whether all of it was noted up to `before` (ms). The last entry says so almost always."""
    return _second(memory[-_STAMP:]) * 1_000 <= before and newest(memory, size) <= before


def entries(memory: bytes, size: int) -> Iterator[bytes]:
    """One by one, without the mark."""
    entry = entry_size(size)
    return (memory[start : start + entry] for start in range(len(memory) % entry, len(memory), entry))


def reference(page: bytes) -> bytes:
    """By which a page is known."""
    return hashlib.blake2b(page, digest_size=REFERENCE).digest()


def _age(entry: bytes) -> tuple[int, bytes]:
    return _second(entry), entry


def _second(entry: bytes) -> int:
    return int.from_bytes(entry[-_STAMP:], "big")
