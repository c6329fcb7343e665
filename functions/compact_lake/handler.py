"""A step of the learning loop: raw rows into Parquet, one row an event. Called again with the same input until done."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.learning import CompactLakeSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.compact_lake import compact_lake

#: ms; with less time left neither a day nor the snapshot of profiles is begun
ENOUGH = 8 * 60_000

telemetry = Telemetry("compact_lake")
compact = compact_lake(CompactLakeSettings.from_env(), telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at"}` → `{"done", "days"}`."""
    return compact(RunInput.read(event).cutoff, lambda: context.get_remaining_time_in_millis() > ENOUGH)
