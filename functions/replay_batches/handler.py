"""A step of the repair machine: failed batches, run again. Called with its last answer until done."""

from typing import Any

from attune.runtime.repairing import RepairInput, progress_of
from attune.runtime.settings.repairs import ReplayBatchesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.replay_batches import replay_batches
from attune.use_cases.repairs.replay_batches import Replay

#: ms; with less time left no further batch is begun: the largest takes half a minute, an outage of the function longer
ENOUGH = 4 * 60_000

telemetry = Telemetry("replay_batches")
replay = replay_batches(ReplayBatchesSettings.from_env(), telemetry.count)


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at", "dry_run", "so_far"}` → `Replay`."""
    given = RepairInput.read(event)
    answer = replay(
        given.run,
        given.cutoff,
        given.progress(Replay),
        dry_run=given.dry_run,
        has_time=lambda: context.get_remaining_time_in_millis() > ENOUGH,
    )
    return progress_of(answer)
