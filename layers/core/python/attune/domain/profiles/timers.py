"""Where a profile's next wake-up is indexed, and how often somebody who is overdue is woken again."""

from __future__ import annotations

from typing import Final

#: never changed: a profile armed under another number of shards would be looked for in the wrong one
DUE_SHARDS: Final = 16
#: ms
SWEEP_EVERY: Final = 15 * 60_000
#: in sweeps: the longest pause between two wake-ups of one profile, four hours
_RAREST: Final = 16


def due_shard(profile_id: str) -> int:
    """The due shard of a profile, 0 to 15; profile ids are keyed hashes, so shards fill evenly."""
    return int(profile_id[:8], 16) % DUE_SHARDS


def is_woken_again(due_at: int, swept_at: int, now: int) -> bool:
    """Whether the sweep at `now` takes somebody who is overdue; the sweep before it was at `swept_at`.

    In the first, second, fourth, eighth quarter of an hour and then every four hours: while nobody reads the stream,
    repeats must not fill it.
    """
    before, after = _quarter(swept_at - due_at), _quarter(now - due_at)
    return after.bit_length() > before.bit_length() or after // _RAREST > before // _RAREST


def _quarter(overdue: int) -> int:
    return overdue // SWEEP_EVERY + 1 if overdue >= 0 else 0
