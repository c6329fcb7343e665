"""What a profile remembers of messages, packed into bytes: a thousand values would outweigh all else that it holds.

A memory is a run of entries: a hash (8 bytes), what was noted of it (of one length), the second of its receipt (4
bytes, big-endian). They lie in the order in which they came, which is nearly that of their receipt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

HASH: Final = 8
_STAMP: Final = 4


def remember(memory: bytes, order: bytes, note: bytes, received_at: int) -> bytes:
    """With one entry more; seconds are rounded up, so that nothing is forgotten too soon."""
    return b"".join((memory, order, note, (-(-received_at // 1_000)).to_bytes(_STAMP, "big")))


def recall(memory: bytes, order: bytes, size: int) -> bytes | None:
    """What was noted with that hash; `size`: bytes of a note."""
    entry = HASH + size + _STAMP
    found = memory.find(order)
    while found > 0 and found % entry:
        found = memory.find(order, found + 1)
    return None if found < 0 else memory[found + HASH : found + HASH + size]


def forget(memory: bytes, before: int, capacity: int, size: int) -> bytes:
    """Without the oldest beyond the capacity, and those before them that were received up to `before` (ms)."""
    entry = HASH + size + _STAMP
    start = max(0, len(memory) - capacity * entry)
    while start < len(memory) and _second(memory[start : start + entry]) * 1_000 <= before:
        start += entry
    return memory[start:] if start else memory


def unite(one: bytes, other: bytes, size: int) -> bytes:
    """Both, in order of receipt; of two entries with one hash the later, whoever absorbs whom."""
    entries = sorted([*_entries(one, size), *_entries(other, size)], key=_age)
    newest = {entry[:HASH]: entry for entry in entries}
    ordered: list[bytes] = sorted(newest.values(), key=_age)
    return b"".join(ordered)


def _entries(memory: bytes, size: int) -> Iterator[bytes]:
    entry = HASH + size + _STAMP
    return (memory[start : start + entry] for start in range(0, len(memory), entry))


def _age(entry: bytes) -> tuple[int, bytes]:
    return _second(entry), entry


def _second(entry: bytes) -> int:
    return int.from_bytes(entry[-_STAMP:], "big")
