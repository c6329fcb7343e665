"""Every minute: profiles whose next due time has come go back onto the stream as `$wake` events.

A profile leaves the due index, or moves on in it, when its `$wake` is processed. So who is still there was not woken
yet, or the `$wake` waits on the stream, or it was lost. Nobody can tell the last two apart: those passed already are
woken again, but only with what the new ones leave of a run's budget, and ever more rarely.
"""

from __future__ import annotations

import heapq
from itertools import batched, chain, islice
from typing import TYPE_CHECKING, Final

from attune.domain.events import WAKE, Event, Origin, Record, encode_record
from attune.domain.profiles.timers import DUE_SHARDS, SWEEP_EVERY, is_woken_again
from attune.ports import Due, Marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune.ports import Clock, Count, DueIndex, EventStream

#: the index is eventually consistent and clocks differ: the last minutes are looked at again
OVERLAP: Final = 120_000
#: wake-ups that go out at once for each shard of the stream, a second after those before: a fifth of what it takes
SHARE: Final = 200
#: how often that happens in a run, and for how long (ms): a run ends before the next one begins
SLICES: Final = 40
PATIENCE: Final = 40_000
_PAUSE: Final = 1.0
#: of one query
_PAGE: Final = 500

#: somebody who is due, with the due shard
type Waiting = tuple[int, Due]


class WakeProfiles:
    """Callable once a minute; answers how many profiles it woke. `sleep` takes seconds."""

    def __init__(
        self,
        *,
        due: DueIndex,
        stream: EventStream,
        clock: Clock,
        sleep: Callable[[float], None],
        stream_shards: int,
        count: Count,
    ) -> None:
        self._due = due
        self._stream = stream
        self._clock = clock
        self._sleep = sleep
        self._slice = SHARE * stream_shards
        self._count = count

    def __call__(self) -> int:
        """Who comes due first is woken first; who is left over is the next run's, from the marks on."""
        now = self._clock()
        marks = self._due.marks()
        # A mark in the future is from a clock that was wrong: what was armed meanwhile lies in the overlap.
        reached = [min(mark, _end(now)) for mark in marks.reached] or [Due(0, "")] * DUE_SHARDS
        swept_at = marks.swept_at if marks.swept_at <= now else 0
        sweep = now - swept_at >= SWEEP_EVERY
        new = self._oldest(reached, [now] * DUE_SHARDS)
        waiting = chain(new, self._late(reached), self._lost(reached, swept_at, now) if sweep else ())
        woken = self._wake(waiting, now, Marks(reached=tuple(reached), swept_at=swept_at))
        if next(new, None) is None:
            swept_at = now if sweep else swept_at
            self._due.set_marks(Marks(reached=(_end(now),) * DUE_SHARDS, swept_at=swept_at))
        self._count("ProfilesWoken", woken, {"sweep": str(sweep).lower()})
        return woken

    def _wake(self, waiting: Iterator[Waiting], now: int, marks: Marks) -> int:
        """Slice by slice. The marks follow each full one: a run that is killed leaves one slice to be repeated."""
        woken, reached = 0, list(marks.reached)
        for taken in islice(batched(waiting, self._slice, strict=False), SLICES):
            if woken:
                self._sleep(_PAUSE)
            self._stream.put([(due.profile_id, encode_record(wake(due, now))) for _, due in taken])
            woken += len(taken)
            for shard, due in taken:
                if due.due_at >= reached[shard].due_at:
                    reached[shard] = due
            if len(taken) == self._slice:
                self._due.set_marks(Marks(reached=tuple(reached), swept_at=marks.swept_at))
            if self._clock() - now > PATIENCE:
                break
        return woken

    def _late(self, reached: Sequence[Due]) -> Iterator[Waiting]:
        """Who was due in the last minutes before the marks, and is there still, or only now."""
        return self._oldest([Due(mark.due_at - OVERLAP, "") for mark in reached], [mark.due_at - 1 for mark in reached])

    def _lost(self, reached: Sequence[Due], swept_at: int, now: int) -> Iterator[Waiting]:
        """The sweep: of all who were due before that, those whose next repeat has come. It looks at a run's budget."""
        overdue = self._oldest([Due(0, "")] * DUE_SHARDS, [mark.due_at - OVERLAP - 1 for mark in reached])
        looked_at = islice(overdue, self._slice * SLICES)
        return (one for one in looked_at if is_woken_again(one[1].due_at, swept_at, now))

    def _oldest(self, after: Sequence[Due], until: Sequence[int]) -> Iterator[Waiting]:
        """By due time over all due shards, read as far as they are asked for."""
        shards = [self._waiting(shard, after[shard], until[shard]) for shard in range(DUE_SHARDS)]
        return heapq.merge(*shards, key=lambda one: one[1].due_at)

    def _waiting(self, shard: int, after: Due, until: int) -> Iterator[Waiting]:
        while page := self._due.due(shard, after, until, _PAGE):
            yield from ((shard, due) for due in page)
            if len(page) < _PAGE:
                return
            after = page[-1]


def _end(now: int) -> Due:
    """Behind everybody who was due up to `now`."""
    return Due(now + 1, "")


def wake(due: Due, now: int) -> Record:
    """One record a profile, partitioned by its id; it has no position to remember, because waking is idempotent."""
    event = Event(
        type=WAKE, message_id=f"wake-{due.profile_id}-{due.due_at}", time=now, properties={"profile_id": due.profile_id}
    )
    return Record(
        source="attune", origin=Origin.INTERNAL, received_at=now, key=due.profile_id, trusted=True, events=(event,)
    )
