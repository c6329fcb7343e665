"""Steps of the preview machine: who would be in a segment, or how segments overlap. Called again until done."""

from typing import Any, Literal

from attune.runtime.runs import RunInput
from attune.runtime.settings.past import PreviewSegmentsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.preview_segments import preview_segments

#: ms; with less time left no other page is begun
ENOUGH = 5 * 60_000

telemetry = Telemetry("preview_segments")
preview = preview_segments(PreviewSegmentsSettings.from_env())


class Preview(RunInput, frozen=True, kw_only=True):
    """`position` of the answer before. `forget`: the run is over, and what it was asked goes."""

    step: Literal["look", "forget"]
    position: Any = None


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"done", "position"}`, and `result` at the end; or `{"forgotten"}`."""
    given = Preview.read(event)
    if given.step == "forget":
        return preview.forget(given.run)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > ENOUGH)

    return preview(given.run, given.cutoff, given.position, has_time)
