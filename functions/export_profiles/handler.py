"""A step of the privacy machine: what the lake and all stores say of people. Called with the last answer until done."""

from typing import Any

from attune.runtime.runs import RunInput
from attune.runtime.settings.privacy import ExportProfilesSettings
from attune.runtime.telemetry import Telemetry
from attune.runtime.wiring.export_profiles import export_profiles

#: ms; with less time left nothing more is begun: what is laid down is, and the whole is not written
ENOUGH = 8 * 60_000

telemetry = Telemetry("export_profiles")
answer = export_profiles(ExportProfilesSettings.from_env())


class Export(RunInput, frozen=True, kw_only=True):
    """Ids of requests, and `position` of the answer before."""

    requests: tuple[str, ...]
    position: Any = None


@telemetry.observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"done", "position"}`."""
    given = Export.read(event)
    return answer(given.run, given.requests, given.position, lambda: context.get_remaining_time_in_millis() > ENOUGH)
