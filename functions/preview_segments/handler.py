"""A step of the preview machine: who would be in a segment, or how segments overlap. Called again until done."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.past import PreviewSegmentsSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.preview_segments import preview_segments
from attune.use_cases.preview_segments import Asked

#: ms; with less time left no other page is begun
ENOUGH = 5 * 60_000

telemetry = Telemetry("preview_segments")
preview, overlap = preview_segments(PreviewSegmentsSettings.from_env())


class Preview(RunInput, frozen=True, kw_only=True):
    """What was asked, and `position` of the answer before."""

    asked: Asked
    position: Any = None


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"done", "position"}`, and `result` at the end."""
    given = Preview.read(event)

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > ENOUGH)

    if (draft := given.asked.draft) is None:
        return overlap(given.asked.segments, given.cutoff, given.position, has_time)
    return preview(draft, given.cutoff, given.position, has_time)
