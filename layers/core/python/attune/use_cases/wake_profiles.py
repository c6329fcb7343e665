"""Every minute: profiles whose next due time has come go back onto the stream as `$wake` events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attune.domain.events import WAKE, Event, Origin, Record, encode_record
from attune.domain.timers import DUE_SHARDS

if TYPE_CHECKING:
    from attune.ports import Clock, Count, Due, DueIndex, EventStream

#: the index is eventually consistent and clocks differ: the last minutes are looked at again, repeats are harmless
OVERLAP: Final = 120_000
MINUTE: Final = 60_000
SWEEP_EVERY: Final = 15 * MINUTE
#: a fifth of what a shard of the stream takes in a minute (1,000 records/s), so that a lag does not feed itself
SHARE: Final = 1_000 * 60 // 5


class WakeProfiles:
    """Callable once a minute; answers how many profiles it woke."""

    def __init__(self, *, due: DueIndex, stream: EventStream, clock: Clock, stream_shards: int, count: Count) -> None:
        self._due = due
        self._stream = stream
        self._clock = clock
        self._budget = SHARE * stream_shards
        self._count = count

    def __call__(self) -> int:
        """Oldest first within each due shard; what the budget leaves over is the next run's, from its mark on."""
        now = self._clock()
        sweep = now % SWEEP_EVERY < MINUTE
        per_shard = self._budget // DUE_SHARDS
        woken = 0
        for shard in range(DUE_SHARDS):
            mark = self._due.mark(shard)
            found = self._due.due(shard, 0 if sweep else max(0, mark - OVERLAP), now, per_shard)
            if found:
                self._stream.put([(due.profile_id, encode_record(wake(due, now))) for due in found])
            reached = found[-1].due_at if len(found) == per_shard else now
            if reached > mark or sweep:
                self._due.set_mark(shard, reached)
            woken += len(found)
        self._count("ProfilesWoken", woken, {"sweep": str(sweep).lower()})
        return woken


def wake(due: Due, now: int) -> Record:
    """One record a profile, partitioned by its id; it has no position to remember, because waking is idempotent."""
    event = Event(
        type=WAKE, message_id=f"wake-{due.profile_id}-{due.due_at}", time=now, properties={"profile_id": due.profile_id}
    )
    return Record(
        source="attune", origin=Origin.INTERNAL, received_at=now, key=due.profile_id, trusted=True, events=(event,)
    )
