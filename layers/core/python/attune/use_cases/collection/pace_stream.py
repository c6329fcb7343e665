"""Records onto the stream at a share of what it takes, so that those whose events come now are not kept waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune.ports import Clock, EventStream

#: of what a shard takes in a second (1,000 records, 1 MB), the part that is used: a fifth
RECORDS: Final = 200
BYTES: Final = 200_000
#: what goes out at once: half a second's
_RECORDS: Final = 100
_BYTES: Final = 100_000

type Entry = tuple[str, bytes]


class PaceStream:
    """Callable with entries; returns when all are stored. `sleep` takes seconds, the clock is in ms."""

    def __init__(self, stream: EventStream, *, shards: int, clock: Clock, sleep: Callable[[float], None]) -> None:
        self._stream = stream
        self._records, self._bytes = RECORDS * shards, BYTES * shards
        self._clock = clock
        self._sleep = sleep
        #: ms; what was put so far has had its time by then
        self._free_at = 0.0

    def __call__(self, entries: Sequence[Entry], *, weight: int = 1) -> None:
        """In order. `weight`: as how many records each one counts. Raises `StreamUnavailableError`."""
        for some, size in _slices(entries, max(1, _RECORDS // weight), _BYTES):
            now = self._clock()
            if now < self._free_at:
                self._sleep((self._free_at - now) / 1_000)
            self._stream.put(some)
            seconds = max(weight * len(some) / self._records, size / self._bytes)
            self._free_at = max(now, self._free_at) + seconds * 1_000


def _slices(entries: Sequence[Entry], records: int, size: int) -> Iterator[tuple[list[Entry], int]]:
    """What goes out at once, in order, and how many bytes it has; an entry larger than that goes alone."""
    part: list[Entry] = []
    weight = 0
    for entry in entries:
        heavy = len(entry[0]) + len(entry[1])
        if part and (len(part) == records or weight + heavy > size):
            yield part, weight
            part, weight = [], 0
        part.append(entry)
        weight += heavy
    if part:
        yield part, weight
