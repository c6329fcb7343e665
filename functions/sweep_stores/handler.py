"""Steps of the privacy machine: erased people's traces out of every store. Called with its last position until done."""

from typing import Any, Literal

from attune.runtime.runs import RunInput
from attune.runtime.settings.privacy import SweepStoresSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.sweep_stores import sweep_stores

#: ms; with less time left no further object is begun: the largest file takes some minutes
ENOUGH = 6 * 60_000

telemetry = Telemetry("sweep_stores")
sweep = sweep_stores(SweepStoresSettings.from_env(), telemetry.count)


class SweepInput(RunInput, frozen=True, kw_only=True):
    """Whose requests, at which stage, and the `position` of the answer before."""

    stage: Literal["stores", "versions"]
    requests: tuple[str, ...]
    position: str = ""


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"run", "started_at", "stage", "requests", "position"}` → `{"done", "position", "swept_at"}`."""
    given = SweepInput.read(event)
    return sweep(
        given.stage,
        given.requests,
        given.position,
        lambda: context.get_remaining_time_in_millis() > ENOUGH,
    )
