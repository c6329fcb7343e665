"""Where a profile's next wake-up is indexed: the due index is spread over a fixed number of shards."""

from __future__ import annotations

from typing import Final

#: never changed: a profile armed under another number of shards would be looked for in the wrong one
DUE_SHARDS: Final = 16


def due_shard(profile_id: str) -> int:
    """The due shard of a profile, 0 to 15; profile ids are keyed hashes, so shards fill evenly."""
    return int(profile_id[:8], 16) % DUE_SHARDS
