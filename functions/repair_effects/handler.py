"""A step of the repair machine: lost effects, made up for. Called with its last answer until done."""

from typing import Any

from attune.runtime.repairing import RepairInput, progress_of
from attune.runtime.settings.repairs import RepairEffectsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.repair_effects import repair_effects
from attune.use_cases.repairs.repair_effects import Effects

#: ms; with less time left no further page of profiles is begun
ENOUGH = 4 * 60_000

telemetry = Telemetry("repair_effects")
repair = repair_effects(RepairEffectsSettings.from_env(), telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at", "since", "dry_run", "so_far"}` → `Effects`."""
    given = RepairInput.read(event)
    answer = repair(
        given.cutoff - given.since,
        given.progress(Effects),
        dry_run=given.dry_run,
        has_time=lambda: context.get_remaining_time_in_millis() > ENOUGH,
    )
    return progress_of(answer)
